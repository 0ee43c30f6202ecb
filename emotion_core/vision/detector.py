"""Finding faces with a Haar cascade: everywhere now and then, near the known ones in between."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import BoolArray, FloatArray, ImageArray, IntArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.background_scan import ScanAside
from emotion_core.vision.cascade import WINDOW_PX, detect, load_cascade, prepare
from emotion_core.vision.local_search import NOTHING, Found, Look, best_of, joined, look_around
from emotion_core.vision.scan_schedule import Crowd, ScanSchedule
from emotion_core.vision.template_tracking import Appearance, appearance, follow

# Smallest face looked for, as a share of the frame's shorter side.
SMALLEST_SHARE: Final = 0.1
SMALLEST_SHARE_THOROUGH: Final = 0.04
# Pixels that the smallest face looked for has in the picture that is scanned. A photo gets no
# second chance: of the single frames of two clips the coarse scan finds 86 % of the faces, the fine
# one 93 %, and 98 % where the other cascades choose between doubles.
SCAN_PX: Final = 26.0
SCAN_PX_THOROUGH: Final = 52.0
# Ratio between one size looked for and the next: the coarse one misses one face in five, and the
# next scan, which starts elsewhere, finds most of those.
STEP_FINE: Final = 1.1
STEP_COARSE: Final = 1.2
# A known face unseen for this long counts as lost: worth a look everywhere.
LOST_AFTER_S: Final = 0.1

# The cascade confirms each followed face this often, the longest waiting first, …
LOOK_PERIOD_S: Final = 0.09
# … and in one frame at least this many faces, and this share of all: 32 announced at once must not
# all fall due in one frame.
LOOKS_PER_FRAME: Final = 2
LOOKS_SHARE: Final = 0.25
# A face that the cascade no longer sees is followed for so long by its picture alone.
FOLLOW_ALONE_S: Final = 0.7
# After so long in doubt dearer looks are worth their time.
DOUBT_S: Final = 0.1
# A face already known needs less certainty than a new one.
KNOWN_BONUS: Final = 1.0

# Measured on the sample clips: the first finds 73-100 % of the faces at a third of the cost of the
# second, which finds nearly all of the rest.
CHEAP: Final = Look(1.45, (0.88, 1.15), 27.5, 2)
DEAR: Final = Look(1.7, (0.8, 1.25), 48.0, 2)
# The cheap look sticks to the size it starts from; every other one is at more sizes.
MEASURE: Final = Look(1.6, (0.76, 1.3), 27.0, 3)
# The cascade sees heads that lean by up to 12° or so; turned by this much it sees those up to 30°.
LEANING: Final = (17.0, -17.0)
# What a full scan has found is measured anew: its steps are coarse.
REFINE: Final = Look(2.0, (0.72, 1.36), 33.0, 3)
# Two other cascades must agree before somebody new is believed. On pictures without a face each
# refuses four in five of the first one's mistakes, both together all of them, and 3 % of faces.
OTHER_CASCADES: Final = ("haarcascade_frontalface_alt.xml", "haarcascade_frontalface_alt2.xml")
OPINION: Final = Look(1.6, (0.72, 1.35), 30.0, 3)
# A photo gets no second chance: there one of them is enough, or both in a larger picture.
OPINION_LARGE: Final = Look(1.6, (0.72, 1.35), 44.0, 2)
# What was refused so often in a row is asked about only now and then.
PATIENCE: Final = 6
PATIENCE_S: Final = 0.2
# So many newcomers are measured and asked about in one frame; a crowd is announced in some frames.
NEW_PER_FRAME: Final = 8
# A detection that overlaps an announced face this much is that face.
SAME_FACE_IOU: Final = 0.3
# The pyramid of sizes starts elsewhere in every other look: a face between two steps of one falls
# on a step of the next, and box sizes do not stick to the steps.
SHIFTED: Final = (1.0, 1.05)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What one frame showed.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the frame.
        scores: (N,) float32 Haar level weights; NaN where a face was followed by its picture.
        agreement: (N,) float32, the share of the other cascades that see a face there too, 0 to 1;
            1 near a face that is announced already.
        looked_at: (K,) bool, for each known box: whether this frame was searched around it. Where
            it was and no detection fits, the face was not to be seen.
    """

    boxes: FloatArray
    scores: FloatArray
    agreement: FloatArray
    looked_at: BoolArray


