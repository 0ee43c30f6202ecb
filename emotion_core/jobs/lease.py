"""A job's process ends itself when its server gives no more signs of life.

Where several replicas share a queue, another one begins the job again then: two processes must not
work on the same. The server touches a file for as long as it holds the job.
"""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "EMOTION_LAB_JOB_LEASE"
_LOOK_EVERY_S: Final = 0.5
EXIT_STATUS: Final = 75


def lease_environment(file: Path, seconds: float) -> dict[str, str]:
    """What tells a job's process which file to watch, and how old it may become."""
    return {VARIABLE: f"{seconds}:{file}"}


def renew_file(file: Path, at_s: float) -> None:
    """Let the job's process live on.

    Args:
        file: made where it is missing.
        at_s: when the sign of life was given, seconds since 1970.

    Raises:
        OSError: it cannot be written.
    """
    file.touch()
    os.utime(file, (at_s, at_s))


def watch_lease(environ: Mapping[str, str] = os.environ) -> threading.Thread | None:
    """Begin to watch where this process was started by `lease_environment`; else do nothing."""
    seconds, _, file = environ.get(VARIABLE, "").partition(":")
    if not file:
        return None
    arguments = (Path(file), float(seconds))
    thread = threading.Thread(target=_watch, args=arguments, name="watch-lease", daemon=True)
    thread.start()
    return thread


def _watch(file: Path, seconds: float) -> None:
    while _age_s(file) < seconds:
        time.sleep(_LOOK_EVERY_S)
    # Nothing is tidied up: the replica that takes the job up removes what is unfinished.
    os._exit(EXIT_STATUS)


def _age_s(file: Path) -> float:
    with contextlib.suppress(OSError):
        return time.time() - file.stat().st_mtime
    return float("inf")
