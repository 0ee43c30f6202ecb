"""The one crop function: what the network is shown, in training checks, live, video and photo."""

import math

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray

CROP_SIDE = 48


def crop_faces(image_bgr: ImageArray, boxes_xyxy: FloatArray) -> FloatArray:
    """Cut faces out of a picture as the network takes them.

    A box is made square around its centre (a face must not be stretched); parts outside the
    picture are filled with its edge pixels. A Haar box has the scale of a FER2013 face as it
    comes, so nothing is padded.

    Args:
        image_bgr: (H, W, 3) uint8, BGR.
        boxes_xyxy: (N, 4) in pixels; N may be 0.

    Returns:
        (N, 48, 48, 1) float32 grey, 0-255.
    """
    boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
    crops = np.empty((len(boxes), CROP_SIDE, CROP_SIDE, 1), np.float32)
    for i, box in enumerate(boxes):
        crops[i, :, :, 0] = _crop_one(image_bgr, box)
    return crops


def _crop_one(image_bgr: ImageArray, box: FloatArray) -> FloatArray:
    left, top, right, bottom = (float(v) for v in box)
    side = max(right - left, bottom - top, 1.0)
    scale = CROP_SIDE / side
    patch, x0, y0 = _patch(image_bgr, (left + right - side) / 2, (top + bottom - side) / 2, side)
    grey = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
    # Averaging first: sampling a large face at only 48x48 points would alias. By a whole number of
    # pixels: OpenCV averages over fractions ten times slower.
    whole = max(1, min(int(1 / scale), *grey.shape))
    if whole > 1:
        rows, columns = (n // whole for n in grey.shape)
        grey = cv2.resize(
            grey[: rows * whole, : columns * whole],
            (columns, rows),
            interpolation=cv2.INTER_AREA,
        )
    ax = ay = scale * whole
    # Pixel centres lie at +0.5; the sub-pixel shift keeps the crop of a slowly moving face steady.
    matrix = np.array(
        [
            [ax, 0, 0.5 * ax - 0.5 + (x0 - (left + right - side) / 2) * scale],
            [0, ay, 0.5 * ay - 0.5 + (y0 - (top + bottom - side) / 2) * scale],
        ]
    )
    cut = cv2.warpAffine(
        grey,
        matrix,
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cut.astype(np.float32)


def _patch(
    image_bgr: ImageArray, left: float, top: float, side: float
) -> tuple[ImageArray, int, int]:
    """The part of the picture under a square, at least one pixel, and where it starts."""
    height, width = image_bgr.shape[:2]
    x0 = min(max(math.floor(left) - 1, 0), width - 1)
    y0 = min(max(math.floor(top) - 1, 0), height - 1)
    x1 = min(max(math.ceil(left + side) + 1, x0 + 1), width)
    y1 = min(max(math.ceil(top + side) + 1, y0 + 1), height)
    return image_bgr[y0:y1, x0:x1], x0, y0
