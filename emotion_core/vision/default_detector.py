"""Which detector finds the faces where none is passed."""

from pathlib import Path

from emotion_core.config import AppSettings
from emotion_core.vision.detection import FaceDetector
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.yunet import YuNetDetector


def default_detector(yunet: Path | None = None) -> FaceDetector:
    """The Haar cascades, or OpenCV's YuNet where the user or the installation has named its file.

    Args:
        yunet: the .onnx file; None takes EMOTION_LAB_YUNET.

    Raises:
        SettingsError: the file is missing or of another kind.
    """
    path = yunet or AppSettings.from_environment().yunet_path
    return HaarDetector() if path is None else YuNetDetector(path)
