"""Faces seen from the side: where a known face went when it turned away.

A profile tells little about an expression, and the network has never seen one, so readings of such
faces are marked (`QualityHint.TURNED`) and count as unsure.
"""

from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import load_cascade
from emotion_core.vision.local_search import NOTHING, Found, Look, best_of, joined, look_around

PROFILE: Final = "haarcascade_profileface.xml"
# Searches at 248 places of pictures without a face, each as large as one, found nothing, and none
# takes a frontal face for a profile.
LOOK: Final = Look(1.8, (0.72, 1.36), 30.0, 3)
LEAST_SCORE: Final = 0.0


class ProfileSearch:
    """Looks for a face that shows its left or right side. Not thread-safe: one a stream."""

    def __init__(self) -> None:
        self._cascade: cv2.CascadeClassifier | None = None

    def near(self, image_bgr: ImageArray, box: FloatArray, further: float = 0.0) -> Found:
        """The most certain profile near a box (4,), if any; `further` sides are added to the reach.

        The cascade knows one side of the head; the other is the first one mirrored. It says where
        the face is, not how large: its boxes have another scale, and a face would seem to grow.
        """
        self._cascade = self._cascade or load_cascade(PROFILE)
        height, width = image_bgr.shape[:2]
        around = bx.expand(box[None], LOOK.reach + further + 0.1)
        x0, y0, x1, y1 = (int(v) for v in bx.clip_boxes(around, width, height)[0])
        if x1 <= x0 or y1 <= y0:
            return NOTHING
        part = image_bgr[y0:y1, x0:x1]
        inside = box - np.array([x0, y0, x0, y0], np.float32)
        one = look_around(self._cascade, part, inside, LOOK, further)
        mirrored = np.ascontiguousarray(part[:, ::-1])
        boxes, scores = look_around(
            self._cascade, mirrored, _mirrored(inside[None], x1 - x0)[0], LOOK, further
        )
        both = joined([one, (_mirrored(boxes, x1 - x0), scores)])
        boxes, scores = best_of(both, LEAST_SCORE)
        if not len(boxes):
            return NOTHING
        moved = (boxes[:, :2] + boxes[:, 2:] - inside[:2] - inside[2:]) / 2
        return box + np.tile(moved, 2), scores


def _mirrored(boxes: FloatArray, width: int) -> FloatArray:
    """(N, 4) boxes in a picture of this width, in the same picture mirrored."""
    return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