@dataclass(slots=True, eq=False)
class _Near:
    """What the looks around the known faces have found; row-aligned."""

    found: list[Found] = field(default_factory=lambda: [NOTHING])
    angles: list[float] = field(default_factory=list)

    def add(self, found: Found, angle: float) -> None:
        self.found.append(found)
        self.angles += [angle] * len(found[0])


class HaarDetector:
    """Adaptive search for faces in one stream. Not thread-safe: one detector a stream.

    An announced face is followed by its picture in every frame and confirmed by the cascade
    several times a second. The rest of the frame is scanned in pieces, on a schedule that counts in
    seconds, so it does not depend on the frame rate. Nobody known: cheap scans for near faces
    often, dearer ones for far faces less often; somebody just lost: soon everywhere; all well: now
    and then, and sooner where the picture changes.
    """

    def __init__(self, settings: DetectionSettings | None = None) -> None:
        self.settings = settings or DetectionSettings()
        self._cascade = load_cascade()
        self._others = [load_cascade(name) for name in OTHER_CASCADES]
        self._schedule, self._aside = ScanSchedule(), ScanAside()
        self.reset()

    def reset(self) -> None:
        """Scan the whole of the next frame; nobody's appearance is known."""
        self._schedule.reset()
        self._aside.forget()
        self._appearances: dict[int, Appearance] = {}
        self._angles: list[float] = []
        self._asked_s, self._refusals, self._count = -math.inf, 0, 0

    def update(
        self,
        image_bgr: ImageArray,
        time_s: float,
        known_boxes: FloatArray,
        *,
        ids: IntArray | None = None,
        unlooked_s: FloatArray | None = None,
        unseen_s: FloatArray | None = None,
    ) -> Detections:
        """Look for faces in one frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds, never smaller than before (else `reset`).
            known_boxes: (K, 4) xyxy, where known faces are expected in this frame.
            ids: (K,) identity of each face that is announced, 0 for candidates; None: announced,
                but not told apart. Whatever is found away from the announced ones is shown to the
                other cascades.
            unlooked_s: (K,) seconds since a cascade looked around each; None: long ago.
            unseen_s: (K,) seconds since each was last found; None: just before.
        """
        known = bx.as_boxes(known_boxes)
        announced = np.full(len(known), -1) if ids is None else np.asarray(ids)
        unseen = _column(unseen_s, len(known), 0.0)
        unlooked = _column(unlooked_s, len(known), np.inf)
        near, looked_at = self._near(image_bgr, time_s, known, announced, unlooked, unseen)
        aside = self._from_aside(image_bgr, time_s, near)
        scanned, complete = self._scan(image_bgr, time_s, known, unseen)
        scanned = joined([scanned, aside])
        boxes, scores, self._angles = self._merged(image_bgr, near, scanned)
        agreement = self._agreement(image_bgr, time_s, boxes, known[announced != 0])
        self._count += 1
        return Detections(boxes, scores, agreement, looked_at | complete)

    def remember(
        self,
        image_bgr: ImageArray,
        detections: Detections,
        track_ids: IntArray | Sequence[int],
        rows: IntArray | Sequence[int],
    ) -> None:
        """Take in how the announced faces look, once it is known who is who.

        Args:
            image_bgr: (H, W, 3) uint8, of the last `update`.
            detections: its answer.
            track_ids: (N,) all identities that are alive.
            rows: (N,) row of each one's detection, -1 where there was none.
        """
        before, self._appearances = self._appearances, {}
        for track_id, row in zip(map(int, track_ids), map(int, rows), strict=True):
            old = before.get(track_id)
            if row < 0 or math.isnan(detections.scores[row]):
                new = old
            else:
                new = appearance(image_bgr, detections.boxes[row], self._angles[row])
                if new is not None and old is not None:
                    new.looks = old.looks
            if new is not None:
                self._appearances[track_id] = new

    def _near(
        self,
        image_bgr: ImageArray,
        time_s: float,
        known: FloatArray,
        announced: IntArray,
        unlooked_s: FloatArray,
        unseen_s: FloatArray,
    ) -> tuple[_Near, BoolArray]:
        """Follow everybody, let the cascade look around those who are due or were not found."""
        near, looked_at = _Near(), np.zeros(len(known), np.bool_)
        followed = {
            k: self._follow(image_bgr, time_s, known[k], int(announced[k]))
            for k in range(len(known))
        }
        for k in _due(unlooked_s, np.array([followed[k] is None for k in range(len(known))])):
            looked_at[k] = True
            remembered = self._appearances.get(int(announced[k]))
            found, angle = self._look_near(
                image_bgr, known[k], float(unseen_s[k]), remembered, time_s, followed[k] is not None
            )
            near.add(found, angle)
            if len(found[0]):
                followed[k] = None
            elif remembered is not None:
                remembered.doubted_s = min(remembered.doubted_s, time_s)
        for box in followed.values():
            if box is not None:
                near.add((box[None], np.array([np.nan], np.float32)), 0.0)
        return near, looked_at

    def _follow(
        self, image_bgr: ImageArray, time_s: float, box: FloatArray, track_id: int
    ) -> FloatArray | None:
        remembered = self._appearances.get(track_id)
        if remembered is None or time_s - remembered.doubted_s > FOLLOW_ALONE_S:
            return None
        return follow(image_bgr, remembered, box)

    def _look_near(
        self,
        image_bgr: ImageArray,
        box: FloatArray,
        unseen_s: float,
        remembered: Appearance | None,
        time_s: float,
        followed: bool,
    ) -> tuple[Found, float]:
        """The best face near a known one, if any, and how it leans; dearer looks follow where cheap
        ones fail and the face is not otherwise in sight."""
        least = self.settings.score_threshold - KNOWN_BONUS
        for look in _looks(remembered, time_s, followed, self._count):
            # The longer a face is unseen, the further it may have gone.
            around = look_around(self._cascade, image_bgr, box, look, min(1.0, 2.0 * unseen_s))
            found = best_of(around, least)
            if len(found[0]):
                return found, look.angle
        return NOTHING, 0.0

    def _from_aside(self, image_bgr: ImageArray, time_s: float, near: _Near) -> Found:
        """What a scan beside the stream has found since: whoever is still there in this frame, and
        not a known face where it was some frames ago."""
        answer = self._aside.answer(self._count, time_s)
        if answer is None:
            return NOTHING
        good = answer[1] >= self.settings.score_threshold
        boxes, known = answer[0][good], joined(near.found)[0]
        if len(known) and len(boxes):
            boxes = boxes[bx.iou_matrix(boxes, known).max(axis=1) < SAME_FACE_IOU]
        least = self.settings.score_threshold
        return joined(
            [NOTHING]
            + [
                best_of(look_around(self._cascade, image_bgr, box, REFINE), least)
                for box in boxes[:NEW_PER_FRAME]
            ]
        )

    def _scan(
        self, image_bgr: ImageArray, time_s: float, known: FloatArray, unseen_s: FloatArray
    ) -> tuple[Found, bool]:
        """Scan what is due of the frame; the flag says that all of it was scanned.

        What was scanned before is scanned aside while everybody known is in sight.
        """
        thorough, crowd = self.settings.thorough, _crowd(unseen_s)
        pieces = self._schedule.due(image_bgr, time_s, self._smallest_px(image_bgr), known, crowd)
        first = self._schedule.is_whole(pieces)
        found, scanned = [NOTHING], []
        for piece in pieces:
            if first and piece.far and not thorough and any(len(f[0]) for f in found):
                # Somebody near is there: the far ones come in the next frames.
                break
            # Who is there from the start is to be announced soon.
            never = math.isinf(piece.scanned_s)
            aside = crowd is Crowd.CALM and not never and not thorough
            if aside and self._aside.busy:
                continue
            fine = thorough or never or (crowd is Crowd.NOBODY and not piece.far)
            step = STEP_FINE if fine else STEP_COARSE
            x0, y0, x1, y1 = piece.box
            prepared = prepare(
                image_bgr[y0:y1, x0:x1],
                face_px=piece.face_px,
                work_px=(SCAN_PX_THOROUGH if thorough else SCAN_PX) * SHIFTED[self._count % 2],
            )
            self._schedule.done(piece, image_bgr, time_s)
            if aside:
                self._aside.start(prepared, (x0, y0), self._count, time_s, step)
                continue
            boxes, scores = detect(self._cascade, prepared, step=step)
            good = scores >= self.settings.score_threshold
            found.append((boxes[good] + np.array([x0, y0, x0, y0], np.float32), scores[good]))
            scanned.append(piece)
        return joined(found), self._schedule.is_whole(scanned)

    def _smallest_px(self, image_bgr: ImageArray) -> float:
        share = SMALLEST_SHARE_THOROUGH if self.settings.thorough else SMALLEST_SHARE
        short = float(min(image_bgr.shape[:2]))
        return float(self.settings.min_face_px) or max(float(WINDOW_PX), share * short)

    def _merged(
        self, image_bgr: ImageArray, near: _Near, scanned: Found
    ) -> tuple[FloatArray, FloatArray, list[float]]:
        """One box a face. A narrow look measures finer than a full scan, so its box wins, and what
        the full scan alone has found is measured again."""
        boxes, scores = joined([*near.found, scanned])
        looked = len(near.angles)
        order = np.where(np.isnan(scores), 500.0, scores)
        order[:looked] += 1000.0
        if self.settings.thorough:
            order += 100.0 * self._believed(image_bgr, boxes)
        kept = np.array(bx.suppress(boxes, order), np.int64)
        new = [int(i) for i in kept if i >= looked]
        for i in new if self.settings.thorough else new[:NEW_PER_FRAME]:
            finer, finer_scores = look_around(self._cascade, image_bgr, boxes[i], REFINE)
            if len(finer):
                best = int(finer_scores.argmax())
                boxes[i], scores[i] = finer[best], max(scores[i], finer_scores[best])
        angles = near.angles + [0.0] * len(scanned[0])
        return boxes[kept], scores[kept], [angles[i] for i in kept]

    def _believed(self, image_bgr: ImageArray, boxes: FloatArray) -> FloatArray:
        """(N,) float32, what the other cascades say of boxes of which only some can stay: a smiling
        mouth may look more like a face to the first cascade than the face around it."""
        believed = np.zeros(len(boxes), np.float32)
        doubles = (bx.covered_matrix(boxes, boxes) > bx.MOST_SHARED).sum(axis=1) > 1
        for i in np.flatnonzero(doubles):
            believed[i] = self._opinion(image_bgr, boxes[i])
        return believed

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
            asked = new if self.settings.thorough else new[:NEW_PER_FRAME]
            for i in asked:
                agreement[i] = self._opinion(image_bgr, boxes[i])
            self._refusals += int(agreement[asked].max() < 1)
        return agreement

    def _opinion(self, image_bgr: ImageArray, box: FloatArray) -> float:
        """The share of the other cascades that find a face at a box, 0 to 1."""
        agreed = self._share_that_sees(image_bgr, box, OPINION)
        if not self.settings.thorough:
            return agreed
        return float(agreed > 0 or self._share_that_sees(image_bgr, box, OPINION_LARGE) == 1)

    def _share_that_sees(self, image_bgr: ImageArray, box: FloatArray, look: Look) -> float:
        seen = [len(look_around(other, image_bgr, box, look)[0]) > 0 for other in self._others]
        return sum(seen) / len(seen)


