"""The jobs of a work folder as others see them: which kind, how they are doing, how large."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from emotion_core.jobs.log import (
    PROCESS,
    PROGRESS,
    RUNNING,
    WAITING,
    JobLog,
    asked_s,
    job_status,
    read_json,
    waits,
)
from emotion_core.jobs.process import living

# Folder of a store below the work folder → what its jobs are called.
KINDS: Final[Mapping[str, str]] = {
    "videos": "analysis",
    "evaluations": "evaluation",
    "explanations": "explanation",
    "study_jobs": "study work",
}
# Replicas that share a database share the jobs of these folders.
SHARED_KINDS: Final = {name: kind for name, kind in KINDS.items() if name != "study_jobs"}
OWN_KINDS: Final = {name: kind for name, kind in KINDS.items() if name not in SHARED_KINDS}
# The states of ended jobs by what their folders looked like: their logs are long.
_ended: dict[Path, tuple[int, str]] = {}
_MOST_KEPT: Final = 5000


def jobs_in(store: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and description of each job of a store; damaged ones are left out."""
    for file in store.glob("jobs/*/job.json"):
        job = read_json(file)
        if isinstance(job.get("inputs"), list):
            yield file.parent, job


def state_in(folder: Path, job: Mapping[str, Any]) -> str:
    """How a job is doing, as `jobs.log` names it; any server may have begun it."""
    stamp = _stamp(folder)
    # Another thread may empty the whole at any moment.
    known, ended = _ended.get(folder, (0, ""))
    if known == stamp:
        return ended
    alive = living(folder, None) is not None
    log = JobLog(folder / PROGRESS)
    log.update()
    state = job_status(folder, log.files(job["inputs"]), log.ended, alive)[0]
    if state not in (RUNNING, WAITING):
        if len(_ended) >= _MOST_KEPT:
            _ended.clear()
        _ended[folder] = (stamp, state)
    return state


def _stamp(folder: Path) -> int:
    """Changes when a job is begun again, or says something."""
    times = []
    for name in ("job.json", PROCESS, PROGRESS, "cancelled"):
        try:
            times.append((folder / name).stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return hash(tuple(times))


def states_of(work_dir: Path, kinds: Mapping[str, str] = KINDS) -> dict[tuple[str, str], int]:
    """(kind, state) → number of jobs, of these stores of a work folder."""
    found: Counter[tuple[str, str]] = Counter()
    for name, kind in kinds.items():
        for folder, job in jobs_in(work_dir / name):
            found[kind, state_in(folder, job)] += 1
    return dict(found)


def running_in(folder: Path, kinds: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """(kind, "running") → number of jobs whose processes run from a replica's folder."""
    found: Counter[tuple[str, str]] = Counter()
    for name, kind in kinds.items():
        for file in (folder / name).glob(f"jobs/*/{PROCESS}"):
            found[kind, RUNNING] += living(file.parent, None) is not None
    return {key: number for key, number in found.items() if number}


def longest_wait_s(
    work_dir: Path, now_s: float, kinds: Mapping[str, str] = KINDS
) -> tuple[str, float]:
    """The kind of job that waits longest though none of its kind runs, and for how many seconds.

    ("", 0.0) where no job waits, or where one of the same kind is being worked on.
    """
    worst = ("", 0.0)
    for name, kind in kinds.items():
        folders = {folder for folder, _ in jobs_in(work_dir / name)}
        waiting = {folder for folder in folders if waits(folder)}
        if not waiting or any(living(folder, None) for folder in folders - waiting):
            continue
        wait_s = max(now_s - asked_s(folder) for folder in waiting)
        worst = max(worst, (kind, wait_s), key=lambda found: found[1])
    return worst


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; what goes while it is looked at does not count."""
    total, ahead = 0, [folder]
    while ahead:
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
