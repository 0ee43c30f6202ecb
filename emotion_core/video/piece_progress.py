"""How far a video is that is read in pieces, from how far its pieces are."""

import time

from emotion_core.video.pieces import PiecePlan
from emotion_core.video.progress import ANALYSING, VideoProgress


class PiecesProgress:
    """Adds up the progress of the pieces of one video.

    Args:
        plan: of the video.
    """

    def __init__(self, plan: PiecePlan) -> None:
        self._begun_s = time.monotonic()
        self._newest: dict[int, VideoProgress] = {}
        known = [p.end_s - p.read_from_s for p in plan.pieces if p.end_s is not None]
        usual_s = sum(known) / max(len(known), 1) or 1.0
        self._lengths_s = [
            usual_s if p.end_s is None else p.end_s - p.read_from_s for p in plan.pieces
        ]
        self._shares = [0.0] * len(plan.pieces)

    def update(self, number: int, progress: VideoProgress) -> VideoProgress:
        """Take in how far one piece is; returns how far the video is."""
        self._newest[number], self._shares[number] = progress, progress.fraction
        return self._now()

    def finished(self, number: int) -> None:
        """A piece is read, or was found finished."""
        self._shares[number] = 1.0

    def again(self, number: int) -> None:
        """A piece begins from its start."""
        self._newest.pop(number, None)
        self._shares[number] = 0.0

    def _now(self) -> VideoProgress:
        spent_s = max(1e-6, time.monotonic() - self._begun_s)
        lengths = zip(self._shares, self._lengths_s, strict=True)
        done = sum(share * length for share, length in lengths) / sum(self._lengths_s)
        read = sum(p.frames_read for p in self._newest.values())
        analysed = sum(p.frames_analysed for p in self._newest.values())
        left_s = spent_s * (1 - done) / done if done > 0.01 else None
        reached_s = max((p.time_s for p in self._newest.values()), default=0.0)
        return VideoProgress(
            ANALYSING, done, 1.0, read, analysed, analysed / spent_s, left_s, reached_s
        )
