"""Haar face detection in a stream: occasional full scans, and local searches in between."""

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import BoolArray, FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.background_scan import BackgroundScan
from emotion_core.vision.cascade import WINDOW_PX, detect, load_cascade, prepare
from emotion_core.vision.detection import Detections, KnownFaces
from emotion_core.vision.leaning import leaning_faces
from emotion_core.vision.local_search import NOTHING, Found, Look, best_of, joined, look_around
from emotion_core.vision.profiles import ProfileSearch
from emotion_core.vision.scan_schedule import Crowd, ScanSchedule
from emotion_core.vision.second_opinion import NEW_PER_FRAME, SAME_FACE_IOU, SecondOpinion
from emotion_core.vision.template_tracking import Appearance, appearance, follow

# Smallest face looked for, as a share of the frame's shorter side.
SMALLEST_SHARE: Final = 0.1
SMALLEST_SHARE_THOROUGH: Final = 0.04
# Pixels that the smallest face looked for has in the picture that is scanned. A photo gets no
# second chance: of the single frames of two clips the coarse scan finds 86% of the faces, the fine
# one 93%, and 98% where the other cascades choose between doubles.
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
# A face that the cascade no longer detects is tracked by template matching for this long.
FOLLOW_ALONE_S: Final = 0.7
# After so long in doubt dearer looks are worth their time.
DOUBT_S: Final = 0.1
# A face already known needs less certainty than a new one.
KNOWN_BONUS: Final = 1.0

# Measured on the sample clips: the first finds 73-100% of the faces at a third of the cost of the
# second, which finds nearly all of the rest.
CHEAP: Final = Look(1.45, (0.88, 1.15), 27.5, 2)
DEAR: Final = Look(1.7, (0.8, 1.25), 48.0, 2)
# The cheap look sticks to the size it starts from; every other one is at more sizes.
MEASURE: Final = Look(1.6, (0.76, 1.3), 27.0, 3)
# The cascade sees heads that lean by up to 12° or so; turned by this much it sees those up to 30°,
# also beyond the angle at which a head was last seen …
LEANING: Final = (17.0, -17.0)
# … and in every other such look, for a head that fell to one side at once, these.
LEANING_FAR: Final = (30.0, -30.0, 45.0, -45.0)
# The network reads heads up to here as well turned back as upright; further ones are lying down.
LEANS_MOST: Final = 60.0
# Five looks find more false faces than one: where the head leans far it must be as certain as a new
# one.
FAR: Final = 25.0
# Faces found by a full scan are measured again: its steps are coarse.
REFINE: Final = Look(2.0, (0.72, 1.36), 33.0, 3)
# The pyramid of sizes starts elsewhere in every other look: a face between two steps of one falls
# on a step of the next, and box sizes do not stick to the steps.
SHIFTED: Final = (1.0, 1.05)


@dataclass(slots=True, eq=False)
class _Near:
    """What the searches around the known faces found; row-aligned."""

    found: list[Found] = field(default_factory=lambda: [NOTHING])
    angles: list[float] = field(default_factory=list)
    turned: list[bool] = field(default_factory=list)

    def add(self, found: Found, angle: float, turned: bool = False) -> None:
        self.found.append(found)
        self.angles += [angle] * len(found[0])
        self.turned += [turned] * len(found[0])


