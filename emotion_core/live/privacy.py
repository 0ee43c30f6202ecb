"""Faces made unrecognisable in the picture that is shown; the analysis sees the true one."""

from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray

# Blocks across a face: enough to see that one is there, too few to know whose.
_BLOCKS: Final = 8
# The box is some frames old when it is drawn, and hair and chin tell much.
_MARGIN: Final = 0.35


def pixelate_faces(image_bgr: ImageArray, boxes_xyxy: FloatArray) -> ImageArray:
    """A copy of the picture with a mosaic over each face and its surroundings.

    Args:
        image_bgr: (H, W, 3) uint8.
        boxes_xyxy: (N, 4) float32 pixels; N may be 0, boxes may reach out of the picture.
    """
    hidden = image_bgr.copy()
    height, width = hidden.shape[:2]
    for left, top, right, bottom in boxes_xyxy.tolist():
        dx, dy = _MARGIN * (right - left), _MARGIN * (bottom - top)
        x0, x1 = max(0, int(left - dx)), min(width, int(np.ceil(right + dx)))
        y0, y1 = max(0, int(top - dy)), min(height, int(np.ceil(bottom + dy)))
        if x1 > x0 and y1 > y0:
            hidden[y0:y1, x0:x1] = _mosaic(hidden[y0:y1, x0:x1])
    return hidden


def pixelate_all(image_bgr: ImageArray) -> ImageArray:
    """The whole picture as a mosaic: for the moments when nobody knows where the faces are."""
    return _mosaic(image_bgr)


def _mosaic(part: ImageArray) -> ImageArray:
    height, width = part.shape[:2]
    small = cv2.resize(part, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)
