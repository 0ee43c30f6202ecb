"""The videos of a run that are read in pieces: which piece is next, how far each video is, and its
outcome. Starts no process and reads no video.

A pool of workers asks it before its `Schedule`, and tells it what becomes of its steps.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emotion_core.batch.one_video import joined
from emotion_core.batch.outcomes import failure, not_begun
from emotion_core.batch.schedule import TRIES, Analyse
from emotion_core.progress import Event
from emotion_core.video.piece_progress import PiecesProgress
from emotion_core.video.piece_reading import PieceRead
from emotion_core.video.pieces import PiecePlan
from emotion_core.video.progress import Hooks, VideoProgress

# Instead of a piece's number.
_JOINING: Final = -1


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """Read one piece of a video that is split."""

    number: int
    plan: PiecePlan
    folder: Path
    piece: int

    @property
    def path(self) -> Path:
        """The video."""
        return self.plan.source.path


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Join the pieces of a video."""

    number: int
    plan: PiecePlan
    folder: Path
    pieces: tuple[PieceRead, ...]

    @property
    def path(self) -> Path:
        """The video."""
        return self.plan.source.path


Part = ReadPiece | Join


@dataclass(slots=True, eq=False)
class _Split:
    plan: PiecePlan
    folder: Path
    progress: PiecesProgress
    waiting: deque[int]
    read: dict[int, PieceRead] = field(default_factory=dict)
    begun: Counter[int] = field(default_factory=Counter)
    joining: bool = False
    failed: Event | None = None


class SplitVideos:
    """The videos in pieces that have no outcome yet, by their number in the run.

    Args:
        is_busy: whether a worker works on a video now.
        end: called with the outcome of a video that does not go on.
    """

    def __init__(self, is_busy: Callable[[int], bool], end: Callable[[int, Event], None]) -> None:
        self._is_busy, self._end = is_busy, end
        self._videos: dict[int, _Split] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._videos

    def begin(self, step: Analyse, plan: PiecePlan) -> None:
        """A video is to be read in pieces; `next` gives them, and then their joining."""
        # URLs are not split.
        assert isinstance(step.folder, Path)
        waiting = deque(range(len(plan.pieces)))
        self._videos[step.number] = _Split(plan, step.folder, PiecesProgress(plan), waiting)

    def next(self) -> Part | None:
        """What can be begun now, of the first video that has something."""
        for number, video in sorted(self._videos.items()):
            if video.waiting:
                piece = video.waiting.popleft()
                video.begun[piece] += 1
                return ReadPiece(number, video.plan, video.folder, piece)
            if len(video.read) == len(video.plan.pieces) and not video.joining:
                video.joining = True
                video.begun[_JOINING] += 1
                return self._join(number, video)
        return None

    def progress(self, step: Part, now: VideoProgress) -> VideoProgress:
        """How far the video is, from how far one of its steps is."""
        if isinstance(step, Join):
            return now
        return self._videos[step.number].progress.update(step.piece, now)

    def piece_read(self, step: ReadPiece, read: PieceRead, stopping: bool) -> None:
        """A piece is finished, or was stopped; no worker works on it any more."""
        video = self._videos[step.number]
        video.read[step.piece] = read
        video.progress.finished(step.piece)
        if stopping or video.failed:
            self.settle(step.number)

    def settle(self, number: int, outcome: Event | None = None) -> None:
        """A video does not go on: its outcome follows once no process works on it any more.

        Args:
            number: of the video.
            outcome: why it failed; None: it was stopped, and what was read from its start is kept.
        """
        video = self._videos[number]
        video.failed = video.failed or outcome
        video.waiting.clear()
        if not self._is_busy(number):
            self._end(number, video.failed or self._joined_here(number, video))

    def died(self, step: Part) -> bool:
        """The process that worked on a step died; returns whether it will be tried once more."""
        video = self._videos[step.number]
        part = step.piece if isinstance(step, ReadPiece) else _JOINING
        again = video.begun[part] < TRIES and not video.failed
        if isinstance(step, ReadPiece):
            video.progress.again(step.piece)
            video.waiting.extend([step.piece] if again else [])
        else:
            video.joining = not again
        return again

    def ended(self, number: int) -> None:
        """A video has its outcome."""
        self._videos.pop(number, None)

    def _join(self, number: int, video: _Split) -> Join:
        return Join(number, video.plan, video.folder, tuple(video.read.values()))

    def _joined_here(self, number: int, video: _Split) -> Event:
        """The outcome of a video that was stopped: the rows that are known are written at once."""
        path = video.plan.source.path
        join = self._join(number, video)
        if all(piece.number for piece in join.pieces):
            return not_begun(path)
        try:
            return joined(join.plan, join.folder, join.pieces, Hooks(stop=lambda: True))
        except Exception as error:
            return failure(path, error)