class HaarDetector:
    """Adaptive face detection in one stream. Not thread-safe: one instance a stream.

    A confirmed face is tracked by template matching in every frame and re-detected several times a
    second. The rest of the frame is scanned in pieces, on a schedule in seconds, independent of the
    frame rate: often while no face is known or one was just lost, rarely while all known faces are
    in view, and sooner where the picture changes.
    """

    def __init__(self, settings: DetectionSettings | None = None) -> None:
        self._settings = settings or DetectionSettings()
        self._cascade = load_cascade()
        self._opinion, self._profiles = SecondOpinion(), ProfileSearch()
        self._schedule, self._background = ScanSchedule(), BackgroundScan()
        self._count = 0

    def configure(self, settings: DetectionSettings) -> None:
        """Use other settings from the next frame on."""
        self._settings = settings

    def reset(self) -> None:
        """Scan the whole of the next frame."""
        self._schedule.reset()
        self._background.forget()
        self._opinion.reset()
        self._count = 0

    def update(
        self, image_bgr: ImageArray, time_s: float, known: KnownFaces | None = None
    ) -> Detections:
        """Find the faces in the next frame.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: time of the frame in seconds, never smaller than before (else `reset`).
            known: where known faces are expected in this frame; None: there are no known faces.
        """
        known = known or KnownFaces.at()
        near, looked_at = self._near(image_bgr, time_s, known)
        found_behind = self._from_background(image_bgr, time_s, near)
        scanned, complete = self._scan(image_bgr, time_s, known)
        found = joined([scanned, found_behind])
        boxes, scores, angles, turned = self._merged(image_bgr, near, found)
        agreement = self._opinion.agreement(
            image_bgr, time_s, boxes, scores, known.boxes[known.ids != 0], self._settings.thorough
        )
        if self._settings.thorough:
            boxes, scores, agreement, angles, turned = self._with_leaning(
                image_bgr, boxes, scores, agreement, angles, turned
            )
        appearances = tuple(
            None if math.isnan(score) else appearance(image_bgr, box, angle)
            for box, score, angle in zip(boxes, scores.tolist(), angles.tolist(), strict=True)
        )
        self._count += 1
        looked_at = looked_at | complete
        return Detections(boxes, scores, agreement, looked_at, appearances, angles, turned)

    def _with_leaning(
        self,
        image_bgr: ImageArray,
        boxes: FloatArray,
        scores: FloatArray,
        agreement: FloatArray,
        angles: FloatArray,
        turned: BoolArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]:
        """The same with leaning faces added, and the angles of the upright ones measured.

        What no other cascade took for a face gives way to a leaning face in its place.
        """
        leaning = leaning_faces(
            self._cascade,
            self._opinion,
            image_bgr,
            (boxes[agreement > 0], scores[agreement > 0]),
            self._smallest_px(image_bgr),
            self._settings.score_threshold,
        )
        measured = np.zeros(len(boxes), np.float32)
        measured[agreement > 0] = leaning.of_upright
        # Those that were looked for near their place have an angle, or a reason for none.
        angles = np.where((angles == 0) & ~turned, measured, angles)
        if not len(leaning.boxes):
            return boxes, scores, agreement, angles, turned
        free = bx.covered_matrix(boxes, leaning.boxes).max(axis=1) <= bx.MOST_SHARED
        return (
            np.concatenate([boxes[free], leaning.boxes]),
            np.concatenate([scores[free], leaning.scores]),
            np.concatenate([agreement[free], np.ones(len(leaning.boxes), np.float32)]),
            np.concatenate([angles[free], leaning.angles]),
            np.concatenate([turned[free], np.zeros(len(leaning.boxes), np.bool_)]),
        )

    def _near(
        self, image_bgr: ImageArray, time_s: float, known: KnownFaces
    ) -> tuple[_Near, BoolArray]:
        """Track known faces by template matching; re-detect those that are due or were lost."""
        near, looked_at = _Near(), np.zeros(len(known.boxes), np.bool_)
        followed = [
            _follow(image_bgr, time_s, box, remembered)
            for box, remembered in zip(known.boxes, known.appearances, strict=True)
        ]
        for k in _due(known.unlooked_s, np.array([box is None for box in followed], np.bool_)):
            looked_at[k] = True
            found, angle = self._look_near(image_bgr, time_s, known, k, followed[k] is not None)
            near.add(found, angle)
            remembered = known.appearances[k]
            if len(found[0]):
                followed[k] = None
            elif remembered is not None:
                remembered.doubted_s = min(remembered.doubted_s, time_s)
                if followed[k] is None and self._settings.profiles:
                    further = _further(known.unseen_s[k])
                    side = self._profiles.near(image_bgr, known.boxes[k], further)
                    near.add(side, 0.0, turned=True)
        for box in followed:
            if box is not None:
                near.add((box[None], np.array([np.nan], np.float32)), math.nan)
        return near, looked_at

    def _look_near(
        self, image_bgr: ImageArray, time_s: float, known: KnownFaces, k: int, followed: bool
    ) -> tuple[Found, float]:
        """The best face near known face `k`, if any, and its roll angle in degrees.

        More expensive searches follow where cheap ones and template matching fail.
        """
        further = _further(known.unseen_s[k])
        for look in _looks(known.appearances[k], time_s, followed, self._count):
            bonus = KNOWN_BONUS if abs(look.angle) < FAR else 0.0
            least = self._settings.score_threshold - bonus
            around = look_around(self._cascade, image_bgr, known.boxes[k], look, further)
            found = best_of(around, least)
            if len(found[0]):
                return found, look.angle
        return NOTHING, 0.0

    def _from_background(self, image_bgr: ImageArray, time_s: float, near: _Near) -> Found:
        """New faces that a background scan found some frames ago and that are still there."""
        answer = self._background.answer(self._count, time_s)
        if answer is None:
            return NOTHING
        good = answer[1] >= self._settings.score_threshold
        boxes, known = answer[0][good], joined(near.found)[0]
        if len(known) and len(boxes):
            boxes = boxes[bx.iou_matrix(boxes, known).max(axis=1) < SAME_FACE_IOU]
        least = self._settings.score_threshold
        return joined(
            [NOTHING]
            + [
                best_of(look_around(self._cascade, image_bgr, box, REFINE), least)
                for box in boxes[:NEW_PER_FRAME]
            ]
        )

    def _scan(self, image_bgr: ImageArray, time_s: float, known: KnownFaces) -> tuple[Found, bool]:
        """Scan the pieces of the frame that are due; the flag tells whether that was all of it.

        While all known faces are in view, pieces scanned before are scanned in the background.
        """
        thorough, crowd = self._settings.thorough, _crowd(known.unseen_s)
        smallest_px = self._smallest_px(image_bgr)
        pieces = self._schedule.due(image_bgr, time_s, smallest_px, known.boxes, crowd)
        first = self._schedule.is_whole(pieces)
        found, scanned = [NOTHING], []
        for piece in pieces:
            if first and piece.far and not thorough and any(len(f[0]) for f in found):
                # A near face was found: far faces are looked for in the next frames.
                break
            # Faces that are there from the start are to be announced soon.
            never = math.isinf(piece.scanned_s)
            aside = crowd is Crowd.CALM and not never and not thorough
            if aside and self._background.busy:
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
                self._background.start(prepared, (x0, y0), self._count, time_s, step)
                continue
            boxes, scores = detect(self._cascade, prepared, step=step)
            good = scores >= self._settings.score_threshold
            found.append((boxes[good] + np.array([x0, y0, x0, y0], np.float32), scores[good]))
            scanned.append(piece)
        return joined(found), self._schedule.is_whole(scanned)

    def _smallest_px(self, image_bgr: ImageArray) -> float:
        least = float(self._settings.min_face_px)
        return least or smallest_face_px(image_bgr.shape, self._settings.thorough)

    def _merged(
        self, image_bgr: ImageArray, near: _Near, scanned: Found
    ) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
        """One box a face (non-maximum suppression), with scores, roll angles, and who is turned.

        A local search measures more finely than a full scan, so its box wins, and boxes that only
        the full scan found are measured again.
        """
        boxes, scores = joined([*near.found, scanned])
        looked = len(near.angles)
        order = np.where(np.isnan(scores), 500.0, scores)
        order[:looked] += 1000.0
        if self._settings.thorough:
            order += 100.0 * self._opinion.among_overlapping(image_bgr, boxes)
        kept = np.array(bx.suppress(boxes, order), np.int64)
        new = [int(i) for i in kept if i >= looked]
        for i in new if self._settings.thorough else new[:NEW_PER_FRAME]:
            finer, finer_scores = look_around(self._cascade, image_bgr, boxes[i], REFINE)
            if len(finer):
                best = int(finer_scores.argmax())
                boxes[i], scores[i] = finer[best], max(scores[i], finer_scores[best])
        angles = np.array(near.angles + [0.0] * len(scanned[0]), np.float32)
        turned = np.array(near.turned + [False] * len(scanned[0]), np.bool_)
        return boxes[kept], scores[kept], angles[kept], turned[kept]


