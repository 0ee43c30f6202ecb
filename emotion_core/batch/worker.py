"""The process that reads videos for a run, one at a time, and sends home what becomes of them."""

import contextlib
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from emotion_core.batch.examined import Examined
from emotion_core.batch.one_video import BatchOptions, VideoReader, joined
from emotion_core.batch.outcomes import failure
from emotion_core.batch.schedule import Analyse, Examine, Step
from emotion_core.batch.split_videos import Join, ReadPiece
from emotion_core.batch.staged import StagedReader
from emotion_core.media.threads import limit_threads
from emotion_core.progress import Event
from emotion_core.video.analyze import Source
from emotion_core.video.piece_reading import PieceRead
from emotion_core.video.pieces import PiecePlan
from emotion_core.video.progress import Hooks, VideoProgress


@dataclass(frozen=True, slots=True)
class Ready:
    """The network is loaded; videos may come."""


@dataclass(frozen=True, slots=True)
class Broken:
    """No video can be read here, and why; the process ends."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of the video whose turn it is."""

    outcome: Event


@dataclass(frozen=True, slots=True)
class Gone:
    """A process has left or died.

    Attributes:
        how: in words that follow "the process".
        innocent: its whole machine left; the video that it read is not to blame.
    """

    how: str
    innocent: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the user should know now; concerns the run, not a video."""

    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """To the process: end the video properly, keep what is done, and leave."""


Message = Ready | Broken | Gone | Note | Ended | Examined | PiecePlan | PieceRead | VideoProgress
AnyStep = Step | ReadPiece | Join


def work(connection: "Connection[Any, Any]", options: BatchOptions, threads: int) -> None:
    """Do one `Step` after the other until the connection is closed or says `Stop`.

    Args:
        connection: to the process that hands out the steps. Sends `Ready` or `Broken`, then for
            each step an `Examined`, `PiecePlan`, `PieceRead` or `Ended`, with `VideoProgress` in
            between.
        options: how videos are read.
        threads: that each library may use.
    """
    # Ctrl-C in a terminal reaches every process: the parent decides what ends, and how.
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    limit_threads(threads)
    with contextlib.suppress(OSError):  # the parent is gone
        try:
            reader = StagedReader(VideoReader(options))
        except Exception as error:
            connection.send(Broken(str(error) or repr(error)))
            return
        connection.send(Ready())
        with contextlib.closing(reader):
            _Worker(connection, reader).serve()


class _Worker:
    def __init__(self, connection: "Connection[Any, Any]", reader: StagedReader) -> None:
        self._connection, self._reader = connection, reader
        self._stopped = False

    def serve(self) -> None:
        while not self._stopped:
            try:
                step = self._connection.recv()
            except EOFError:
                return
            if isinstance(step, Stop):
                return
            self._connection.send(self._answer(step))

    def _answer(self, step: AnyStep) -> Examined | PiecePlan | PieceRead | Ended:
        try:
            if isinstance(step, Examine):
                return self._reader.examine(step.path)
            hooks = Hooks(self._progress, self._asked_to_stop)
            if not isinstance(step, Analyse):
                return self._part(step, hooks)
            source, folder = step.source, step.folder
            if not isinstance(source, Source) or not isinstance(folder, Path):
                return Ended(self._reader.analyse(source, folder, hooks))
            begun = self._reader.plain.begin(source, folder)
            if isinstance(begun, dict):
                return Ended(begun)
            if begun is not None and len(begun.pieces) > 1:
                return begun
            return Ended(self._reader.plain.read(source, folder, hooks, begun))
        except Exception as error:
            return Ended(failure(step.path, error))

    def _part(self, step: ReadPiece | Join, hooks: Hooks) -> PieceRead | Ended:
        if isinstance(step, Join):
            return Ended(joined(step.plan, step.folder, step.pieces, hooks))
        return self._reader.plain.read_piece(step.plan, step.piece, step.folder, hooks)

    def _progress(self, now: VideoProgress) -> None:
        try:
            self._connection.send(now)
        except OSError:
            # The parent was killed: what is done is kept.
            self._stopped = True

    def _asked_to_stop(self) -> bool:
        """While a video is read, only `Stop` or the end of the parent can arrive."""
        if not self._stopped and self._connection.poll():
            self._stopped = True
        return self._stopped
