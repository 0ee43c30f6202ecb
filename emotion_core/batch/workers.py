"""Several videos at once on this machine: starts the worker processes and ends them.

Each worker is started afresh (spawned), loads the network once and reads one video, or one
piece of a video, at a time. All files are written by the workers; this process only clears up after
the dead.
"""

import contextlib
import math
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from emotion_core.batch.capacity import usable_cores
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.outcomes import FAILED
from emotion_core.batch.schedule import Analyse
from emotion_core.batch.split_videos import Join
from emotion_core.batch.worker import AnyStep, Gone, Message, Stop, work
from emotion_core.errors import EmotionCoreError
from emotion_core.results.paths import read_summary, remove_leftovers, sole_writer
from emotion_core.results.summary import write_summary

_ASK_S: Final = 0.2
# Time for a process whose pipe is closed to be gone.
_EXIT_S: Final = 10.0
# Libraries that read these when they are loaded, such as numpy's linear algebra.
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    connection: "Connection[Any, Any]"


class ProcessCrew:
    """Workers that are processes of this machine; all files are written by them.

    Args:
        options: how each video is read; already checked.
        jobs: so many at once.
    """

    grace_s = math.inf
    most_failed_starts = 2

    def __init__(self, options: BatchOptions, jobs: int) -> None:
        self._options, self._jobs = options, jobs
        self._workers: dict[int, _Worker] = {}
        self._started = 0

    def wanted(self) -> int:
        """As `Crew`."""
        return self._jobs

    def start(self) -> int:
        """As `Crew`."""
        self._started += 1
        threads = max(1, usable_cores() // self._jobs)
        self._workers[self._started] = _start(self._options, threads)
        return self._started

    def send(self, worker: int, what: AnyStep | Stop) -> None:
        """As `Crew`."""
        if worker in self._workers:
            with contextlib.suppress(OSError):
                self._workers[worker].connection.send(what)

    def receive(self) -> Iterator[tuple[int, Message]]:
        """As `Crew`."""
        known = {worker.connection: number for number, worker in self._workers.items()}
        for connection in wait(list(known), _ASK_S):
            number = known[connection]  # type: ignore[index]
            try:
                yield number, self._workers[number].connection.recv()
            except (EOFError, OSError):
                yield number, self._gone(number)

    def _gone(self, number: int) -> Gone:
        worker = self._workers.pop(number)
        worker.connection.close()
        worker.process.join(_EXIT_S)
        return Gone(_how(worker.process.exitcode))

    def clear_up(self, step: Analyse | Join, message: str) -> None:
        """As `Crew`."""
        if isinstance(step.folder, Path):
            _clear_up(step.folder, message)

    def close(self) -> None:
        """As `Crew`."""
        for worker in self._workers.values():
            # One without a step has nothing unfinished.
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers.values():
            worker.process.join(_EXIT_S)
        self._workers.clear()


def _start(options: BatchOptions, threads: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=work, args=(there, options, threads), name="analyze-worker", daemon=True
    )
    with without_signals(), _thread_variables(threads), without_main_script():
        process.start()
    # The worker holds the other end only: when it dies, reading here says so.
    there.close()
    return _Worker(process, here)


@contextlib.contextmanager
def without_signals() -> Iterator[None]:
    """What is started in here does not see Ctrl-C, not even before it can choose to ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting it would let the signals through.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def without_main_script() -> Iterator[None]:
    """What is started in here does not run the main script again, as spawned processes do: that may
    be a page, or a script without a guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _thread_variables(threads: int) -> Iterator[None]:
    """What is started in here inherits the limit, unless the user has set one."""
    ours = [name for name in _THREAD_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, str(threads)))
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _how(exitcode: int | None) -> str:
    """How a process ended, in words that follow "the process"."""
    if exitcode is None or exitcode >= 0:
        return f"ended unexpectedly (status {exitcode})"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    if name == "SIGKILL":
        return f"was killed ({name}), as happens when memory runs out"
    return f"crashed ({name}), as a decoder may on a damaged file"


def _clear_up(folder: Path, message: str) -> None:
    """Leave no unfinished file of a dead worker, nor a summary that says it is running."""
    with contextlib.suppress(EmotionCoreError, OSError):
        if not folder.is_dir():
            return
        with sole_writer(folder):
            remove_leftovers(folder)
            summary = read_summary(folder)
            if summary.get("status") == "running":
                write_summary(folder, summary | {"status": FAILED, "message": message})
