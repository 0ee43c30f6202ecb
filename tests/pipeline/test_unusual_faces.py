"""What is unlike the faces that the network knows: marked, and in photos not taken for a face."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core import Frame, FrameResult, Pipeline, PipelineSettings, QualityHint, sample_photo
from emotion_core.config import PROJECT_ROOT
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.detection import Detections, FaceDetector, KnownFaces

PHOTO = sample_photo()
FACE = np.array([[113, 66, 209, 162]], np.float32)


class Fixed:
    """Finds one face, always in one place."""

    def __init__(self, box: FloatArray, score: float) -> None:
        self._box, self._score = box, score

    def configure(self, settings: object) -> None:
        pass

    def reset(self) -> None:
        pass

    def update(
        self, image: ImageArray, time_s: float, known: KnownFaces | None = None
    ) -> Detections:
        return Detections.of(self._box, [self._score], known or KnownFaces.at())


def behind_a_mask(photo: ImageArray) -> ImageArray:
    masked = photo.copy()
    outline = np.array([[120, 116], [161, 108], [202, 116], [195, 165], [127, 165]])
    return np.asarray(cv2.fillPoly(masked, [outline], (230, 220, 210)), np.uint8)


def read(
    image: ImageArray, score: float = 5.0, settings: PipelineSettings | None = None
) -> FrameResult:
    detector: FaceDetector = Fixed(FACE, score)
    pipeline = Pipeline(load_classifier(), settings or PipelineSettings.for_photo(), detector)
    return pipeline.process(Frame(image))


def test_a_face_is_nothing_unusual() -> None:
    result = read(PHOTO)
    assert result.labels == ("happy",)
    assert QualityHint.UNUSUAL not in result.quality[0]
    assert not result.unsure[0]


def test_what_hides_behind_a_mask_is_unsure_however_probable() -> None:
    result = read(behind_a_mask(PHOTO), score=8.0)
    assert QualityHint.UNUSUAL in result.quality[0]
    assert result.unsure[0]


def test_a_photo_shows_no_face_where_detector_and_network_doubt_it() -> None:
    result = read(behind_a_mask(PHOTO), score=5.0)
    assert len(result) == 0
    # It may be one all the same: whoever hides faces must hide it.
    assert result.others.shape == (1, 4)


def test_a_stream_keeps_it_and_marks_it() -> None:
    settings = PipelineSettings()
    settings = replace(settings, tracking=replace(settings.tracking, confirm_hits=1))
    result = read(behind_a_mask(PHOTO), settings=settings)
    assert QualityHint.UNUSUAL in result.quality[0]


@pytest.mark.parametrize("only_one", [False, True])
def test_another_face_is_read_where_the_chosen_one_is_none(only_one: bool) -> None:
    image = np.concatenate([behind_a_mask(PHOTO), PHOTO], axis=1)
    right = FACE + np.array([320, 0, 320, 0], np.float32)

    class Two(Fixed):
        def update(
            self, image: ImageArray, time_s: float, known: KnownFaces | None = None
        ) -> Detections:
            larger = FACE + np.array([-4, -4, 4, 4], np.float32)
            boxes = np.concatenate([larger, right])
            return Detections.of(boxes, [5.0, 8.0], known or KnownFaces.at())

    usual = PipelineSettings.for_photo()
    chosen = replace(usual, one_person=only_one, largest_face_only=not only_one)
    result = Pipeline(load_classifier(), chosen, Two(FACE, 5.0)).process(Frame(image))
    assert result.boxes[:, 0].tolist() == [right[0, 0]]


def test_a_network_without_features_calls_nothing_unusual(tmp_path: Path) -> None:
    """Networks of earlier versions have one output, and no limit in model.json."""
    folder = tmp_path / "ferplus"
    shutil.copytree(PROJECT_ROOT / "models" / "ferplus", folder)
    values = json.loads((folder / "model.json").read_text("utf-8"))
    del values["activation"]
    (folder / "model.json").write_text(json.dumps(values), "utf-8")
    classifier = Classifier(load_bundle("ferplus", tmp_path))
    result = Pipeline(classifier, PipelineSettings.for_photo(), Fixed(FACE, 5.0)).process(
        Frame(behind_a_mask(PHOTO))
    )
    assert len(result) == 1
    assert QualityHint.UNUSUAL not in result.quality[0]


def test_the_activation_of_a_face_is_larger_than_that_of_its_parts() -> None:
    crop = crop_faces(PHOTO, FACE)
    order = np.random.default_rng(1).permutation(16)
    squares = crop.reshape(4, 12, 4, 12).swapaxes(1, 2).reshape(16, 12, 12)[order]
    shuffled = squares.reshape(4, 4, 12, 12).swapaxes(1, 2).reshape(1, 48, 48, 1)
    classifier = load_classifier()
    logits, (face, parts), _ = classifier.read(np.concatenate([crop, shuffled]))
    assert face > classifier.unusual_below > parts >= 0
    assert np.array_equal(logits, classifier.logits(np.concatenate([crop, shuffled])))
