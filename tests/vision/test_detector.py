"""The detector's schedule and its answers, on faces pasted where a test wants them."""

from typing import Any

import cv2
import numpy as np
import pytest

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import ImageArray
from emotion_core.errors import MissingDependencyError
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.vision import boxes as bx
from emotion_core.vision import cascade, detector
from emotion_core.vision.detection import KnownFaces
from emotion_core.vision.detector import HaarDetector

NONE = KnownFaces.at()


def still(size: tuple[int, int] = (640, 480), scenario: str = "still") -> ImageArray:
    return next(iter(sample_frames(1, 1, size=size, scenario=scenario))).image


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes (width, height) of all pictures that the cascades were shown."""
    seen: list[tuple[int, int]] = []

    def watched(image_bgr: ImageArray, **options: Any) -> cascade.Prepared:
        seen.append((image_bgr.shape[1], image_bgr.shape[0]))
        return cascade_prepare(image_bgr, **options)

    cascade_prepare = cascade.prepare
    monkeypatch.setattr(detector, "prepare", watched)
    return seen


@pytest.mark.parametrize("shape", [(1, 1), (1, 600), (23, 23), (24, 24), (480, 640)])
def test_nothing_is_found_where_nobody_is(shape: tuple[int, int]) -> None:
    found = HaarDetector().update(np.full((*shape, 3), 90, np.uint8), 0.0, NONE)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.agreement.shape == found.looked_at.shape == (0,)


@pytest.mark.parametrize(
    "size", [(160, 120), (320, 240), (640, 480), (480, 640), (1280, 720), (3840, 2160)]
)
def test_a_face_is_found_at_every_frame_size(size: tuple[int, int]) -> None:
    found = HaarDetector().update(still(size), 0.0, NONE)
    truth = sample_boxes(0, 1, size=size, scenario="still")
    assert len(found.boxes) == 1
    assert bx.iou_matrix(found.boxes, truth)[0, 0] > 0.6
    assert found.scores[0] > 1
    assert found.agreement[0] == 1


def test_the_score_threshold_and_the_least_size_are_obeyed() -> None:
    image = still()
    certain = HaarDetector(DetectionSettings(score_threshold=50)).update(image, 0.0, NONE)
    large = HaarDetector(DetectionSettings(min_face_px=300)).update(image, 0.0, NONE)
    assert len(certain.boxes) == len(large.boxes) == 0


def test_nobody_there_is_scanned_for_far_faces_less_often(scans: list[tuple[int, int]]) -> None:
    detector, image = HaarDetector(), still(scenario="empty")
    for i in range(30):
        detector.update(image, i / 30, NONE)
    full = sum(size == (640, 480) for size in scans)
    assert 7 <= full <= 10, "near faces at 8 Hz where nothing moves"
    far = len(scans) - full
    assert 8 <= far <= 12, "four strips for far ones at once, again soon, and then after 0.8 s"


def test_a_known_face_costs_narrow_looks_alone(scans: list[tuple[int, int]]) -> None:
    detector, image = HaarDetector(), still()
    known = detector.update(image, 0.0, NONE).boxes
    for i in range(1, 30):
        if i == 12:
            scans.clear()
        found = detector.update(image, i / 30, KnownFaces.at(known))
        assert found.looked_at.tolist() == [True]
        assert len(found.boxes) == 1
        known = found.boxes
    assert (640, 480) not in scans, "after the second scan of the whole frame"


def test_a_lost_face_is_looked_for_everywhere_soon(scans: list[tuple[int, int]]) -> None:
    detector = HaarDetector()
    known = detector.update(still(), 0.0, NONE).boxes
    scans.clear()
    gone = still(scenario="empty")
    found = detector.update(gone, 0.3, KnownFaces.at(known, unseen_s=np.array([0.3], np.float32)))
    assert len(found.boxes) == 0
    assert (640, 480) in scans


def test_many_faces_are_looked_at_in_turn() -> None:
    detector, image = HaarDetector(), still(scenario="empty")
    detector.update(image, 0.0, NONE)
    known = bx.from_cxcys([[60 + 60 * i, 200, 50] for i in range(8)])
    waited = np.full(8, 1 / 30, np.float32)
    waited[[2, 5]] = 0.1
    first = detector.update(image, 1 / 30, KnownFaces.at(known, unlooked_s=waited))
    assert np.flatnonzero(first.looked_at).tolist() == [2, 5]
    overdue = detector.update(
        image, 2 / 30, KnownFaces.at(known, unlooked_s=np.full(8, 0.5, np.float32))
    )
    assert np.flatnonzero(overdue.looked_at).tolist() == [0, 1], "not all in one frame"


def test_only_what_is_new_is_shown_to_the_other_cascades(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector, image = HaarDetector(), still()
    known = detector.update(image, 0.0, NONE).boxes
    monkeypatch.setattr(detector._opinion, "of", lambda *_: 0.0)
    near = detector.update(image, 0.1, KnownFaces.at(known))
    assert near.agreement.tolist() == [1.0]
    candidate = detector.update(image, 0.2, KnownFaces.at(known, ids=np.array([0])))
    assert candidate.agreement.tolist() == [0.0]


def test_asking_about_the_same_cupboard_becomes_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, image = HaarDetector(), still()
    asked: list[int] = []

    def no(*_: object) -> float:
        asked.append(1)
        return 0.0

    monkeypatch.setattr(detector._opinion, "of", no)
    known = detector.update(image, 0.0, NONE).boxes
    for i in range(1, 60):
        detector.update(image, i / 30, KnownFaces.at(known, ids=np.array([0])))
    assert 6 < len(asked) < 25


def test_reset_scans_at_once(scans: list[tuple[int, int]]) -> None:
    detector, image = HaarDetector(), still(scenario="empty")
    detector.update(image, 5.0, NONE)
    detector.reset()
    scans.clear()
    detector.update(image, 0.0, NONE)
    assert len(scans) == 5, "near faces, and four strips for far ones"


def test_large_pictures_are_thinned_without_moving_boxes(portrait: ImageArray) -> None:
    resized = cv2.resize(portrait, (2560, 2560), interpolation=cv2.INTER_CUBIC)
    large = np.asarray(resized, np.uint8)
    boxes, _ = cascade.scan(cascade.load_cascade(), large, face_px=(500, 1500), step=1.1)
    assert len(boxes) == 1
    truth = bx.as_boxes([[v * 8 for v in (113, 66, 209, 162)]])
    assert bx.iou_matrix(boxes, truth)[0, 0] > 0.6


def test_an_opencv_without_cascades_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(MissingDependencyError, match="below 5"):
        HaarDetector()


@pytest.mark.parametrize("light", [0.5, 0.25, 0.12])
def test_a_face_in_the_dark_is_found(light: float) -> None:
    dark = (still() * light).astype(np.uint8)
    found = HaarDetector().update(dark, 0.0, NONE)
    assert len(found.boxes) == 1
    assert found.agreement[0] == 1


@pytest.mark.parametrize("contrast", [0.12, 0.2])
def test_a_face_in_fog_is_found(contrast: float) -> None:
    fog = (still() * contrast + 140).astype(np.uint8)
    found = HaarDetector().update(fog, 0.0, NONE)
    assert len(found.boxes) == 1
    assert found.agreement[0] == 1


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "coins", "brick", "grass", "page"])
def test_no_other_cascade_agrees_on_pictures_without_a_face(name: str) -> None:
    data = pytest.importorskip("skimage.data")
    picture = getattr(data, name)()
    image = cv2.resize(
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        if picture.ndim == 3
        else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR),
        (640, 480),
    )
    for brightness, fog in ((1.0, 0), (0.25, 0), (0.2, 120)):
        found = HaarDetector().update((image * brightness + fog).astype(np.uint8), 0.0, NONE)
        assert not (found.agreement == 1).any()


def test_a_newcomer_is_found_by_a_scan_aside() -> None:
    """One is known and calm; a second enters, long after the first scans of the frame."""
    alone = still((640, 360))
    face = sample_boxes(0, 1, size=(640, 360), scenario="still")
    x0, y0, x1, y1 = (int(v) for v in face[0])
    both = alone.copy()
    to = 30 if x0 > 320 else 640 - 30 - (x1 - x0)
    both[y0:y1, to : to + x1 - x0] = alone[y0:y1, x0:x1]
    second = face + np.array([to - x0, 0, to - x0, 0], np.float32)
    detector, seen = HaarDetector(), []
    for i in range(120):
        image = alone if i < 60 else both
        found = detector.update(image.copy(), i / 30, KnownFaces.at(face, ids=np.array([1])))
        assert bx.iou_matrix(found.boxes, face).max() > 0.5
        if bx.iou_matrix(found.boxes, second).max() > 0.5:
            seen.append((i, found.agreement[bx.iou_matrix(found.boxes, second)[:, 0].argmax()]))
    assert seen
    assert 60 < seen[0][0] < 60 + 1.2 * 30
    assert seen[0][1] > 0
