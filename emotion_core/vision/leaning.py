"""Leaning heads in a photo: the picture is turned, and what is found is turned back.

The cascades see heads that lean by up to 12 degrees. In a stream a head that leans further is known
from before and searched for around its place; a photo is turned as a whole.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.cascade import WINDOW_PX, detect, prepare
from emotion_core.vision.local_search import Found, Look, best_of, look_around
from emotion_core.vision.second_opinion import SecondOpinion

# Each scan sees 12 degrees to either side. Without the first pair one in ten faces that lean by 18
# degrees is missed.
ANGLES: Final = (15.0, -15.0, 30.0, -30.0, 45.0, -45.0)
# Pictures on their side or upside down; tried where nothing at all was found.
QUARTERS: Final = (90.0, -90.0, 180.0)
# Smallest face looked for, as a share of the picture's shorter side, the pixels it has in the
# picture that is scanned, and the ratio between two sizes: finer scans take up to twice as long and
# find no more of the leaning faces.
SMALLEST_SHARE: Final = 0.06
SCAN_PX: Final = 30.0
STEP: Final = 1.2
# Six scans find six times as many false faces as one. A true face is found at neighbouring angles:
# the sum of its scores is below this for 3% of them, for three in four of the false ones.
LEAST_SUM: Final = 5.0
# And more evidence is asked than of an upright face (`FaceEvidence`). Of 58 faces in turned video
# frames and photos, 93% have it, and 90% have one point more; the only false faces of 76 pictures
# (`benchmarks/heads.py`) are heads on coins, at either value.
LEAST_POINTS: Final = 8.5
LEAST_POINTS_QUARTER: Final = 10.5
# A face found upright is turned for the network where it leans by this much: angles are measured to
# 4 degrees, and the network reads faces that lean by less as well as upright ones.
LEAST_ANGLE: Final = 9.0
# Overlapping answers that may make a face: one less than a face of a photo needs.
_NEAR_MISSES: Final = 2
SAME_SIZE: Final = 0.5  # difference of the logarithms of two sides
REFINE: Final = Look(1.9, (0.72, 1.36), 36.0, 3)


@dataclass(frozen=True, slots=True, eq=False)
class LeaningFaces:
    """Faces that lean, row-aligned, best first.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the picture: the upright square around the middle of
            the face, with the side that the face has when it is turned upright.
        scores: (N,) float32, the cascade's certainty.
        angles: (N,) float32 degrees counter-clockwise.
        of_upright: (T,) float32, the same of the faces that were found upright.
    """

    boxes: FloatArray
    scores: FloatArray
    angles: FloatArray
    of_upright: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    box: FloatArray
    score: float
    angle: float


def leaning_faces(
    cascade: cv2.CascadeClassifier,
    opinion: SecondOpinion,
    image_bgr: ImageArray,
    upright: Found,
    smallest_px: float,
    least_score: float,
) -> LeaningFaces:
    """Find the leaning faces of a photo; where there is no face at all, those of a turned photo.

    Args:
        cascade: finds them.
        opinion: both of its cascades must agree.
        image_bgr: (H, W, 3) uint8.
        upright: (T, 4) xyxy and (T,) scores of the faces found upright: in their places no other is
            looked for, but their angle is measured.
        smallest_px: side of the smallest face that counts.
        least_score: least certainty that counts.
    """
    shorter, taken = min(image_bgr.shape[:2]), upright[0]
    face_px = max(WINDOW_PX, smallest_px, SMALLEST_SHARE * shorter), float(shorter)
    of_upright = np.zeros(len(taken), np.float32)
    for angles in (ANGLES, QUARTERS):
        candidates = [
            _Candidate(box, float(score), angle)
            for angle in angles
            for box, score in _scanned(cascade, image_bgr, face_px, angle)
            if score >= least_score
        ]
        confirmed = [
            face
            for group in _grouped(candidates, taken)
            if (face := _confirmed(cascade, opinion, image_bgr, group, least_score))
        ]
        if len(taken):
            of_upright = _measured(candidates, upright)
        if confirmed or len(taken):
            break
    boxes = bx.as_boxes([face.box for face in confirmed])
    scores = np.array([face.score for face in confirmed], np.float32)
    kept = bx.suppress(boxes, scores)
    turns = np.array([face.angle for face in confirmed], np.float32)
    return LeaningFaces(boxes[kept], scores[kept], turns[kept], of_upright)


def leaning_scan(cascade: cv2.CascadeClassifier, image_bgr: ImageArray, angle: float) -> FloatArray:
    """(N, 4) float32 xyxy: whatever the scan of a photo turned by this angle may take for a face.

    Args:
        cascade: looks.
        image_bgr: (H, W, 3) uint8.
        angle: degrees counter-clockwise by which the heads lean that are looked for.
    """
    shorter = min(image_bgr.shape[:2])
    face_px = max(WINDOW_PX, SMALLEST_SHARE * shorter), float(shorter)
    prepared = prepare(image_bgr, face_px=face_px, work_px=SCAN_PX, angle=angle, whole=True)
    return detect(cascade, prepared, step=STEP, neighbours=_NEAR_MISSES)[0]


def _measured(candidates: list[_Candidate], upright: Found) -> FloatArray:
    """(T,) angles of faces that were found upright, from where else they were found."""
    angles = np.zeros(len(upright[0]), np.float32)
    for i, (box, score) in enumerate(zip(*upright, strict=True)):
        side = float(box[2] - box[0])
        same = [_Candidate(box, float(score), 0.0)] + [
            candidate
            for candidate in candidates
            if bx.covered_matrix(candidate.box[None], box[None])[0, 0] > bx.MOST_SHARED
            and abs(math.log(float(candidate.box[2] - candidate.box[0]) / side)) < SAME_SIZE
        ]
        angle = _mean_angle(same)
        angles[i] = angle if abs(angle) >= LEAST_ANGLE else 0.0
    return angles


def _mean_angle(faces: list[_Candidate]) -> float:
    """Of several answers of the cascade on one face, the surer ones more."""
    weights = np.array([max(face.score, 0.1) for face in faces])
    return float(weights @ [face.angle for face in faces] / weights.sum())


def _scanned(
    cascade: cv2.CascadeClassifier,
    image_bgr: ImageArray,
    face_px: tuple[float, float],
    angle: float,
) -> list[tuple[FloatArray, float]]:
    prepared = prepare(image_bgr, face_px=face_px, work_px=SCAN_PX, angle=angle, whole=True)
    boxes, scores = detect(cascade, prepared, step=STEP)
    return list(zip(boxes, scores.tolist(), strict=True))


def _grouped(candidates: list[_Candidate], taken: FloatArray) -> list[list[_Candidate]]:
    """Those of one face together, the most certain first; none where a face was found already."""
    groups: list[list[_Candidate]] = []
    for candidate in sorted(candidates, key=lambda c: -c.score):
        box = candidate.box[None]
        if len(taken) and bx.covered_matrix(box, taken).max() > bx.MOST_SHARED:
            continue
        for group in groups:
            if bx.covered_matrix(box, group[0].box[None])[0, 0] > bx.MOST_SHARED:
                group.append(candidate)
                break
        else:
            groups.append([candidate])
    return groups


def _confirmed(
    cascade: cv2.CascadeClassifier,
    opinion: SecondOpinion,
    image_bgr: ImageArray,
    group: list[_Candidate],
    least_score: float,
) -> _Candidate | None:
    """The face of a group, measured again at its own angle; None where the cascades disagree."""
    best = group[0]
    if sum(face.score for face in group) < LEAST_SUM:
        return None
    quarter = best.angle in QUARTERS
    least = LEAST_POINTS_QUARTER if quarter else LEAST_POINTS
    angles = (best.angle if quarter else _mean_angle(group), best.angle)
    for angle in dict.fromkeys(angles):
        agreed = opinion.both(image_bgr, best.box, angle)
        if agreed and opinion.evidence.enough(image_bgr, best.box, best.score, angle, least):
            around = look_around(cascade, image_bgr, best.box, replace(REFINE, angle=angle))
            boxes, scores = best_of(around, least_score)
            if len(boxes):
                return _Candidate(boxes[0], max(best.score, float(scores[0])), angle)
            return _Candidate(best.box, best.score, angle)
    return None