def smallest_face_px(shape: tuple[int, ...], thorough: bool) -> float:
    """Side in pixels of the smallest face looked for in a picture of this shape (H, W, ...)."""
    share = SMALLEST_SHARE_THOROUGH if thorough else SMALLEST_SHARE
    return max(float(WINDOW_PX), share * float(min(shape[:2])))


def _further(unseen_s: float) -> float:
    """The longer a face was not seen, the further it may have moved: in sides."""
    return min(1.0, 2.0 * float(unseen_s))


def _follow(
    image_bgr: ImageArray, time_s: float, box: FloatArray, remembered: Appearance | None
) -> FloatArray | None:
    if remembered is None or time_s - remembered.doubted_s > FOLLOW_ALONE_S:
        return None
    return follow(image_bgr, remembered, box)


def _due(unlooked_s: FloatArray, missing: BoolArray) -> list[int]:
    """Rows of the known faces to search for in this frame, longest waiting first."""
    waiting = [int(i) for i in np.argsort(-unlooked_s, kind="stable")]
    most = max(LOOKS_PER_FRAME, math.ceil(LOOKS_SHARE * len(waiting)))
    overdue = [k for k in waiting if unlooked_s[k] >= LOOK_PERIOD_S - 5e-4]
    return list(dict.fromkeys([*(k for k in waiting if missing[k])][:most] + overdue))[:most]


def _looks(
    remembered: Appearance | None, time_s: float, followed: bool, count: int
) -> tuple[Look, ...]:
    """Searches to try in turn: a cheap one, then, if it fails, finer or rotated ones."""
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
    if not looks % 2 or doubted_s >= time_s:
        return (shifted, DEAR)
    turns = LEANING_FAR if looks // 2 % 2 else (0.0, *(angle + turn for turn in LEANING))
    leaning = (replace(MEASURE, angle=a) for a in turns if a != angle and abs(a) <= LEANS_MOST)
    return (shifted, *leaning)


def _crowd(unseen_s: FloatArray) -> Crowd:
    if not len(unseen_s):
        return Crowd.NOBODY
    return Crowd.LOST if unseen_s.max() > LOST_AFTER_S else Crowd.CALM
