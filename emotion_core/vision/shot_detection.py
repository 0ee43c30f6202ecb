"""Shot changes: where one frame does not continue the picture before it.

Two measures have to agree, as in the usual detectors of film cuts (Hanjalic 2002, doi
10.1109/76.988656): the colours of the frame are distributed differently, and its layout does not
correlate with the layout before. Both are compared with their own recent past, so that a strobing
light or a shaking camera raises the bar instead of cutting the stream into pieces.
"""

from collections import deque
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray

# Sampled points along each side: a grid of a thousand points costs some twenty microseconds.
_COLUMNS: Final = 40
_ROWS: Final = 24
_BINS: Final = 8
# A frame may begin a shot where the correlation of its layout with the one before (1: the same
# picture) is below this, …
_LAYOUT_BELOW: Final = 0.75
# … and the distance of the colours (Hellinger, 0 to 1) above a bar that is the lower the less the
# layouts have in common: a new light changes the colours only, a walker the layout only.
_COLOURS_LEAST: Final = 0.2
_COLOURS_SLOPE: Final = 0.3
# Their product must exceed the median change of the last frames by this factor.
_STANDS_OUT: Final = 3.0
_REMEMBERED: Final = 12
_FEWEST: Final = 4


class ShotDetector:
    """Finds the first frame of each shot in a stream. Not thread-safe: one instance a stream."""

    def __init__(self) -> None:
        self._layout: FloatArray | None = None
        self._colours: FloatArray | None = None
        self._changes: deque[float] = deque(maxlen=_REMEMBERED)

    def reset(self) -> None:
        """Forget the stream: the next frame begins another one."""
        self._layout = self._colours = None
        self._changes.clear()

    def is_cut(self, image_bgr: ImageArray) -> bool:
        """Whether this frame begins a new shot; False for the first frame of a stream.

        Args:
            image_bgr: (H, W, 3) uint8, the next frame of the stream.
        """
        layout, colours = _layout_and_colours(image_bgr)
        before, colours_before = self._layout, self._colours
        self._layout, self._colours = layout, colours
        if before is None or colours_before is None:
            return False
        alike = _correlation(before, layout)
        apart = float(np.sqrt(max(0.0, 1.0 - float(np.dot(colours_before, colours)))))
        change = (1.0 - alike) * apart
        # The median: a cut some frames ago does not hide the next one.
        known = len(self._changes) >= _FEWEST
        usual = float(np.median(self._changes)) if known else 0.0
        self._changes.append(change)
        bar = _COLOURS_LEAST + _COLOURS_SLOPE * max(alike, 0.0)
        return alike < _LAYOUT_BELOW and apart > bar and change >= _STANDS_OUT * usual


def _layout_and_colours(image_bgr: ImageArray) -> tuple[FloatArray, FloatArray]:
    """(ROWS, COLUMNS) grey of sampled points, lightly blurred, and the square root of the
    distribution of their colours, (BINS³,) float32."""
    height, width = image_bgr.shape[:2]
    rows = np.linspace(0, height - 1, min(_ROWS, height)).astype(np.intp)
    columns = np.linspace(0, width - 1, min(_COLUMNS, width)).astype(np.intp)
    sampled = np.ascontiguousarray(image_bgr[rows[:, None], columns])
    grey = cv2.blur(cv2.cvtColor(sampled, cv2.COLOR_BGR2GRAY), (3, 3)).astype(np.float32)
    wide = cv2.resize(grey, (_COLUMNS, _ROWS), interpolation=cv2.INTER_LINEAR)
    places = (sampled.reshape(-1, 3) >> 5).astype(np.intp) @ np.array([_BINS * _BINS, _BINS, 1])
    counts = np.bincount(places, minlength=_BINS**3).astype(np.float32)
    return np.asarray(wide, np.float32), np.asarray(np.sqrt(counts / counts.sum()), np.float32)


def _correlation(before: FloatArray, after: FloatArray) -> float:
    """Pearson correlation of two layouts; 1 where both are flat and 0 where only one is."""
    a, b = before - before.mean(), after - after.mean()
    spread_a, spread_b = float(np.sqrt((a * a).sum())), float(np.sqrt((b * b).sum()))
    flat = 2.0 * np.sqrt(a.size)
    if spread_a < flat or spread_b < flat:
        return float(spread_a < flat and spread_b < flat)
    return float((a * b).sum()) / (spread_a * spread_b)
