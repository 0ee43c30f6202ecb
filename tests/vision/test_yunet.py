"""OpenCV's face network as a detector; the network itself is made up, no file of it is here."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_classifiers import Happy

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import Frame
from emotion_core.errors import MissingDependencyError, SettingsError
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision.default_detector import default_detector
from emotion_core.vision.detection import KnownFaces
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.yunet import YuNetDetector


class FakeNetwork:
    """Finds one face in the middle, whose right eye, as seen, is higher than the left one."""

    size = (0, 0)
    faces = 1

    @classmethod
    def create(cls, model: str, config: str, size: tuple[int, int], score: float) -> "FakeNetwork":
        if Path(model).read_bytes() != b"yunet":
            raise cv2.error("not an ONNX file")
        return cls()

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802
        self.size = size

    def detect(self, image: Any) -> tuple[int, Any]:
        assert image.shape[1::-1] == self.size
        if not self.faces:
            return 1, None
        x, y = self.size[0] / 2, self.size[1] / 2
        row = [x - 40, y - 60, 80, 110, x - 20, y - 10, x + 20, y - 50, x, y, x, y, x, y, 0.9]
        return 1, np.array([row] * self.faces, np.float32)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cv2, "FaceDetectorYN", FakeNetwork, raising=False)
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"yunet")
    return path


@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (200, 100)])
def test_boxes_are_squares_around_the_nose_in_the_picture(
    file: Path, size: tuple[int, int]
) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    found = YuNetDetector(file).update(image, 0.0, KnownFaces.at())
    scale = max(1.0, max(size) / 640)
    half = 44 * scale
    x, y = size[0] / 2, size[1] / 2
    np.testing.assert_allclose(found.boxes, [[x - half, y - half, x + half, y + half]], atol=1)
    np.testing.assert_allclose(found.scores, [0.9])
    np.testing.assert_allclose(found.angles, [45.0], atol=1e-3)
    assert found.agreement.tolist() == [1.0]


def test_nobody_is_an_empty_answer(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeNetwork, "faces", 0)
    found = YuNetDetector(file).update(np.zeros((90, 90, 3), np.uint8), 0.0, KnownFaces.at())
    assert found.boxes.shape == (0, 4)


def test_the_least_size_is_obeyed(file: Path) -> None:
    detector = YuNetDetector(file)
    detector.configure(DetectionSettings(min_face_px=200))
    found = detector.update(np.zeros((480, 640, 3), np.uint8), 0.0, KnownFaces.at())
    assert not len(found.boxes)


def test_a_pipeline_reads_with_it(file: Path) -> None:
    pipeline = Pipeline(Happy(), detector=YuNetDetector(file))
    frames = [Frame(np.full((480, 640, 3), 90, np.uint8), i, i / 30) for i in range(4)]
    assert [len(pipeline.process(frame)) for frame in frames][-1] == 1


def test_a_missing_or_wrong_file_and_an_old_opencv_are_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        YuNetDetector(file.with_name("none.onnx"))
    file.write_bytes(b"something else")
    with pytest.raises(SettingsError, match=r"must be the \.onnx file of YuNet"):
        YuNetDetector(file)
    monkeypatch.delattr(cv2, "FaceDetectorYN")
    with pytest.raises(MissingDependencyError, match=r"4\.5\.4"):
        YuNetDetector(file)


def test_the_environment_chooses_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(default_detector(), HaarDetector)
    assert isinstance(default_detector(file), YuNetDetector)
    monkeypatch.setenv("EMOTION_LAB_YUNET", str(file))
    assert isinstance(default_detector(), YuNetDetector)
    monkeypatch.setenv("EMOTION_LAB_YUNET", str(file.with_name("none.onnx")))
    with pytest.raises(SettingsError, match="does not exist"):
        Pipeline(Happy())


def test_another_network_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise cv2.error("no such layer")

    monkeypatch.setattr(FakeNetwork, "detect", fail)
    with pytest.raises(SettingsError, match="no YuNet"):
        YuNetDetector(file).update(np.zeros((9, 9, 3), np.uint8), 0.0, KnownFaces.at())


def test_opencv_itself_refuses_what_is_no_network(tmp_path: Path) -> None:
    if not hasattr(cv2, "FaceDetectorYN"):
        pytest.skip("this OpenCV has no FaceDetectorYN")
    path = tmp_path / "text.onnx"
    path.write_text("no network")
    with pytest.raises(SettingsError, match="cannot read"):
        YuNetDetector(path)
