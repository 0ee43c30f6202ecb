"""How many videos this machine can read at once: by its cores, and by the memory that is free."""

import os
from pathlib import Path
from typing import Final

import psutil

# The largest that a worker was seen to take was 820 MB, at 4K (benchmarks/video_jobs.py); 500 MB at
# full HD, 270 MB at 640x360.
WORKER_BYTES: Final = 900 * 10**6
# Of the free memory; the rest is for what else the machine does.
_SHARE: Final = 0.8
_CGROUP: Final = Path("/sys/fs/cgroup")


def default_jobs() -> int:
    """One video for each core, as far as four fifths of the free memory hold their workers."""
    return max(1, min(usable_cores(), int(_SHARE * free_bytes() / WORKER_BYTES)))


def usable_cores(limits: Path = _CGROUP) -> int:
    """Cores that this process may use, also where a container or a scheduler limits them."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _words(limits / "cpu.max")
    if len(quota) == 2 and all(word.isdigit() for word in quota) and int(quota[1]):
        cores = min(cores, round(int(quota[0]) / int(quota[1])))
    return max(1, cores)


def free_bytes(limits: Path = _CGROUP) -> int:
    """Memory that can be used without swapping, also where a container limits it."""
    free = int(psutil.virtual_memory().available)
    most, used = _words(limits / "memory.max"), _words(limits / "memory.current")
    if most and used and most[0].isdigit() and used[0].isdigit():
        statistics = _words(limits / "memory.stat")
        cache = dict(zip(statistics[::2], statistics[1::2], strict=False)).get("inactive_file", "0")
        free = min(free, int(most[0]) - int(used[0]) + int(cache))
    return max(0, free)


def _words(file: Path) -> list[str]:
    """The words of one of the kernel's files; none where it does not exist."""
    try:
        return file.read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
