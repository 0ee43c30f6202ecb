"""OpenCV's own face network, YuNet, in place of the Haar cascades; its weights are the user's.

It sees turned, leaning and partly covered faces that cascades miss. Nothing of it comes with this
package: pass the .onnx file that OpenCV publishes as `face_detection_yunet` in its model zoo.
"""

import math
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from emotion_core.config import DetectionSettings
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import MissingDependencyError, SettingsError
from emotion_core.vision import boxes as bx
from emotion_core.vision.detection import Detections, KnownFaces

# Least certainty, 0 to 1, of a face; OpenCV's own default of 0.9 misses turned ones.
LEAST_SCORE: Final = 0.7
# Pictures are shrunk to this longer side: a face of a twentieth of it is still 32 pixels wide.
LONGEST_PX: Final = 640
# Its boxes reach from the forehead to the chin and from ear to ear; those of the cascades, which
# the network was trained on, are squares of this many times the width around the nose.
SIDE_OF_WIDTH: Final = 1.1
# Columns of its answer: box, then x and y of both eyes, the nose and the corners of the mouth.
_EYES: Final = (4, 5, 6, 7)
_NOSE: Final = (8, 9)
_SCORE: Final = 14


class YuNetDetector:
    """Finds faces with `cv2.FaceDetectorYN`. Not thread-safe: one instance a stream.

    `DetectionSettings.score_threshold` and `thorough` are for the cascades and change nothing here;
    `min_face_px` is obeyed.

    Args:
        model_path: the .onnx file.

    Raises:
        SettingsError: there is no such file, or OpenCV cannot read it.
        MissingDependencyError: this OpenCV has no such detector.
    """

    def __init__(self, model_path: str | Path) -> None:
        path = Path(model_path)
        if not hasattr(cv2, "FaceDetectorYN"):
            raise MissingDependencyError(
                f"OpenCV {cv2.__version__} has no FaceDetectorYN: install version 4.5.4 or later."
            )
        if not path.is_file():
            raise SettingsError(f"The face detector's file {str(path)!r} does not exist.")
        try:
            self._network: Any = cv2.FaceDetectorYN.create(
                str(path), "", (LONGEST_PX, LONGEST_PX), LEAST_SCORE
            )
        except cv2.error as error:
            raise SettingsError(
                f"OpenCV cannot read the face detector {str(path)!r}: it must be the .onnx file of "
                "YuNet (face_detection_yunet)."
            ) from error
        self._settings = DetectionSettings()

    def configure(self, settings: DetectionSettings) -> None:
        """Use other settings from the next frame on."""
        self._settings = settings

    def reset(self) -> None:
        """Nothing is remembered from frame to frame."""

    def update(
        self,
        image_bgr: ImageArray,
        time_s: float,  # noqa: ARG002
        known: KnownFaces,
    ) -> Detections:
        """Find the faces of a frame, (H, W, 3) uint8 BGR, whatever the time and the known faces.

        Raises:
            SettingsError: the file holds another network than YuNet.
        """
        height, width = image_bgr.shape[:2]
        scale = min(1.0, LONGEST_PX / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = (
            cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA) if scale < 1 else image_bgr
        )
        try:
            self._network.setInputSize(size)
            _, rows = self._network.detect(small)
        except cv2.error as error:
            raise SettingsError(
                "The face detector's file is no YuNet: OpenCV cannot use its answers."
            ) from error
        found = np.asarray([] if rows is None else rows, np.float32).reshape(-1, _SCORE + 1)
        found[:, :_SCORE] *= np.float32(1 / scale)
        found = found[found[:, 2:4].max(axis=1, initial=0) >= self._settings.min_face_px]
        detections = Detections.of(_squares(found), found[:, _SCORE], known)
        detections.angles[:] = [_roll(face) for face in found]
        return detections


def _squares(found: FloatArray) -> FloatArray:
    """(N, 4) xyxy of the scale of a cascade's boxes, from the rows of the network's answer."""
    sides = SIDE_OF_WIDTH * found[:, 2]
    return bx.from_cxcys(np.column_stack([found[:, list(_NOSE)], sides]))


def _roll(face: FloatArray) -> float:
    """Degrees counter-clockwise by which the line between the eyes is turned."""
    x0, y0, x1, y1 = (float(face[i]) for i in _EYES)
    return -math.degrees(math.atan2(y1 - y0, x1 - x0))
