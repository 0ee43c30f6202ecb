"""A known face that turns away stays known, and its reading is not passed off as good."""

import cv2
import numpy as np
import pytest
from made_classifiers import Happy

from emotion_core.config import DetectionSettings, PipelineSettings
from emotion_core.datatypes import Frame, ImageArray, QualityHint
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision import boxes as bx
from emotion_core.vision.detection import Detections, KnownFaces
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.profiles import ProfileSearch
from emotion_core.vision.tracker import Tracker, Tracks

FACE = np.array([[113, 66, 209, 162]], np.float32)
# The photographer of skimage's picture, seen from his left, in a box of the cascade.
HEAD = (179.0, 99.0, 279.0, 199.0)


def profile_at_the_face(mirrored: bool = False) -> ImageArray:
    """(320, 320, 3): a head from the side where the portrait's face is."""
    grey = np.asarray(pytest.importorskip("skimage.data").camera())
    scale = 0.96
    matrix = np.array(
        [[scale, 0, 161 - scale * 229.0], [0, scale, 114 - scale * 149.0]], np.float64
    )
    moved = cv2.warpAffine(grey, matrix, (320, 320), borderMode=cv2.BORDER_REPLICATE)
    image = np.dstack([moved] * 3).astype(np.uint8)
    return np.ascontiguousarray(image[:, ::-1]) if mirrored else image


def followed(portrait: ImageArray, profiles: bool, frames: int) -> Tracks:
    detector, tracker = HaarDetector(DetectionSettings(profiles=profiles)), Tracker()
    side = profile_at_the_face()
    for i in range(10 + frames):
        image = portrait if i < 10 else side
        found = detector.update(image, i / 30, tracker.expect(i / 30))
        tracks = tracker.update(found, i / 30)
        if i == 9:
            assert tracks.turned.tolist() == [False]
    return tracks


@pytest.mark.parametrize("mirrored", [False, True])
def test_either_side_is_found_near_its_place(mirrored: bool) -> None:
    image = profile_at_the_face(mirrored)
    box = FACE[0] if not mirrored else np.array([111, 66, 207, 162], np.float32)
    boxes, scores = ProfileSearch().near(image, box)
    assert len(boxes) == len(scores) == 1
    assert bx.iou_matrix(boxes, box[None])[0, 0] > 0.4


def test_nothing_is_found_beside_a_frontal_face_or_outside(portrait: ImageArray) -> None:
    search = ProfileSearch()
    assert not len(search.near(portrait, FACE[0])[0])
    assert not len(search.near(portrait, FACE[0] + np.float32(900))[0])


def test_a_face_that_turns_away_stays_known(portrait: ImageArray) -> None:
    tracks = followed(portrait, True, 60)
    assert tracks.track_ids.tolist() == [1]
    assert tracks.turned.tolist() == [True]
    assert tracks.predicted.tolist() == [False]


def test_without_profiles_it_is_lost(portrait: ImageArray) -> None:
    assert not len(followed(portrait, False, 60).track_ids)


def test_a_face_that_is_in_view_is_not_searched_for_a_profile(
    portrait: ImageArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ProfileSearch, "near")
    detector, tracker = HaarDetector(), Tracker()
    for i in range(20):
        found = detector.update(portrait, i / 30, tracker.expect(i / 30))
        assert tracker.update(found, i / 30).turned.sum() == 0


def test_a_turned_face_is_marked_and_unsure(portrait: ImageArray) -> None:
    class Turned:
        turned = True

        def update(self, image_bgr: ImageArray, time_s: float, known: KnownFaces) -> Detections:
            one = np.ones(1, np.float32)
            looked = np.ones(len(known.boxes), np.bool_)
            away = np.array([self.turned])
            return Detections(FACE, one, one, looked, (None,), turned=away)

        def reset(self) -> None: ...

        def configure(self, settings: DetectionSettings) -> None: ...

    detector = Turned()
    pipeline = Pipeline(Happy(), PipelineSettings.for_photo(), detector)
    result = pipeline.process(Frame(portrait))
    assert result.quality == ((QualityHint.TURNED,),)
    assert result.unsure.tolist() == [True]
    assert result.confidences[0] > 0.5
    detector.turned = False
    result = pipeline.process(Frame(portrait, 1, 0.1))
    assert result.quality == ((),)
    assert result.unsure.tolist() == [False]
