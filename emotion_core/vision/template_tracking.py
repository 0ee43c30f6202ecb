"""Following a face from frame to frame by its picture, between two looks of the cascade.

Correlating a 32-pixel picture of the face with its surroundings costs a tenth of a cascade's look
and measures the place more finely. It says where the face went, not whether it is one: the cascade
confirms each face several times a second, and the template is renewed each time.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision.cascade import shrunk_grey

# Side of the remembered picture, in pixels: fine enough for 1% of a face's side.
SIDE_PX: Final = 32
# Share of the face's side that is remembered: its corners are background.
INNER: Final = 0.9
# How far a face is followed within one frame, in sides; a face that moves further is searched for.
REACH: Final = 0.3
# Least correlation of the same face. The same face a frame later has 0.93 and more.
ALIKE: Final = 0.82
# A picture without contrast resembles everything.
LEAST_CONTRAST: Final = 4.0


@dataclass(slots=True, eq=False)
class Appearance:
    """What is remembered of one face.

    Attributes:
        patch: (h, w) uint8 grey, of the inner part of the face at SIDE_PX a side.
        offset: (2,) from the middle of the face's box to that of the patch, in sides of the face;
            not zero where the frame's edge cuts the patch.
        angle: degrees counter-clockwise by which the head leaned when the cascade found it.
        looks: how often the cascade has looked since the face was known.
        doubted_s: time of the first of the cascade's looks that failed since the last success.
    """

    patch: ImageArray
    offset: NDArray[np.float64]
    angle: float = 0.0
    looks: int = 0
    doubted_s: float = math.inf


def appearance(image_bgr: ImageArray, box_xyxy: FloatArray, angle: float) -> Appearance | None:
    """Remember a face as it looks in a box; None where too little of it is in the picture."""
    part = _Part.around(image_bgr, box_xyxy, INNER)
    if part is None or min(part.grey.shape) < 0.7 * SIDE_PX * INNER:
        return None
    if float(part.grey.std()) < LEAST_CONTRAST:
        return None
    side = max(float(box_xyxy[2] - box_xyxy[0]), 1.0)
    offset = (part.middle(0.0, 0.0, part.grey.shape) - _centre(box_xyxy)) / side
    return Appearance(part.grey, offset, angle)


def follow(
    image_bgr: ImageArray, remembered: Appearance, box_xyxy: FloatArray
) -> FloatArray | None:
    """The box (4,) float32 of a remembered face near where it is expected, None if it is not there.

    Its size is that of the expected box: correlation does not measure it.
    """
    part = _Part.around(image_bgr, box_xyxy, INNER + 2 * REACH)
    patch = remembered.patch
    if part is None or min(np.subtract(part.grey.shape, patch.shape)) < 2:
        return None
    likeness = cv2.matchTemplate(part.grey, patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    if best < ALIKE:
        return None
    found = part.middle(x + _peak(likeness[y], x), y + _peak(likeness[:, x], y), patch.shape)
    side = float(box_xyxy[2] - box_xyxy[0])
    dx, dy = (found - remembered.offset * side - _centre(box_xyxy)).tolist()
    return np.asarray(box_xyxy + np.array([dx, dy, dx, dy]), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of the frame, shrunk so that the face in question has SIDE_PX."""

    grey: ImageArray
    left: int
    top: int
    scale_x: float  # pixels of the frame to one of the part
    scale_y: float

    @classmethod
    def around(cls, image_bgr: ImageArray, box_xyxy: FloatArray, reach: float) -> "_Part | None":
        """The part around a box, `reach` times as wide where the frame allows it."""
        height, width = image_bgr.shape[:2]
        # Numbers, not arrays: this runs for every face in every frame.
        left, top, right, bottom = box_xyxy.tolist()
        side = right - left
        wider, higher = (reach - 1) / 2 * side, (reach - 1) / 2 * (bottom - top)
        x0, x1 = (round(min(max(x, 0.0), width)) for x in (left - wider, right + wider))
        y0, y1 = (round(min(max(y, 0.0), height)) for y in (top - higher, bottom + higher))
        if x1 - x0 < 2 or y1 - y0 < 2 or side < 2:
            return None
        grey = shrunk_grey(image_bgr[y0:y1, x0:x1], min(1.0, SIDE_PX / side))
        return cls(grey, x0, y0, (x1 - x0) / grey.shape[1], (y1 - y0) / grey.shape[0])

    def middle(self, x: float, y: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """(2,) in pixels of the frame: the centre of a patch at x, y of the part."""
        middle_x, middle_y = x + shape[1] / 2, y + shape[0] / 2
        return np.array([self.left + middle_x * self.scale_x, self.top + middle_y * self.scale_y])


def _centre(box_xyxy: FloatArray) -> NDArray[np.float64]:
    return np.asarray((box_xyxy[:2] + box_xyxy[2:]) / 2, np.float64)


def _peak(line: NDArray[Any], at: int) -> float:
    """Offset of the true peak from the largest of evenly spaced values, by a parabola fit."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, after = (float(v) for v in line[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
