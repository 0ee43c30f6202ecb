"""Scanning part of a frame in a background thread while the next frames are analysed.

A scan costs as much as two or three whole frames. While all known faces are in view it is not
urgent, so it runs in a thread and its result is used some frames later. When that happens depends
only on the frames and their times, never on the speed of the machine: the same stream has the same
results everywhere.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from emotion_core.vision.cascade import Prepared, detect, load_cascade
from emotion_core.vision.local_search import Found

# A result is used after this many frames, or with the first frame after this many seconds.
DUE_FRAMES: Final = 5
DUE_S: Final = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    answer: Future[Found]
    frame: int
    time_s: float


class BackgroundScan:
    """Runs at most one scan at a time. Not thread-safe: one instance a stream."""

    def __init__(self) -> None:
        self._cascade: cv2.CascadeClassifier | None = None
        self._pending: _Pending | None = None

    @property
    def busy(self) -> bool:
        """Whether a scan is running or its result was not fetched yet."""
        return self._pending is not None

    def start(
        self, prepared: Prepared, offset: tuple[int, int], frame: int, time_s: float, step: float
    ) -> None:
        """Begin a scan; only when not `busy`.

        Args:
            prepared: the picture to scan; it must not be changed any more.
            offset: x and y of its corner in the frame.
            frame, time_s: number and time of the frame it was taken from.
            step: ratio between one size looked for and the next.
        """
        self._pending = _Pending(
            _threads().submit(self._scan, prepared, offset, step), frame, time_s
        )

    def answer(self, frame: int, time_s: float) -> Found | None:
        """The faces found, in pixels of the frame that was scanned; None while not yet due."""
        pending = self._pending
        if pending is None:
            return None
        if frame - pending.frame < DUE_FRAMES and time_s - pending.time_s < DUE_S:
            return None
        self._pending = None
        return pending.answer.result()

    def forget(self) -> None:
        """Discard the pending result, if any."""
        if self._pending is not None and not self._pending.answer.cancel():
            # The cascade is in use until then.
            wait([self._pending.answer])
        self._pending = None

    def _scan(self, prepared: Prepared, offset: tuple[int, int], step: float) -> Found:
        # A separate cascade object: the stream searches for known faces at the same time.
        self._cascade = self._cascade or load_cascade()
        boxes, scores = detect(self._cascade, prepared, step=step)
        return boxes + np.array([*offset, *offset], np.float32), scores


@cache
def _threads() -> ThreadPoolExecutor:
    """One thread for all streams of the process: more would only compete for the cores."""
    return ThreadPoolExecutor(1, thread_name_prefix="background-scan")
