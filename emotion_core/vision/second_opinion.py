"""Confirmation of new faces by two further cascades."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import load_cascade
from emotion_core.vision.face_evidence import FaceEvidence
from emotion_core.vision.local_search import Look

# Both must agree before a new face is announced. On pictures without a face each of them rejects
# four in five of the first cascade's false detections, and both together all of them, along with
# 3% of the true faces.
CASCADES: Final = ("haarcascade_frontalface_alt.xml", "haarcascade_frontalface_alt2.xml")
NORMAL: Final = Look(1.6, (0.72, 1.35), 30.0, 3)
# In a photo, which gets no second frame, agreement of one is enough, or of both at this resolution;
# `FaceEvidence` then decides.
LARGER: Final = Look(1.6, (0.72, 1.35), 44.0, 2)
# After this many rejections in a row, questions are limited to one every `PATIENCE_S` seconds.
PATIENCE: Final = 6
PATIENCE_S: Final = 0.2
# New faces examined in one frame; a crowd is announced over several frames.
NEW_PER_FRAME: Final = 8
# A detection that overlaps a confirmed face by this much is that face.
SAME_FACE_IOU: Final = 0.3


class SecondOpinion:
    """Asks two further cascades about everything that is new. One instance a stream.

    Attributes:
        evidence: all that can be asked of a photo, not only of the two cascades.
    """

    def __init__(self) -> None:
        cascades = [load_cascade(name) for name in CASCADES]
        self.evidence = FaceEvidence(cascades, (NORMAL, LARGER))
        self.reset()

    def reset(self) -> None:
        """Forget earlier rejections."""
        self._asked_s, self._rejections = -math.inf, 0

    def agreement(
        self,
        image_bgr: ImageArray,
        time_s: float,
        boxes: FloatArray,
        scores: FloatArray,
        confirmed: FloatArray,
        thorough: bool,
    ) -> FloatArray:
        """How strongly the cascades confirm each detection.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds.
            boxes: (N, 4) xyxy, the detections.
            scores: (N,) certainty of each.
            confirmed: (C, 4) xyxy, the confirmed faces; detections that overlap them get 1.
            thorough: examine all detections, also at a higher resolution.

        Returns:
            (N,) float32 in [0, 1].
        """
        agreement = np.zeros(len(boxes), np.float32)
        if len(confirmed) and len(boxes):
            agreement[bx.iou_matrix(boxes, confirmed).max(axis=1) >= SAME_FACE_IOU] = 1.0
        new = np.flatnonzero(agreement == 0)
        if not len(new):
            self._rejections = 0
        elif self._rejections < PATIENCE or time_s - self._asked_s >= PATIENCE_S:
            self._asked_s = time_s
            asked = new if thorough else new[:NEW_PER_FRAME]
            for i in asked:
                agreement[i] = (
                    self.evidence.enough(image_bgr, boxes[i], float(scores[i]))
                    if thorough
                    else self.of(image_bgr, boxes[i], False)
                )
            self._rejections += int(agreement[asked].max() < 1)
        return agreement

    def among_overlapping(self, image_bgr: ImageArray, boxes: FloatArray) -> FloatArray:
        """(N,) float32 agreement on boxes that overlap another one; 0 for the others.

        A smiling mouth can look more like a face to the first cascade than the face around it.
        """
        agreement = np.zeros(len(boxes), np.float32)
        overlapping = (bx.covered_matrix(boxes, boxes) > bx.MOST_SHARED).sum(axis=1) > 1
        for i in np.flatnonzero(overlapping):
            agreement[i] = self.of(image_bgr, boxes[i], thorough=True)
        return agreement

    def of(self, image_bgr: ImageArray, box: FloatArray, thorough: bool) -> float:
        """The fraction of the cascades that find a face at a box (4,), 0 to 1."""
        agreed = self._fraction(image_bgr, box, NORMAL)
        if not thorough:
            return agreed
        return float(agreed > 0 or self._fraction(image_bgr, box, LARGER) == 1)

    def both(self, image_bgr: ImageArray, box: FloatArray, angle: float) -> bool:
        """Whether both cascades find a face at a box (4,) that leans by so many degrees."""
        return any(
            self._fraction(image_bgr, box, replace(look, angle=angle)) == 1
            for look in (NORMAL, LARGER)
        )

    def _fraction(self, image_bgr: ImageArray, box: FloatArray, look: Look) -> float:
        return self.evidence.agreeing(image_bgr, box, look) / len(CASCADES)