def _due(unlooked_s: FloatArray, missing: BoolArray) -> list[int]:
    """Rows of the known faces that a cascade looks at in this frame, longest waiting first."""
    waiting = [int(i) for i in np.argsort(-unlooked_s, kind="stable")]
    most = max(LOOKS_PER_FRAME, math.ceil(LOOKS_SHARE * len(waiting)))
    overdue = [k for k in waiting if unlooked_s[k] >= LOOK_PERIOD_S - 5e-4]
    return list(dict.fromkeys([*(k for k in waiting if missing[k])][:most] + overdue))[:most]


def _looks(
    remembered: Appearance | None, time_s: float, followed: bool, count: int
) -> tuple[Look, ...]:
    """What to try in turn: the cheap look, then, if the face is missed, dearer or turned ones."""
    looks, angle, doubted_s = count, 0.0, -math.inf
    if remembered is not None:
        remembered.looks += 1
        looks, angle, doubted_s = remembered.looks, remembered.angle, remembered.doubted_s
    cheap = MEASURE if looks % 2 else CHEAP
    shifted = replace(cheap, work_px=cheap.work_px * SHIFTED[looks // 2 % 2], angle=angle)
    if followed and time_s - doubted_s < DOUBT_S:
        return (shifted,)
    if remembered is None:
        return (shifted, DEAR)
    leaning = tuple(replace(MEASURE, angle=a) for a in (0.0, *LEANING) if a != angle)
    return (shifted, *leaning) if looks % 2 and doubted_s < time_s else (shifted, DEAR)


def _crowd(unseen_s: FloatArray) -> Crowd:
    if not len(unseen_s):
        return Crowd.NOBODY
    return Crowd.LOST if unseen_s.max() > LOST_AFTER_S else Crowd.CALM


def _column(values: BoolArray | FloatArray | None, length: int, default: float) -> FloatArray:
    """(K,) float32 of what the caller said about the known faces, or of the default."""
    return np.asarray(np.full(length, default) if values is None else values, np.float32)
