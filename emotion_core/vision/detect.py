"""Finding faces with a Haar cascade: everywhere now and then, near the known ones in between."""

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import BoolArray, FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import WINDOW_PX, load_cascade, scan

# Smallest face looked for, as a share of the frame's shorter side.
SMALLEST_SHARE: Final = 0.1
SMALLEST_SHARE_THOROUGH: Final = 0.04
# From this share on a face is near: a look for near faces alone costs a quarter.
NEAR_SHARE: Final = 0.22

# Seconds between two scans of the whole frame, by what is known: (near faces, far faces).
PERIOD_NOBODY_S: Final = (0.06, 0.5)
PERIOD_LOST_S: Final = (0.1, 0.4)
PERIOD_CALM_S: Final = (1.0, 1.5)
# Ratio between one size looked for and the next: the coarse one misses one face in five, and the
# next scan, which starts elsewhere, finds most of those.
STEP_FINE: Final = 1.1
STEP_COARSE: Final = 1.2
# A known face unseen for this long counts as lost: worth a look everywhere.
LOST_AFTER_S: Final = 0.1

# With many faces, at least this many are looked at in each frame, and each one this often.
LOOKS_PER_FRAME: Final = 2
LOOK_PERIOD_S: Final = 0.15
# A face already known needs less certainty than a new one.
KNOWN_BONUS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Look:
    """One way to look near a known face, in shares of its side."""

    reach: float  # side of the part looked at
    sizes: tuple[float, float]
    work_px: float
    neighbours: int


