"""Whether a server can do its work, and why not: for load balancers and those on call."""

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from emotion_core.errors import EmotionCoreError
from emotion_core.model.bundle import load_bundle
from emotion_core.monitoring.job_folders import KINDS, OWN_KINDS, longest_wait_s
from emotion_core.monitoring.patience import Question

__all__ = ["OWN_KINDS", "Health"]
_log = logging.getLogger(__name__)
# Less room than this does not take a short video and its results.
LEAST_FREE_BYTES: Final = 200_000_000
# A job that waits longer, while none is being worked on, will not begin by itself.
LONGEST_WAIT_S: Final = 1800.0
# Anyone may ask, as often as they like.
_FRESH_S: Final = 5.0


class Health:
    """Answers whether all is well, at most every five seconds anew. Any thread.

    Args:
        work_dir: of the installation.
        models_dir: of the installation.
        others: further checks; each returns a problem or "".
        asked: checks of other machines, all begun before the first is waited for.
        kinds: of the jobs in the work folder, as of `job_folders`.
    """

    def __init__(
        self,
        work_dir: Path,
        models_dir: Path,
        others: Mapping[str, Callable[[], str]],
        asked: Mapping[str, Question[str]] = MappingProxyType({}),
        kinds: Mapping[str, str] = KINDS,
    ) -> None:
        self._asked = asked
        self._checks: dict[str, Callable[[], str]] = {
            "work folder": lambda: work_folder_problem(work_dir),
            "disk": lambda: disk_problem(work_dir),
            "network": lambda: network_problem(models_dir),
            "queue": lambda: queue_problem(work_dir, kinds=kinds),
            **others,
        }
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None
        self._told: dict[str, str] = {}

    def state(self) -> dict[str, Any]:
        """`status` ("ok" or "failing"), and `problems`: check → what is wrong, in a sentence."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > _FRESH_S:
                self._known = (time.monotonic(), self._look())
            return self._known[1]

    def _look(self) -> dict[str, Any]:
        for question in self._asked.values():
            question.begin()
        found = {name: check() for name, check in self._checks.items()}
        found |= {name: question.answer() for name, question in self._asked.items()}
        problems = {name: problem for name, problem in found.items() if problem}
        for name in problems.keys() - self._told.keys():
            _log.error("Health, %s: %s", name, problems[name])
        self._told = problems
        return {"status": "failing" if problems else "ok", "problems": problems}


def work_folder_problem(work_dir: Path) -> str:
    """Why the work folder cannot be used; "" where a file could be written."""
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir) as file:
            file.write(b"0")
    except OSError as error:
        return f"The work folder cannot be written: {error.strerror}."
    return ""


def disk_problem(work_dir: Path, least: int = LEAST_FREE_BYTES) -> str:
    """Why there is too little room for uploads and results; "" where there is enough.

    Args:
        work_dir: on the disk in question.
        least: bytes that must be free.
    """
    try:
        free = shutil.disk_usage(work_dir).free
    except OSError:
        return ""  # There is no work folder, which another check tells.
    if free >= least:
        return ""
    return f"The disk of the work folder is full: {free / 1e6:,.0f} MB are free."


def network_problem(models_dir: Path) -> str:
    """Why no network can be served; "" where one can."""
    try:
        bundle = load_bundle(models_dir=models_dir)
        bundle.served_file.stat()
    except (EmotionCoreError, OSError) as error:
        # Anyone may ask: paths stay inside.
        _log.debug("No network can be served: %s", error)
        return "No network can be served: its folder is missing or damaged."
    return ""


def queue_problem(work_dir: Path, kinds: Mapping[str, str] = KINDS) -> str:
    """Why waiting jobs do not begin; "" where they do, or none waits."""
    try:
        kind, wait_s = longest_wait_s(work_dir, time.time(), kinds)
    except OSError:
        return ""
    return stuck_words(kind, wait_s)


def stuck_words(kind: str, wait_s: float) -> str:
    """What is said of a queue whose oldest job waits so long; "" where that is not long."""
    if wait_s < LONGEST_WAIT_S:
        return ""
    return f"The queue is stuck: one job ({kind}) has waited for {wait_s / 60:.0f} minutes."
