"""Finding faces with a Haar cascade: everywhere now and then, near the known ones in between."""

import math
from dataclasses import dataclass
from typing import Final

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
PERIOD_LOST_S: Final = (0.25, 0.5)
PERIOD_CALM_S: Final = (1.0, 1.5)
# A known face unseen for this long counts as lost: worth a look everywhere.
LOST_AFTER_S: Final = 0.1

# With many faces, at least this many are looked at in each frame, and each one this often.
LOOKS_PER_FRAME: Final = 2
LOOK_PERIOD_S: Final = 0.15
# A narrow look goes on with a larger picture of the face where a smaller one shows nothing:
# (side the smallest face is shrunk to, neighbours).
LOOKS: Final = ((26.0, 3), (44.0, 3))
LOOK_SIZES: Final = (0.75, 1.33)
# A face already known needs less certainty than a new one.
KNOWN_BONUS: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What one frame showed.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the frame.
        scores: (N,) float32 Haar level weights.
        looked_at: (K,) bool, for each known box: whether this frame was searched around it. Where
            it was and no detection fits, the face was not to be seen.
    """

    boxes: FloatArray
    scores: FloatArray
    looked_at: BoolArray


class HaarDetector:
    """Adaptive search for faces in one stream. Not thread-safe: one detector a stream.

    The schedule counts in seconds, so it does not depend on the frame rate: nobody known: cheap
    scans for near faces, dearer ones for far faces less often; somebody just lost: a full scan
    soon; all well: a full scan now and then, and a narrow look around each known face in between.
    """

    def __init__(self, settings: DetectionSettings | None = None) -> None:
        self.settings = settings or DetectionSettings()
        self._cascade = load_cascade()
        self._scanned_s = [-math.inf, -math.inf]

    def reset(self) -> None:
        """Scan the whole of the next frame."""
        self._scanned_s = [-math.inf, -math.inf]

    def update(
        self,
        image_bgr: ImageArray,
        time_s: float,
        known_boxes: FloatArray,
        *,
        unlooked_s: FloatArray | None = None,
        unseen_s: FloatArray | None = None,
    ) -> Detections:
        """Look for faces in one frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds, never smaller than before (else `reset`).
            known_boxes: (K, 4) xyxy, where known faces are expected in this frame.
            unlooked_s: (K,) seconds since the frame was last searched around each; None: long ago.
            unseen_s: (K,) seconds since each was last found; None: just before.
        """
        known = bx.as_boxes(known_boxes)
        waiting = np.asarray(
            np.full(len(known), np.inf) if unlooked_s is None else unlooked_s, np.float32
        )
        unseen = np.asarray(np.zeros(len(known)) if unseen_s is None else unseen_s, np.float32)
        looked_at = np.zeros(len(known), np.bool_)
        found: list[FloatArray] = []
        scores: list[FloatArray] = []
        for k in self._due(waiting):
            looked_at[k] = True
            boxes, weights = self._look_near(image_bgr, known[k], float(unseen[k]))
            found.append(boxes)
            scores.append(weights)
        near = len(found)
        whole, whole_scores, complete = self._look_everywhere(image_bgr, time_s, unseen)
        looked_at |= complete
        return _merge(found[:near], scores[:near], whole, whole_scores, looked_at)

    def _due(self, waiting_s: FloatArray) -> list[int]:
        """Rows of the known faces to look at in this frame, longest waiting first."""
        order = [int(i) for i in np.argsort(-waiting_s, kind="stable")]
        overdue = int((waiting_s >= LOOK_PERIOD_S).sum())
        return order[: max(LOOKS_PER_FRAME, overdue)]

    def _look_near(
        self, image_bgr: ImageArray, box: FloatArray, unseen_s: float
    ) -> tuple[FloatArray, FloatArray]:
        """The best face near a known one: (0 or 1, 4) boxes and their scores."""
        height, width = image_bgr.shape[:2]
        # The longer a face is unseen, the further it may have gone.
        around = bx.expand(box[None], 1.7 + min(1.0, 2.0 * unseen_s))
        x0, y0, x1, y1 = bx.clip_boxes(around, width, height)[0].astype(int)
        side = float(box[2] - box[0])
        if x1 - x0 < WINDOW_PX or y1 - y0 < WINDOW_PX:
            return bx.as_boxes([]), np.empty(0, np.float32)
        face_px = (side * LOOK_SIZES[0], side * LOOK_SIZES[1])
        least = self.settings.score_threshold - KNOWN_BONUS
        for work_px, neighbours in LOOKS:
            boxes, scores = scan(
                self._cascade,
                image_bgr[y0:y1, x0:x1],
                face_px=face_px,
                work_px=work_px,
                step=1.1,
                neighbours=neighbours,
            )
            if len(boxes) and scores.max() >= least:
                best = int(scores.argmax())
                offset = np.array([x0, y0, x0, y0], np.float32)
                return boxes[best : best + 1] + offset, scores[best : best + 1]
        return bx.as_boxes([]), np.empty(0, np.float32)

    def _look_everywhere(
        self, image_bgr: ImageArray, time_s: float, unseen_s: FloatArray
    ) -> tuple[FloatArray, FloatArray, bool]:
        """Scan the whole frame where it is due; the flag says that both size bands were scanned."""
        if not len(unseen_s):
            periods = PERIOD_NOBODY_S
        elif unseen_s.max() > LOST_AFTER_S:
            periods = PERIOD_LOST_S
        else:
            periods = PERIOD_CALM_S
        found, scores, bands = [bx.as_boxes([])], [np.empty(0, np.float32)], 0
        for band, face_px in enumerate(self._bands(image_bgr)):
            # Half a millisecond of tolerance: time stamps of 25 frames a second are rounded.
            if time_s - self._scanned_s[band] < periods[band] - 5e-4 or face_px[0] >= face_px[1]:
                continue
            self._scanned_s[band] = time_s
            boxes, weights = scan(
                self._cascade, image_bgr, face_px=face_px, step=self._step(), neighbours=3
            )
            good = weights >= self.settings.score_threshold
            found.append(boxes[good])
            scores.append(weights[good])
            bands += 1
        return np.concatenate(found), np.concatenate(scores), bands == 2

    def _step(self) -> float:
        return 1.1 if self.settings.thorough else 1.2

    def _bands(self, image_bgr: ImageArray) -> tuple[tuple[float, float], tuple[float, float]]:
        """Smallest and largest face side in pixels for near and for far faces."""
        short = float(min(image_bgr.shape[:2]))
        share = SMALLEST_SHARE_THOROUGH if self.settings.thorough else SMALLEST_SHARE
        smallest = float(self.settings.min_face_px) or max(float(WINDOW_PX), share * short)
        border = max(smallest, NEAR_SHARE * short)
        return (border, short), (smallest, border)


def _merge(
    near: list[FloatArray],
    near_scores: list[FloatArray],
    whole: FloatArray,
    whole_scores: FloatArray,
    looked_at: BoolArray,
) -> Detections:
    """One box a face; a narrow look measures finer than a full scan, so its box wins."""
    boxes = np.concatenate([*near, whole])
    scores = np.concatenate([*near_scores, whole_scores])
    order = scores.copy()
    order[: len(boxes) - len(whole)] += 1000.0
    kept = bx.suppress(boxes, order)
    return Detections(boxes[kept], scores[kept].astype(np.float32), looked_at)
