"""Several videos at once: hands out the steps to workers, wherever they run, and survives the death
of any of them.

A worker that dies costs the video that it was reading, or the piece of it: that is tried once more.
A video in pieces is read by several workers, and joined by the one that is free then. A machine
that leaves takes its workers along; this does not count as a try of their videos.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from emotion_core.batch.examined import RemoteSource
from emotion_core.batch.folders import FolderOf
from emotion_core.batch.locations import Location
from emotion_core.batch.outcomes import CANCELLED, failed, not_begun
from emotion_core.batch.report import Report
from emotion_core.batch.schedule import Analyse, Examine, Refuse, Schedule
from emotion_core.batch.split_videos import Join, ReadPiece, SplitVideos
from emotion_core.batch.worker import AnyStep, Broken, Ended, Gone, Message, Note, Ready, Stop
from emotion_core.video.analyze import Source
from emotion_core.video.piece_reading import PieceRead
from emotion_core.video.pieces import PiecePlan
from emotion_core.video.progress import VideoProgress


class CrewLostError(Exception):
    """All workers are lost at once, and no other can be started; says why."""


class Crew(Protocol):
    """The processes that read videos, each known by a number; starts and ends them.

    Attributes:
        grace_s: how long a stopped run waits for the videos that are being read.
        most_failed_starts: workers that may fail to start, one after the other, before the run
            gives up on more.
    """

    grace_s: float
    most_failed_starts: int

    def wanted(self) -> int:
        """How many workers are of use now, at least 1."""

    def start(self) -> int:
        """Start a worker; its first message is `Ready`, `Broken` or `Gone`."""

    def send(self, worker: int, what: AnyStep | Stop) -> None:
        """Give a worker its next step, or ask it to end; one that is gone already is ignored."""

    def receive(self) -> Iterable[tuple[int, Message]]:
        """Wait a moment, and tell what came.

        Raises:
            CrewLostError: there are no workers any more.
        """

    def clear_up(self, step: Analyse | Join, message: str) -> None:
        """Leave nothing unfinished of a video whose worker died."""

    def close(self) -> None:
        """End all workers at once."""


@dataclass(slots=True, eq=False)
class _Worker:
    ready: bool = False
    step: AnyStep | None = None
    # The number of the video that it has examined.
    held: int = -1


class Pool:
    """One run by a crew; every input gets its outcome.

    Args:
        crew: reads the videos.
        folder_of: where the results of each go.
        report: has the inputs; receives everything that happens.
        parts: of a video that can be read at the same time, at most.
    """

    def __init__(self, crew: Crew, folder_of: FolderOf, report: Report, parts: int = 1) -> None:
        videos = {n: v for n, v in enumerate(report.inputs) if not isinstance(v, dict)}
        self._crew, self._report, self._parts = crew, report, parts
        self._schedule = Schedule(videos, folder_of)
        self._split = SplitVideos(self._is_busy, self._end)
        # Without an outcome so far.
        self._open: dict[int, Location] = dict(videos)
        self._workers: dict[int, _Worker] = {}
        self._stopped_at: float | None = None
        self._failed_starts, self._why = 0, ""

    def run(self, stop: Callable[[], bool]) -> None:
        """Read everything, then end the crew.

        Args:
            stop: asked several times a second; once it is true, the videos being read are ended,
                as the crew's workers do it, and no other is begun.
        """
        for number, item in enumerate(self._report.inputs):
            if isinstance(item, dict):
                self._report.file_end(number, item)
        try:
            while self._open:
                self._round(stop)
        except CrewLostError as lost:
            self._lose(str(lost))
        finally:
            self._close()

    def _close(self) -> None:
        """End what still runs, and clear up where that was in the midst of a video."""
        self._crew.close()
        for worker in self._workers.values():
            if isinstance(worker.step, Analyse | Join):
                self._crew.clear_up(worker.step, "the run was interrupted")
        self._workers.clear()

    def _round(self, stop: Callable[[], bool]) -> None:
        if stop() and self._stopped_at is None:
            self._stop()
        if self._stopped_at is None:
            self._start_workers()
            self._hand_out()
        elif time.monotonic() - self._stopped_at > self._crew.grace_s:
            self._end_all("stopped; nothing of it was kept.", {"status": CANCELLED})
        if not self._workers:
            self._end_all(f"no process could be started to read it ({self._why}).")
        if self._open:
            for number, message in self._crew.receive():
                if number in self._workers:
                    self._receive(number, message)
                elif isinstance(message, Note):
                    self._report.note(message.message)

    def _start_workers(self) -> None:
        few = self._failed_starts < self._crew.most_failed_starts
        wanted = min(self._crew.wanted(), len(self._open) * self._parts) if few else 0
        while len(self._workers) < wanted:
            self._workers[self._crew.start()] = _Worker()

    def _hand_out(self) -> None:
        for number, worker in self._workers.items():
            if worker.step is not None or not worker.ready:
                continue
            step = self._split.next() or self._schedule.next(worker.held)
            while isinstance(step, Refuse):
                self._end(step.number, step.outcome)
                step = self._schedule.next(worker.held)
            if step is None:
                return
            if isinstance(step, Examine):
                self._report.file_start(step.number)
            # A worker that is dead already is noticed when its answer is awaited.
            worker.step, worker.held = step, step.number
            self._crew.send(number, step)

    def _receive(self, number: int, message: Message) -> None:
        worker = self._workers[number]
        step = worker.step
        if isinstance(message, Ready):
            worker.ready, self._failed_starts = True, 0
        elif isinstance(message, Broken):
            self._why = message.message
        elif isinstance(message, Gone):
            self._gone(number, message)
        elif isinstance(message, Ended) and step is not None and not isinstance(step, ReadPiece):
            worker.step = None
            self._end(step.number, message.outcome)
        elif step is not None:
            self._during(worker, step, message)

    def _during(self, worker: _Worker, step: AnyStep, message: Message) -> None:
        """What comes before the end of a video."""
        stopping = self._stopped_at is not None
        if isinstance(message, VideoProgress) and isinstance(step, ReadPiece | Join):
            self._report.progress(step.number, step.folder, self._split.progress(step, message))
        elif isinstance(message, VideoProgress) and isinstance(step, Analyse):
            self._report.progress(step.number, step.folder, message)
        elif isinstance(message, PiecePlan) and isinstance(step, Analyse):
            worker.step = None
            self._split.begin(step, message)
            if stopping:
                self._split.settle(step.number)
        elif isinstance(message, PieceRead) and isinstance(step, ReadPiece):
            worker.step = None
            self._split.piece_read(step, message, stopping)
        elif isinstance(message, Ended) and isinstance(step, ReadPiece):
            worker.step = None
            self._split.settle(step.number, message.outcome)
        elif isinstance(message, Source | RemoteSource):
            worker.step = None
            if stopping:
                self._end(step.number, not_begun(step.path))
            else:
                self._schedule.examined(step.number, message)

    def _is_busy(self, number: int) -> bool:
        steps = (worker.step for worker in self._workers.values())
        return any(step is not None and step.number == number for step in steps)

    def _end(self, number: int, outcome: dict[str, Any]) -> None:
        if self._open.pop(number, None) is not None:
            self._split.ended(number)
            self._schedule.ended(number)
            self._report.file_end(number, outcome)

    def _gone(self, number: int, gone: Gone) -> None:
        """A worker has left or died; whoever is needed is started in the next round."""
        worker = self._workers.pop(number)
        if not worker.ready:
            self._failed_starts += 1
            self._why = self._why or f"it {gone.how}"
        if (step := worker.step) is None:
            return
        name = step.path.name
        stopping = self._stopped_at is not None
        if not stopping and self._died(step, gone.innocent):
            self._report.again(
                step.number, f"{name}: the process that read it {gone.how}. It is tried once more."
            )
            return
        tries = "" if stopping else " too often" if gone.innocent else " twice"
        message = f"{name}: the process that read it {gone.how}{tries}."
        if isinstance(step, ReadPiece):
            # Where the run was stopped, the results end before this piece.
            self._split.settle(step.number, None if stopping else failed(step.path, message))
            return
        if isinstance(step, Analyse | Join):
            self._crew.clear_up(step, message)
        self._end(step.number, failed(step.path, message))

    def _died(self, step: AnyStep, innocent: bool) -> bool:
        """Whether what was lost will be tried once more."""
        if isinstance(step, ReadPiece | Join):
            return self._split.died(step)
        return self._schedule.died(step, innocent)

    def _stop(self) -> None:
        """End the videos that are being read; the others are not begun."""
        self._stopped_at = time.monotonic()
        busy = {w.step.number for w in self._workers.values() if w.step is not None}
        for number in self._workers:
            self._crew.send(number, Stop())
        for number, path in list(self._open.items()):
            if number in busy:
                continue
            if number in self._split:
                self._split.settle(number)
            else:
                self._end(number, not_begun(path))

    def _lose(self, why: str) -> None:
        self._workers.clear()
        self._report.note(why)
        self._end_all(f"not finished. {why}")

    def _end_all(self, message: str, changes: dict[str, Any] | None = None) -> None:
        for number, path in list(self._open.items()):
            self._end(number, failed(path, f"{path.name}: {message}") | (changes or {}))
