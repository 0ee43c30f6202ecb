"""Whether what looks like a face in a photo is one: small pieces of evidence, added up.

A stream sees a face again in the next frame; a photo does not, so everything that speaks for it is
asked once: the other cascades at two resolutions, the same on the mirrored face, and the eyes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import load_cascade, shrunk_grey
from emotion_core.vision.local_search import Look, look_around

# Chosen on 513 faces and on 250 pictures without one: 0.2% of the faces that one other cascade
# confirms are below it, and half of the false ones. Each cascade, look and mirroring counts 1.
ENOUGH: Final = 6.0
# A certainty counts by half, up to this much; an eye of two by so much.
MOST_OF_SCORE: Final = 4.0
EYE: Final = 1.5
EYE_CASCADES: Final = ("haarcascade_eye.xml", "haarcascade_eye_tree_eyeglasses.xml")
# The eyes are in this part of a face's box, in sides: left, top, right, bottom.
EYES_AT: Final = (-0.05, 0.10, 1.05, 0.65)
# Side in pixels of the face that is searched for eyes, and theirs.
EYES_FACE_PX: Final = 110.0
EYES_PX: Final = (18, 50)
# Side of the part around a face that is mirrored or turned, in sides of the face.
AROUND: Final = 2.2


class FaceEvidence:
    """Weighs what speaks for a face. Not thread-safe: one instance a stream.

    Args:
        cascades: which are asked.
        looks: how closely they look, first as in a video, then at a higher resolution.
    """

    def __init__(self, cascades: Sequence[cv2.CascadeClassifier], looks: tuple[Look, Look]) -> None:
        self._cascades, self._looks = cascades, looks
        self._eyes: list[cv2.CascadeClassifier] = []

    def enough(
        self,
        image_bgr: ImageArray,
        box: FloatArray,
        score: float,
        angle: float = 0.0,
        least: float = ENOUGH,
    ) -> bool:
        """Whether the box (4,) shows a face.

        Args:
            image_bgr: (H, W, 3) uint8.
            box: xyxy in pixels.
            score: the certainty of the cascade that found it.
            angle: degrees counter-clockwise by which it leans.
            least: points that are enough.
        """
        first, second = (
            self.agreeing(image_bgr, box, replace(look, angle=angle)) for look in self._looks
        )
        if not first and second < len(self._cascades):
            return False
        points = min(max(score / 2, 0.0), MOST_OF_SCORE) + first + second
        for more in self._further(image_bgr, box, angle):
            if points >= least:
                break
            points += more
        return points >= least

    def _further(self, image_bgr: ImageArray, box: FloatArray, angle: float) -> Iterator[float]:
        """What is asked only where it may decide: most faces have enough before."""
        part, inside = _part(image_bgr, box)
        mirrored = np.ascontiguousarray(part[:, ::-1])
        width = np.float32(part.shape[1])
        opposite = np.array([width - inside[2], inside[1], width - inside[0], inside[3]])
        for look in self._looks:
            yield self.agreeing(mirrored, opposite, replace(look, angle=-angle))
        yield EYE * min(self._eyes_in(part, inside, angle), 2)

    def agreeing(self, image_bgr: ImageArray, box: FloatArray, look: Look) -> int:
        """How many of the cascades find a face at a box (4,)."""
        return sum(len(look_around(c, image_bgr, box, look)[0]) > 0 for c in self._cascades)

    def _eyes_in(self, part: ImageArray, box: FloatArray, angle: float) -> int:
        """How many eyes one of two cascades finds where they belong in a face."""
        grey, scale = _enlarged_grey(part, EYES_FACE_PX / float(box[2] - box[0]))
        centre_x, centre_y = ((box[:2] + box[2:]) / 2 * scale).tolist()
        if angle:
            turn = cv2.getRotationMatrix2D((centre_x, centre_y), -angle, 1.0)
            grey = np.asarray(cv2.warpAffine(grey, turn, grey.shape[::-1]), np.uint8)
        left, top, right, bottom = ((share - 0.5) * EYES_FACE_PX for share in EYES_AT)
        x0, y0 = max(0, round(centre_x + left)), max(0, round(centre_y + top))
        where = grey[y0 : round(centre_y + bottom), x0 : round(centre_x + right)]
        if min(where.shape) < EYES_PX[0]:
            return 0
        self._eyes = self._eyes or [load_cascade(name) for name in EYE_CASCADES]
        low, high = ((px, px) for px in EYES_PX)
        return max(
            len(eye.detectMultiScale(where, 1.1, 2, minSize=low, maxSize=high))
            for eye in self._eyes
        )


def _part(image_bgr: ImageArray, box: FloatArray) -> tuple[ImageArray, FloatArray]:
    """The picture around a box, and the box in it."""
    height, width = image_bgr.shape[:2]
    around = bx.clip_boxes(bx.expand(box[None], AROUND), width, height)[0]
    x0, y0, x1, y1 = (int(v) for v in around)
    return image_bgr[y0:y1, x0:x1], box - np.array([x0, y0, x0, y0], np.float32)


def _enlarged_grey(part: ImageArray, scale: float) -> tuple[ImageArray, float]:
    """(h, w) uint8 grey, `scale` times as large."""
    if scale <= 1:
        return shrunk_grey(part, scale), scale
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale), np.uint8), scale
