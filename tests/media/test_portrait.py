import numpy as np
import pytest

from emotion_core.labels import EXPRESSIONS
from emotion_core.media.portrait import SHAPES, FaceShape, portrait, portrait_as
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision.crop import crop_faces

FACE = np.array([[113, 66, 209, 162]], np.float32)


def test_the_photograph_itself_is_the_happy_one() -> None:
    assert portrait_as(SHAPES["happy"]) is portrait()


@pytest.mark.parametrize("expression", SHAPES)
def test_the_served_network_reads_the_intended_expression(expression: str) -> None:
    classifier = load_classifier("ferplus")
    crops = crop_faces(portrait_as(SHAPES[expression]), FACE)
    probs = classifier.probabilities(classifier.logits(crops))[0]
    assert EXPRESSIONS[int(probs.argmax())] == expression
    assert probs.max() > 0.6


@pytest.mark.parametrize("expression", SHAPES)
def test_only_the_face_is_changed(expression: str) -> None:
    outside = np.ones((320, 320), bool)
    outside[70:200, 100:224] = False
    change = np.abs(portrait_as(SHAPES[expression]).astype(int) - portrait())
    assert change[outside].max() <= 2


def test_halfway_lies_between() -> None:
    way = FaceShape(gap=2.0).towards(FaceShape(gap=4.0, jaw=1.0), 0.5)
    assert way == FaceShape(gap=3.0, jaw=0.5)


def test_the_sample_holds_five_expressions_and_a_second_person() -> None:
    pipeline = Pipeline.load("ferplus")
    read: dict[int, set[str]] = {}
    for frame in sample_frames(12.0, 10.0, scenario="expressions"):
        result = pipeline.process(frame)
        assert len(result) <= len(sample_boxes(frame.time_s, 12.0, scenario="expressions"))
        for track, label, unsure in zip(
            result.track_ids, result.labels, result.unsure, strict=True
        ):
            if not unsure:
                read.setdefault(int(track), set()).add(label)
    assert read == {1: set(SHAPES), 2: {"neutral", "surprise", "happy"}}
