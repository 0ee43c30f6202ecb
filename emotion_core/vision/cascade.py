"""One look of OpenCV's Haar cascade at a part of a picture, answered in the picture's pixels."""

import math
from pathlib import Path

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import MissingDependencyError
from emotion_core.vision.boxes import from_xywh

FRONTAL = "haarcascade_frontalface_default.xml"
# The cascade was trained on windows of 24×24 pixels; nothing smaller can be found.
WINDOW_PX = 24


def load_cascade(name: str = FRONTAL) -> cv2.CascadeClassifier:
    """Load a cascade that comes with OpenCV.

    Raises:
        MissingDependencyError: this OpenCV has no Haar cascades (version 5 dropped them).
    """
    folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
    if not hasattr(cv2, "CascadeClassifier") or not (folder / name).is_file():
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} comes without the Haar cascade {name}. "
            'Install a version below 5: pip install "opencv-python-headless>=4.10,<5".'
        )
    return cv2.CascadeClassifier(str(folder / name))


def scan(
    cascade: cv2.CascadeClassifier,
    image_bgr: ImageArray,
    *,
    face_px: tuple[float, float],
    work_px: float = 26.0,
    step: float = 1.2,
    neighbours: int = 3,
) -> tuple[FloatArray, FloatArray]:
    """Look for faces whose side lies in a range.

    Args:
        cascade: as `load_cascade` gives it; one thread at a time.
        image_bgr: (H, W, 3) uint8.
        face_px: smallest and largest side of a face, in pixels of `image_bgr`.
        work_px: the picture is shrunk until the smallest face has this side (never enlarged).
        step: ratio between one size looked for and the next.
        neighbours: overlapping answers that make a face.

    Returns:
        (N, 4) float32 xyxy in pixels of `image_bgr`, (N,) float32 level weights (the cascade's own
        certainty; about 0 to 12 for faces).
    """
    smallest, largest = face_px
    shrink = min(1.0, work_px / max(smallest, 1.0))
    grey = _shrunk_grey(image_bgr, shrink)
    # The smallest size is rounded down: a window that starts one pixel too large misses the face.
    low = max(WINDOW_PX, math.floor(smallest * shrink))
    high = math.ceil(largest * shrink)
    if min(grey.shape) < low or high < low:
        return from_xywh([]), np.empty(0, np.float32)
    found, _, weights = cascade.detectMultiScale3(
        grey, step, neighbours, minSize=(low, low), maxSize=(high, high), outputRejectLevels=True
    )
    boxes = from_xywh(found)
    scale_x, scale_y = image_bgr.shape[1] / grey.shape[1], image_bgr.shape[0] / grey.shape[0]
    boxes *= np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
    return boxes, np.asarray(weights, np.float32).reshape(-1)


def _shrunk_grey(image_bgr: ImageArray, shrink: float) -> ImageArray:
    """Grey and smaller. Far too many pixels are thinned out first: averaging them all costs more
    than the scan, and the cascade, which sums over areas, does not miss them."""
    height, width = image_bgr.shape[:2]
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    if size == (width, height):
        return np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    every = int(0.6 / shrink)
    if every >= 2:
        image_bgr = np.ascontiguousarray(image_bgr[::every, ::every])
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
