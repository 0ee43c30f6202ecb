"""Hints that explain a poor reading: a face too small, too dark, too blurred or cut."""

from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray, QualityHint
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
    boxes_xyxy: FloatArray, crops: FloatArray, width: int, height: int
) -> tuple[tuple[QualityHint, ...], ...]:
    """Why each face may be read poorly.

    Args:
        boxes_xyxy: (N, 4) in pixels of the frame.
        crops: (N, 48, 48, 1) float32 grey 0-255, the same faces.
        width, height: of the frame, in pixels.

    Returns:
        N tuples, empty where nothing is wrong.
    """
    inside = visible_share(expand(boxes_xyxy, 1 + 2 * EDGE_SHARE), width, height)
    return tuple(
        _hints(float(box[2] - box[0]), float(share), crop[:, :, 0])
        for box, share, crop in zip(boxes_xyxy, inside, crops, strict=True)
    )


def _hints(side_px: float, inside: float, crop: FloatArray) -> tuple[QualityHint, ...]:
    checks = (
        (QualityHint.SMALL, side_px < SMALL_PX),
        (QualityHint.DARK, float(crop.mean()) < DARK_MEAN),
        (QualityHint.BLURRED, sharpness(crop) < BLURRED_BELOW),
        (QualityHint.CUT, inside < 0.999),
    )
    return tuple(hint for hint, poor in checks if poor)


def sharpness(crop: ImageArray | FloatArray) -> float:
    """How much fine detail a (48, 48) crop holds, whatever its contrast; about 0 to 2000."""
    grey = np.asarray(crop, np.float32)
    contrast = max(float(grey.std()), 4.0)
    return 1000.0 * float(cv2.Laplacian(grey, cv2.CV_32F).var()) / (contrast * contrast)