# Measured on the sample clips: the first finds 73-100 % of the faces at a third of the cost of the
# second, which finds nearly all of the rest.
LOOKS: Final = (
    _Look(1.45, (0.88, 1.15), 27.5, 2),
    _Look(1.7, (0.8, 1.25), 48.0, 2),
)
# What a full scan has found is measured anew: its steps are coarse.
REFINE: Final = _Look(2.0, (0.72, 1.36), 44.0, 3)
# The first look sticks to the size it starts from; this often a look at more sizes corrects it.
MEASURE: Final = _Look(1.6, (0.76, 1.3), 27.0, 3)
MEASURE_PERIOD_S: Final = 0.25
# Two other cascades must agree before somebody new is believed. On pictures without a face each
# refuses four in five of the first one's mistakes, both together all of them, and 3 % of faces.
OTHER_CASCADES: Final = ("haarcascade_frontalface_alt.xml", "haarcascade_frontalface_alt2.xml")
OPINION: Final = _Look(1.6, (0.72, 1.35), 30.0, 3)
# A photo gets no second chance: there one of them is enough, or both in a larger picture.
OPINION_LARGE: Final = _Look(1.6, (0.72, 1.35), 44.0, 2)
# What was refused so often in a row is asked about only now and then.
PATIENCE: Final = 6
PATIENCE_S: Final = 0.2
# A detection that overlaps an announced face this much is that face.
SAME_FACE_IOU: Final = 0.3
# The pyramid of sizes starts elsewhere in every other scan: a face between two steps of one falls
# on a step of the next, and box sizes do not stick to the steps.
SHIFTED: Final = (1.0, 1.05)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What one frame showed.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the frame.
        scores: (N,) float32 Haar level weights.
        agreement: (N,) float32, the share of the other cascades that see a face there too, 0 to 1;
            1 near a face that is announced already.
        looked_at: (K,) bool, for each known box: whether this frame was searched around it. Where
            it was and no detection fits, the face was not to be seen.
    """

    boxes: FloatArray
    scores: FloatArray
    agreement: FloatArray
    looked_at: BoolArray


# Boxes (N, 4) and scores (N,).
_Found = tuple[FloatArray, FloatArray]
_NOTHING: Final[_Found] = (np.empty((0, 4), np.float32), np.empty(0, np.float32))


class HaarDetector:
    """Adaptive search for faces in one stream. Not thread-safe: one detector a stream.

    The schedule counts in seconds, so it does not depend on the frame rate: nobody known: cheap
    scans for near faces, dearer ones for far faces less often; somebody just lost: a full scan
    soon; all well: a full scan now and then, and a narrow look around each known face in between.
    """

    def __init__(self, settings: DetectionSettings | None = None) -> None:
        self.settings = settings or DetectionSettings()
        self._cascade = load_cascade()
        self._others = [load_cascade(name) for name in OTHER_CASCADES]
        self.reset()

    def reset(self) -> None:
        """Scan the whole of the next frame."""
        self._scanned_s = [-math.inf, -math.inf]
        self._measured_s = -math.inf
        self._asked_s, self._refusals, self._count = -math.inf, 0, 0

    def update(
        self,
        image_bgr: ImageArray,
        time_s: float,
        known_boxes: FloatArray,
        *,
        announced: BoolArray | None = None,
        unlooked_s: FloatArray | None = None,
        unseen_s: FloatArray | None = None,
    ) -> Detections:
        """Look for faces in one frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds, never smaller than before (else `reset`).
            known_boxes: (K, 4) xyxy, where known faces are expected in this frame.
            announced: (K,) whether each is sure to be a face; None: all. Whatever is found away
                from these is shown to the other cascades.
            unlooked_s: (K,) seconds since the frame was last searched around each; None: long ago.
            unseen_s: (K,) seconds since each was last found; None: just before.
        """
        known = bx.as_boxes(known_boxes)
        sure = _column(announced, len(known), 1.0) > 0
        unseen = _column(unseen_s, len(known), 0.0)
        looked_at = np.zeros(len(known), np.bool_)
        near = [_NOTHING]
        looks = self._looks(time_s)
        for k in self._due(_column(unlooked_s, len(known), np.inf)):
            looked_at[k] = True
            near.append(self._look_near(image_bgr, known[k], float(unseen[k]), looks))
        whole, complete = self._look_everywhere(image_bgr, time_s, unseen)
        boxes, scores = self._merged(image_bgr, near, whole)
        agreement = self._agreement(image_bgr, time_s, boxes, known[sure])
        self._count += 1
        return Detections(boxes, scores, agreement, looked_at | complete)

    def _due(self, waiting_s: FloatArray) -> list[int]:
        """Rows of the known faces to look at in this frame, longest waiting first."""
        order = [int(i) for i in np.argsort(-waiting_s, kind="stable")]
        overdue = int((waiting_s >= LOOK_PERIOD_S).sum())
        return order[: max(LOOKS_PER_FRAME, overdue)]

    def _looks(self, time_s: float) -> tuple[_Look, ...]:
        """The cheap look first, now and then the one that measures the size anew."""
        if time_s - self._measured_s < MEASURE_PERIOD_S:
            return LOOKS
        self._measured_s = time_s
        return (MEASURE, LOOKS[1])

    def _look_near(
        self, image_bgr: ImageArray, box: FloatArray, unseen_s: float, looks: tuple[_Look, ...]
    ) -> _Found:
        """The best face near a known one, if any; dearer looks follow where cheap ones fail."""
        least = self.settings.score_threshold - KNOWN_BONUS
        for look in looks:
            shifted = replace(look, work_px=look.work_px * SHIFTED[self._count % 2])
            # The longer a face is unseen, the further it may have gone.
            boxes, scores = _look(self._cascade, image_bgr, box, shifted, min(1.0, 2.0 * unseen_s))
            if len(boxes) and scores.max() >= least:
                best = int(scores.argmax())
                return boxes[best : best + 1], scores[best : best + 1]
        return _NOTHING

    def _look_everywhere(
        self, image_bgr: ImageArray, time_s: float, unseen_s: FloatArray
    ) -> tuple[_Found, bool]:
        """Scan the whole frame where it is due; the flag says that every size was scanned."""
        periods = self._periods(unseen_s)
        found, bands = [_NOTHING], 0
        for band, face_px in enumerate(self._bands(image_bgr)):
            # Half a millisecond of tolerance: time stamps of 25 frames a second are rounded.
            if time_s - self._scanned_s[band] < periods[band] - 5e-4 or face_px[0] >= face_px[1]:
                continue
            first = math.isinf(self._scanned_s[band])
            # Near faces are worth a fine scan while nobody is there or somebody is missing.
            fine = first or self.settings.thorough or (band == 0 and periods != PERIOD_CALM_S)
            self._scanned_s[band] = time_s
            boxes, scores = scan(
                self._cascade,
                image_bgr,
                face_px=face_px,
                work_px=26.0 * SHIFTED[self._count % 2],
                step=STEP_FINE if fine else STEP_COARSE,
            )
            good = scores >= self.settings.score_threshold
            found.append((boxes[good], scores[good]))
            bands += 1
        return _joined(found), bands == 2

    def _periods(self, unseen_s: FloatArray) -> tuple[float, float]:
        if not len(unseen_s):
            return PERIOD_NOBODY_S
        if unseen_s.max() > LOST_AFTER_S:
            return PERIOD_LOST_S
        return PERIOD_CALM_S

    def _merged(self, image_bgr: ImageArray, near: list[_Found], whole: _Found) -> _Found:
        """One box a face. A narrow look measures finer than a full scan, so its box wins, and what
        the full scan alone has found is measured again."""
        boxes, scores = _joined([*near, whole])
        looked = len(boxes) - len(whole[0])
        order = scores.copy()
        order[:looked] += 1000.0
        kept = np.array(bx.suppress(boxes, order), np.int64)
        for i in kept[kept >= looked]:
            finer, finer_scores = _look(self._cascade, image_bgr, boxes[i], REFINE)
            if len(finer):
                best = int(finer_scores.argmax())
                boxes[i], scores[i] = finer[best], max(scores[i], finer_scores[best])
        return boxes[kept], scores[kept]

    def _agreement(
        self, image_bgr: ImageArray, time_s: float, boxes: FloatArray, announced: FloatArray
    ) -> FloatArray:
        """(N,) float32: what the other cascades say about everything that is new."""
        agreement = np.zeros(len(boxes), np.float32)
        if len(announced) and len(boxes):
            agreement[bx.iou_matrix(boxes, announced).max(axis=1) >= SAME_FACE_IOU] = 1.0
        new = np.flatnonzero(agreement == 0)
        if not len(new):
            self._refusals = 0
        elif self._refusals < PATIENCE or time_s - self._asked_s >= PATIENCE_S:
            self._asked_s = time_s
            for i in new:
                agreement[i] = self._opinion(image_bgr, boxes[i])
            self._refusals += int(agreement.min() < 1)
        return agreement

    def _opinion(self, image_bgr: ImageArray, box: FloatArray) -> float:
        """The share of the other cascades that find a face at a box, 0 to 1."""
        agreed = self._share_that_sees(image_bgr, box, OPINION)
        if not self.settings.thorough:
            return agreed
        return float(agreed > 0 or self._share_that_sees(image_bgr, box, OPINION_LARGE) == 1)

    def _share_that_sees(self, image_bgr: ImageArray, box: FloatArray, look: _Look) -> float:
        seen = [len(_look(cascade, image_bgr, box, look)[0]) > 0 for cascade in self._others]
        return sum(seen) / len(seen)

    def _bands(self, image_bgr: ImageArray) -> tuple[tuple[float, float], tuple[float, float]]:
        """Smallest and largest face side in pixels for near and for far faces."""
        short = float(min(image_bgr.shape[:2]))
        share = SMALLEST_SHARE_THOROUGH if self.settings.thorough else SMALLEST_SHARE
        smallest = float(self.settings.min_face_px) or max(float(WINDOW_PX), share * short)
        border = max(smallest, NEAR_SHARE * short)
        return (border, short), (smallest, border)


def _column(values: BoolArray | FloatArray | None, length: int, default: float) -> FloatArray:
    """(K,) float32 of what the caller said about the known faces, or of the default."""
    return np.asarray(np.full(length, default) if values is None else values, np.float32)


def _joined(found: list[_Found]) -> _Found:
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _look(
    cascade: cv2.CascadeClassifier,
    image_bgr: ImageArray,
    box: FloatArray,
    look: _Look,
    further: float = 0.0,
) -> _Found:
    """Look around one box: (N, 4) boxes in the frame's pixels and their scores."""
    height, width = image_bgr.shape[:2]
    around = bx.expand(box[None], look.reach + further)
    x0, y0, x1, y1 = (int(v) for v in bx.clip_boxes(around, width, height)[0])
    side = float(box[2] - box[0])
    if min(x1 - x0, y1 - y0) < WINDOW_PX:
        return _NOTHING
    boxes, scores = scan(
        cascade,
        image_bgr[y0:y1, x0:x1],
        face_px=(side * look.sizes[0], side * look.sizes[1]),
        work_px=look.work_px,
        step=1.1,
        neighbours=look.neighbours,
    )
    return boxes + np.array([x0, y0, x0, y0], np.float32), scores
