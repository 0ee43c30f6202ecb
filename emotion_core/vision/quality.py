"""Hints that explain a poor reading: a face too small, dark, blurred, cut or turned."""

from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import BoolArray, FloatArray, ImageArray, QualityHint
from emotion_core.vision.boxes import expand, visible_share

# The network's input is 48 pixels wide: a face below that is enlarged, its detail invented.
SMALL_PX: Final = 48.0
# Mean grey of the crop, 0-255.
DARK_MEAN: Final = 50.0
# Variance of the Laplacian of the 48×48 crop after its contrast is set to 1 (× 1000): low where
# no edge is sharp.
BLURRED_BELOW: Final = 60.0
# A Haar box ends inside of the frame, so a cut face is one whose box comes this close to the edge,
# as a share of its side.
EDGE_SHARE: Final = 0.02


def quality_hints(
    boxes_xyxy: FloatArray,
    crops: FloatArray,
    width: int,
    height: int,
    turned: BoolArray | None = None,
) -> tuple[tuple[QualityHint, ...], ...]:
    """Why each face may be read poorly.

    Args:
        boxes_xyxy: (N, 4) in pixels of the frame.
        crops: (N, 48, 48, 1) float32 grey 0-255, the same faces.
        width, height: of the frame, in pixels.
        turned: (N,) bool, faces seen from the side; None: there are none.

    Returns:
        N tuples, empty where nothing is wrong.
    """
    inside = visible_share(expand(boxes_xyxy, 1 + 2 * EDGE_SHARE), width, height)
    away = [False] * len(boxes_xyxy) if turned is None else turned.tolist()
    return tuple(
        _hints(float(box[2] - box[0]), float(share), crop[:, :, 0])
        + ((QualityHint.TURNED,) if sideways else ())
        for box, share, crop, sideways in zip(boxes_xyxy, inside, crops, away, strict=True)
    )


def _hints(side_px: float, inside: float, crop: FloatArray) -> tuple[QualityHint, ...]:
    mean, deviation = _mean_and_deviation(crop)
    checks = (
        (QualityHint.SMALL, side_px < SMALL_PX),
        (QualityHint.DARK, mean < DARK_MEAN),
        (QualityHint.BLURRED, _sharpness(crop, deviation) < BLURRED_BELOW),
        (QualityHint.CUT, inside < 0.999),
    )
    return tuple(hint for hint, poor in checks if poor)


def sharpness(crop: ImageArray | FloatArray) -> float:
    """How much fine detail a (48, 48) crop holds, whatever its contrast; about 0 to 2000."""
    grey = np.asarray(crop, np.float32)
    return _sharpness(grey, _mean_and_deviation(grey)[1])


def _sharpness(grey: FloatArray, deviation: float) -> float:
    edges = np.empty_like(grey)
    cv2.Laplacian(grey, cv2.CV_32F, edges)
    return 1000.0 * (_mean_and_deviation(edges)[1] / max(deviation, 4.0)) ** 2


def _mean_and_deviation(grey: FloatArray) -> tuple[float, float]:
    """OpenCV's one pass takes a tenth of numpy's time for so small a picture."""
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])
