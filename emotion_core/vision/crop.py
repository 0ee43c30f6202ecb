"""The one crop function: what the network is shown, in training checks, live, video and photo."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray, ImageArray

CROP_SIDE = 48


def crop_faces(
    image_bgr: ImageArray, boxes_xyxy: FloatArray, angles: FloatArray | None = None
) -> FloatArray:
    """Cut faces out of a picture as the network takes them.

    A box is made square around its centre (a face must not be stretched); parts outside the
    picture are filled with its edge pixels. A Haar box has the scale of a FER2013 face as it
    comes, so nothing is padded.

    Args:
        image_bgr: (H, W, 3) uint8, BGR.
        boxes_xyxy: (N, 4) in pixels; N may be 0.
        angles: (N,) degrees counter-clockwise by which each head leans; it is turned upright around
            the middle of its box. None: all are upright.

    Returns:
        (N, 48, 48, 1) float32 grey, 0-255.
    """
    boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
    crops = np.empty((len(boxes), CROP_SIDE, CROP_SIDE, 1), np.float32)
    for i, box in enumerate(boxes):
        angle = 0.0 if angles is None else float(angles[i])
        crops[i, :, :, 0] = _crop_one(image_bgr, box, angle)
    return crops


def _crop_one(image_bgr: ImageArray, box: FloatArray, angle: float) -> FloatArray:
    left, top, right, bottom = (float(v) for v in box)
    side = max(right - left, bottom - top, 1.0)
    scale = CROP_SIDE / side
    # A turned square reaches beyond the upright one.
    wide = side * _reach(angle) if angle else side
    patch, x0, y0 = _patch(image_bgr, (left + right - wide) / 2, (top + bottom - wide) / 2, wide)
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
    if angle:
        matrix = _turned_back(matrix, angle)
    cut = cv2.warpAffine(
        grey,
        matrix,
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cut.astype(np.float32)


def _reach(angle: float) -> float:
    """Sides of the upright square around a square turned by so many degrees."""
    return abs(math.cos(math.radians(angle))) + abs(math.sin(math.radians(angle)))


def _turned_back(matrix: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """The (2, 3) matrix into an upright crop, into one turned clockwise around its middle."""
    middle = (CROP_SIDE - 1) / 2
    back = cv2.getRotationMatrix2D((middle, middle), -angle, 1.0)
    return np.asarray(back @ np.vstack([matrix, [0.0, 0.0, 1.0]]), np.float64)


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
