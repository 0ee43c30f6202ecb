"""Leaning heads in photos: found, measured, and shown to the network upright."""

import cv2
import numpy as np
import pytest
from made_classifiers import FakeClassifier

from emotion_core.config import DetectionSettings, PipelineSettings
from emotion_core.datatypes import Frame, ImageArray
from emotion_core.media.portrait import SHAPES, portrait_as
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision import boxes as bx
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.detection import Detections
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.tracker import Tracker

FACE = np.array([[113, 66, 209, 162]], np.float32)
MIDDLE = (160.5, 113.5)  # of that box, as OpenCV counts pixels


def leaning(image: ImageArray, angle: float, middle: tuple[float, float] = MIDDLE) -> ImageArray:
    turn = cv2.getRotationMatrix2D(middle, angle, 1.0)
    size = image.shape[1::-1]
    return np.asarray(cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def found_in(image: ImageArray) -> Detections:
    detector = HaarDetector(DetectionSettings(thorough=True))
    return detector.update(np.ascontiguousarray(image), 0.0)


@pytest.mark.parametrize("angle", [-45, -30, -20, 20, 30, 45])
def test_a_leaning_face_is_found_in_a_photo(angle: int) -> None:
    shape = list(SHAPES.values())[abs(angle) % len(SHAPES)]
    found = found_in(leaning(portrait_as(shape), angle))
    assert found.agreement.tolist() == [1.0]
    assert bx.iou_matrix(found.boxes, FACE)[0, 0] > 0.6
    assert found.angles[0] == pytest.approx(angle, abs=16)


def test_an_upright_face_is_reported_once_and_upright(portrait: ImageArray) -> None:
    found = found_in(portrait)
    assert len(found.boxes) == 1
    assert found.angles.tolist() == [0.0]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_that_lies_or_stands_on_its_head_is_read(
    portrait: ImageArray, quarters: int
) -> None:
    found = found_in(np.rot90(portrait, quarters))
    assert len(found.boxes) == 1
    assert found.angles[0] % 360 == 90 * quarters


def test_both_of_an_upright_and_a_leaning_face_are_found(portrait: ImageArray) -> None:
    both = np.concatenate([portrait, leaning(portrait, 30)], axis=1)
    found = found_in(both)
    faces = found.agreement > 0
    assert (found.boxes[faces, 0] > 320).tolist() == [False, True]
    assert np.abs(found.angles[faces] - [0, 30]).max() < 16


def test_a_stream_is_not_scanned_for_leaning_newcomers(portrait: ImageArray) -> None:
    found = HaarDetector().update(leaning(portrait, 45), 0.0)
    assert not len(found.boxes)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "camera", "page", "clock", "horse"])
def test_nothing_is_found_in_turned_pictures_without_a_face(name: str) -> None:
    data = pytest.importorskip("skimage.data")
    picture = np.asarray(getattr(data, name)())
    picture = picture.astype(np.uint8) * 255 if picture.dtype == bool else picture
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture[:, :, :3], cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (320, 240), interpolation=cv2.INTER_AREA)
    image = np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)
    for turned in (image, leaning(image, 45, (160.0, 120.0))):
        assert not (found_in(turned).agreement > 0).any()


@pytest.mark.parametrize("angle", [-90.0, -45.0, 17.0, 30.0, 180.0])
def test_the_crop_of_a_leaning_face_is_that_of_the_upright_one(
    portrait: ImageArray, angle: float
) -> None:
    upright = crop_faces(portrait, FACE)[0]
    turned = crop_faces(leaning(portrait, angle), FACE, np.array([angle], np.float32))[0]
    as_it_is = crop_faces(leaning(portrait, angle), FACE)[0]
    assert np.abs(turned - upright).mean() < 5
    assert np.abs(as_it_is - upright).mean() > 12


def test_an_angle_of_nothing_changes_no_pixel(portrait: ImageArray) -> None:
    none = crop_faces(portrait, FACE)
    assert np.array_equal(none, crop_faces(portrait, FACE, np.zeros(1, np.float32)))


def test_a_crop_at_the_edge_may_be_turned(portrait: ImageArray) -> None:
    boxes = np.array([[-40, -40, 20, 20], [310, 310, 400, 400]], np.float32)
    crops = crop_faces(portrait, boxes, np.array([45, -30], np.float32))
    assert np.isfinite(crops).all()


def test_the_pipeline_reads_the_face_upright_and_says_how_it_leaned(portrait: ImageArray) -> None:
    shown: list[np.ndarray] = []

    class Watched(FakeClassifier):
        def logits(self, crops: np.ndarray, /) -> np.ndarray:
            shown.append(crops)
            return super().logits(crops)

    image = leaning(portrait, 40)
    result = Pipeline(Watched(), PipelineSettings.for_photo()).process(Frame(image))
    assert result.angles[0] == pytest.approx(40, abs=12)
    assert np.array_equal(shown[0], crop_faces(image, result.boxes, result.angles))


def test_the_tracker_follows_an_angle_the_shorter_way_and_back_to_upright() -> None:
    tracker = Tracker()
    seen = []
    for i, angle in enumerate([170.0, 170.0, -170.0, np.nan, *[0.0] * 12]):
        known = tracker.expect(i / 10)
        one = np.ones(1, np.float32)
        found = Detections(
            bx.from_cxcys([[100, 100, 50]]),
            6 * one,
            one,
            np.ones(len(known.boxes), np.bool_),
            (None,),
            angle * one,
        )
        seen.append(float(tracker.update(found, i / 10).angles[0]))
    assert seen[:4] == [170.0, 170.0, 180.0, 180.0]
    assert seen[-1] == 0.0


def test_in_a_stream_a_head_that_leans_further_and_further_stays_one_person(
    portrait: ImageArray,
) -> None:
    detector, tracker = HaarDetector(), Tracker()
    lost, tracks = 0, None
    for i in range(45):
        image = leaning(portrait, min(1.5 * max(i - 5, 0), 40.0))
        found = detector.update(image, i / 30, tracker.expect(i / 30))
        tracks = tracker.update(found, i / 30)
        lost += len(tracks.boxes) != 1 or bool(tracks.predicted[0])
    assert lost <= 2
    assert tracks is not None
    assert tracks.track_ids.tolist() == [1]
    assert tracks.angles[0] > 15


def test_in_a_stream_a_head_that_falls_to_one_side_is_found_again(portrait: ImageArray) -> None:
    detector, tracker = HaarDetector(), Tracker()
    held = []
    for i in range(30):
        image = leaning(portrait, -40.0 if i > 8 else 0.0)
        found = detector.update(image, i / 30, tracker.expect(i / 30))
        tracks = tracker.update(found, i / 30)
        held.append(len(tracks.boxes) == 1 and not tracks.predicted[0])
    assert held[0]
    assert held[-1]
    assert sum(held) > 20
    assert tracks.track_ids.tolist() == [1]
