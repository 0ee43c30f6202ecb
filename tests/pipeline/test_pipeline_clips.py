"""Real clips, where they are at hand; figures as the project promises them."""

from pathlib import Path

import pytest
from made_classifiers import FakeClassifier

from emotion_core import FrameResult, Pipeline
from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame
from emotion_core.media import read_frames, read_photo


def results_of(path: Path, classifier: FakeClassifier) -> list[FrameResult]:
    pipeline = Pipeline(classifier)
    return [pipeline.process(frame) for frame in read_frames(path)]


@pytest.mark.parametrize(
    "name", ["one_face_talking.mp4", "one_face_signing.mkv", "face_appears_hevc.mov"]
)
def test_one_face_under_one_identity(
    shared_media: Path, classifier: FakeClassifier, name: str
) -> None:
    results = results_of(shared_media / name, classifier)
    first = next(i for i, result in enumerate(results) if len(result))
    ids = [result.track_ids.tolist() for result in results[first:]]
    # One of them ends with a black frame, which nobody is in.
    assert sum(i == [1] for i in ids) / len(ids) >= 0.98
    held = sum(bool(result.predicted.any()) for result in results) / len(ids)
    assert held < 0.05


def test_no_false_face_is_announced(shared_media: Path, classifier: FakeClassifier) -> None:
    results = results_of(shared_media / "no_face.mp4", classifier)
    assert sum(map(len, results)) == 0


# Five people; one wears sunglasses, which frontal cascades may take for no face.
@pytest.mark.parametrize(("name", "least", "most"), [("single_face", 1, 1), ("multi_face", 4, 5)])
def test_photos(
    shared_media: Path, classifier: FakeClassifier, name: str, least: int, most: int
) -> None:
    pipeline = Pipeline(classifier, PipelineSettings.for_photo())
    result = pipeline.process(Frame(read_photo(shared_media / f"{name}.jpg")))
    assert least <= len(result) <= most


def test_a_clip_s_frames_one_by_one(shared_media: Path, classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier, PipelineSettings.for_photo())
    faces = []
    for frame in list(read_frames(shared_media / "one_face_talking.mp4"))[::10]:
        pipeline.reset()
        faces.append(len(pipeline.process(frame)))
    # The plain cascade finds one face in 84%. A smiling mouth is not a second one.
    assert max(faces) == 1
    assert faces.count(1) >= 0.9 * len(faces)
