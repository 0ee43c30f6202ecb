"""What must speak for a face in a photo."""

import numpy as np
import pytest

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import ImageArray
from emotion_core.vision.cascade import load_cascade
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.face_evidence import FaceEvidence
from emotion_core.vision.second_opinion import CASCADES, LARGER, NORMAL

FACE = np.array([113, 66, 209, 162], np.float32)


@pytest.fixture(scope="module")
def evidence() -> FaceEvidence:
    return FaceEvidence([load_cascade(name) for name in CASCADES], (NORMAL, LARGER))


def test_a_clear_face_has_enough(portrait: ImageArray, evidence: FaceEvidence) -> None:
    assert evidence.enough(portrait, FACE, 6.0)


def test_what_no_other_cascade_sees_is_no_face(
    portrait: ImageArray, evidence: FaceEvidence
) -> None:
    assert not evidence.enough(portrait, FACE + np.float32(110), 12.0)


def test_the_mirrored_face_and_the_eyes_are_asked_where_they_may_decide(
    portrait: ImageArray, evidence: FaceEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    eyes_in = FaceEvidence._eyes_in

    def watched(self: FaceEvidence, *args: object) -> int:
        asked.append("eyes")
        return eyes_in(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(FaceEvidence, "_eyes_in", watched)
    assert evidence.enough(portrait, FACE, 6.0)
    assert not asked, "both cascades and the certainty are enough"
    assert evidence.enough(portrait, FACE, 0.0, least=10.9), "eight times agreed, and two eyes"
    assert asked
    assert not evidence.enough(portrait, FACE, 0.0, least=11.1)


def test_a_turned_face_is_weighed_upright(portrait: ImageArray, evidence: FaceEvidence) -> None:
    lying = np.ascontiguousarray(np.rot90(portrait))
    box = np.array([66, 320 - 209, 162, 320 - 113], np.float32)
    assert evidence.enough(lying, box, 4.0, 90.0)
    assert not evidence.enough(lying, box, 4.0)


@pytest.mark.parametrize("name", ["gravel", "immunohistochemistry", "retina"])
def test_textures_are_no_faces(name: str) -> None:
    data = pytest.importorskip("skimage.data")
    picture = np.asarray(getattr(data, name)())
    image = picture[:256, :256] if picture.ndim == 3 else np.dstack([picture[:256, :256]] * 3)
    detector = HaarDetector(DetectionSettings(thorough=True))
    for quarters in range(2):
        found = detector.update(np.ascontiguousarray(np.rot90(image, quarters)), 0.0)
        assert not (found.agreement > 0).any()
        detector.reset()
