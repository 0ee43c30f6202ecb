"""What the caller of an analysis is told while it runs, and may ask of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from emotion_core.progress import Progress, ignore_progress

# Steps: the analysis, and a clip that is drawn when it is known who is who.
ANALYSING: Final = "analysing"
DRAWING: Final = "drawing"


@dataclass(frozen=True, slots=True)
class VideoProgress(Progress):
    """How far an analysis has come.

    Attributes:
        frames_read, frames_analysed: so far.
        fps: analysed frames per second of work.
        left_s: estimated seconds left; None while unknown.
        time_s: the time of the source that was reached.
    """

    frames_read: int
    frames_analysed: int
    fps: float
    left_s: float | None
    time_s: float

    @classmethod
    def at(
        cls,
        frames: tuple[int, int],
        time_s: float,
        span_s: tuple[float, float],
        spent_s: float,
        step: str = ANALYSING,
    ) -> "VideoProgress":
        """How far it is at a time of the source.

        Args:
            frames: read and analysed.
            time_s: reached.
            span_s: where the work begins and ends; the end is infinite where the file does not say,
                and may be wrong where it does.
            spent_s: since the beginning.
            step: what is being done.
        """
        length_s = span_s[1] - span_s[0]
        done = (time_s - span_s[0]) / length_s if math.isfinite(length_s) else 0.0
        done, spent_s = min(1.0, max(0.0, done)), max(1e-6, spent_s)
        left_s = spent_s * (1 - done) / done if done > 0.01 else None
        return cls(step, done, 1.0, *frames, frames[1] / spent_s, left_s, time_s)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller wants to know while it runs, told by the analysing thread.

    At frames that are decoded only to be left out the reading thread tells and asks instead; never
    both at once.
    """

    progress: Callable[[VideoProgress], None] = ignore_progress
    stop: Callable[[], bool] = lambda: False
    # Keep preview.jpg, the newest analysed frame, in the folder while the analysis runs.
    preview: bool = False
