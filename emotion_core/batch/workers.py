"""Several videos at once: starts the worker processes, hands out the steps, survives their death.

Each worker is started afresh (spawned), loads the network once and reads one video at a time. A
worker that dies costs the video that it was reading, or the piece of it: that is tried once more.
A video in pieces is read by several workers, and joined by the one that is free then. All files are
written by the workers; this process only clears up after the dead.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from emotion_core.batch.capacity import usable_cores
from emotion_core.batch.folders import FolderOf
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.outcomes import FAILED, failed, not_begun
from emotion_core.batch.report import Report
from emotion_core.batch.schedule import Analyse, Examine, Refuse, Schedule
from emotion_core.batch.split_videos import Join, ReadPiece, SplitVideos
from emotion_core.batch.worker import AnyStep, Broken, Ended, Ready, Stop, work
from emotion_core.errors import EmotionCoreError
from emotion_core.results.paths import read_summary, remove_leftovers, sole_writer
from emotion_core.results.summary import write_summary
from emotion_core.video.analyze import Source
from emotion_core.video.piece_reading import PieceRead
from emotion_core.video.pieces import PiecePlan
from emotion_core.video.progress import VideoProgress

_ASK_S: Final = 0.2
# Time for a process whose pipe is closed to be gone.
_EXIT_S: Final = 10.0
# Libraries that read these when they are loaded, such as numpy's linear algebra.
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Workers that may fail to start, one after the other, before the run gives up on more.
_FAILED_STARTS: Final = 2


def read_in_workers(
    options: BatchOptions,
    folder_of: FolderOf,
    jobs: int,
    report: Report,
    stop: Callable[[], bool],
) -> None:
    """Read the videos of a run, `jobs` at once; every input gets its outcome.

    Args:
        options: how each is read; already checked.
        folder_of: where the results of each go.
        jobs: worker processes.
        report: has the inputs; receives everything that happens.
        stop: asked several times a second; once it is true, the videos being read are ended
            properly, with what is done, and no other is begun.
    """
    pool = _Pool(options, folder_of, jobs, report)
    try:
        pool.run(stop)
    finally:
        pool.close()


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    connection: "Connection[Any, Any]"
    ready: bool = False
    step: AnyStep | None = None


class _Pool:
    def __init__(
        self, options: BatchOptions, folder_of: FolderOf, jobs: int, report: Report
    ) -> None:
        videos = {n: item for n, item in enumerate(report.inputs) if isinstance(item, Path)}
        self._options, self._jobs, self._report = options, jobs, report
        self._schedule = Schedule(videos, folder_of)
        self._split = SplitVideos(self._is_busy, self._end)
        # Without an outcome so far.
        self._open = dict(videos)
        self._workers: list[_Worker] = []
        self._stopping = False
        self._failed_starts, self._why = 0, ""

    def run(self, stop: Callable[[], bool]) -> None:
        for number, item in enumerate(self._report.inputs):
            if not isinstance(item, Path):
                self._report.file_end(number, item)
        while self._open:
            if stop() and not self._stopping:
                self._stop()
            if not self._stopping:
                self._start_workers()
                self._hand_out()
            if not self._workers:
                self._give_up()
                return
            known = {worker.connection: worker for worker in self._workers}
            for connection in wait(list(known), _ASK_S):
                self._receive(known[connection])  # type: ignore[index]

    def close(self) -> None:
        """End what still runs, and clear up where that was in the midst of a video."""
        for worker in self._workers:
            # One without a step has nothing unfinished.
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_EXIT_S)
            if isinstance(worker.step, Analyse | Join):
                _clear_up(worker.step.folder, "the run was interrupted")
        self._workers.clear()

    def _start_workers(self) -> None:
        threads = max(1, usable_cores() // self._jobs)
        parts = self._options.pieces.count if self._options.pieces else 1
        wanted = min(self._jobs, len(self._open) * parts)
        wanted = wanted if self._failed_starts < _FAILED_STARTS else 0
        while len(self._workers) < wanted:
            self._workers.append(_start(self._options, threads))

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.step is not None or not worker.ready:
                continue
            step = self._split.next() or self._schedule.next()
            while isinstance(step, Refuse):
                self._end(step.number, step.outcome)
                step = self._schedule.next()
            if step is None:
                return
            if isinstance(step, Examine):
                self._report.file_start(step.number)
            # A worker that is dead already is noticed when its connection is read.
            worker.step = step
            with contextlib.suppress(OSError):
                worker.connection.send(step)

    def _receive(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._gone(worker)
            return
        step = worker.step
        if isinstance(message, Ready):
            worker.ready, self._failed_starts = True, 0
        elif isinstance(message, Broken):
            self._why = message.message
        elif isinstance(message, VideoProgress) and isinstance(step, ReadPiece | Join):
            self._report.progress(step.number, step.folder, self._split.progress(step, message))
        elif isinstance(message, VideoProgress) and isinstance(step, Analyse):
            self._report.progress(step.number, step.folder, message)
        elif isinstance(message, PiecePlan) and isinstance(step, Analyse):
            worker.step = None
            self._split.begin(step, message)
            if self._stopping:
                self._split.settle(step.number)
        elif isinstance(message, PieceRead) and isinstance(step, ReadPiece):
            worker.step = None
            self._split.piece_read(step, message, self._stopping)
        elif isinstance(message, Ended) and isinstance(step, ReadPiece):
            worker.step = None
            self._split.settle(step.number, message.outcome)
        elif isinstance(message, Source) and step is not None:
            worker.step = None
            if self._stopping:
                self._end(step.number, not_begun(step.path))
            else:
                self._schedule.examined(step.number, message)
        elif isinstance(message, Ended) and step is not None:
            worker.step = None
            self._end(step.number, message.outcome)

    def _is_busy(self, number: int) -> bool:
        return any(w.step is not None and w.step.number == number for w in self._workers)

    def _end(self, number: int, outcome: dict[str, Any]) -> None:
        del self._open[number]
        self._split.ended(number)
        self._schedule.ended(number)
        self._report.file_end(number, outcome)

    def _gone(self, worker: _Worker) -> None:
        """A worker has left or died; whoever is needed is started in the next round."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join(_EXIT_S)
        how = _how(worker.process.exitcode)
        if not worker.ready:
            self._failed_starts += 1
            self._why = self._why or f"it {how}"
        if (step := worker.step) is None:
            return
        name = step.path.name
        parts = self._split if isinstance(step, ReadPiece | Join) else self._schedule
        if not self._stopping and parts.died(step):  # type: ignore[arg-type]
            self._report.again(
                step.number, f"{name}: the process that read it {how}. It is tried once more."
            )
            return
        tries = "" if self._stopping else " twice"
        message = f"{name}: the process that read it {how}{tries}."
        if isinstance(step, ReadPiece):
            # Where the run was stopped, the results end before this piece.
            outcome = None if self._stopping else failed(step.path, message)
            self._split.settle(step.number, outcome)
            return
        if isinstance(step, Analyse | Join):
            _clear_up(step.folder, message)
        self._end(step.number, failed(step.path, message))

    def _stop(self) -> None:
        """End the videos that are being read; the others are not begun."""
        self._stopping = True
        busy = {worker.step.number for worker in self._workers if worker.step is not None}
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.connection.send(Stop())
        for number, path in list(self._open.items()):
            if number in busy:
                continue
            if number in self._split:
                self._split.settle(number)
            else:
                self._end(number, not_begun(path))

    def _give_up(self) -> None:
        for number, path in list(self._open.items()):
            message = f"{path.name}: no process could be started to read it ({self._why})."
            self._end(number, failed(path, message))


def _start(options: BatchOptions, threads: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=work, args=(there, options, threads), name="analyze-worker", daemon=True
    )
    with _signals_held(), _thread_variables(threads), _without_main_script():
        process.start()
    # The worker holds the other end only: when it dies, reading here says so.
    there.close()
    return _Worker(process, here)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
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
def _without_main_script() -> Iterator[None]:
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
