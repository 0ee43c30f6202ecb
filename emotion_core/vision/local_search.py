"""One look of a cascade around a place where a face is expected."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import WINDOW_PX, scan

# Boxes (N, 4) float32 xyxy in pixels of the frame, and scores (N,) float32.
Found = tuple[FloatArray, FloatArray]
NOTHING: Final[Found] = (np.empty((0, 4), np.float32), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look near an expected face, in shares of its side."""

    reach: float  # side of the part looked at
    sizes: tuple[float, float]
    work_px: float
    neighbours: int
    angle: float = 0.0  # expected roll of the head, degrees counter-clockwise


def look_around(
    cascade: cv2.CascadeClassifier,
    image_bgr: ImageArray,
    box_xyxy: FloatArray,
    look: Look,
    further: float = 0.0,
) -> Found:
    """All faces that a cascade finds around one box; `further` sides are added to the reach."""
    height, width = image_bgr.shape[:2]
    around = bx.expand(box_xyxy[None], look.reach + further)
    x0, y0, x1, y1 = (int(v) for v in bx.clip_boxes(around, width, height)[0])
    side = float(box_xyxy[2] - box_xyxy[0])
    if min(x1 - x0, y1 - y0) < WINDOW_PX:
        return NOTHING
    boxes, scores = scan(
        cascade,
        image_bgr[y0:y1, x0:x1],
        face_px=(side * look.sizes[0], side * look.sizes[1]),
        work_px=look.work_px,
        step=1.1,
        neighbours=look.neighbours,
        angle=look.angle,
    )
    return boxes + np.array([x0, y0, x0, y0], np.float32), scores


def best_of(found: Found, least: float) -> Found:
    """Only the most certain face, if it is certain enough."""
    boxes, scores = found
    if not len(boxes) or scores.max() < least:
        return NOTHING
    best = int(scores.argmax())
    return boxes[best : best + 1], scores[best : best + 1]


def joined(found: list[Found]) -> Found:
    """All of them in one, in their order."""
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
