"""OpenCV's Haar cascades on small grey pictures, answered in the pixels of the large one."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import MissingDependencyError
from emotion_core.vision.boxes import from_xywh

FRONTAL = "haarcascade_frontalface_default.xml"
# The cascade was trained on windows of 24×24 pixels; nothing smaller can be found.
WINDOW_PX = 24
# A picture darker than this (mean grey) is brightened to it, by this factor at most.
DIM_MEAN = 80.0
BRIGHTEN_MOST = 6.0
# A bright picture flatter than this (standard deviation of its grey, through fog, glass or a lamp's
# glare) gets the contrast and the mean below, at most so many times its own contrast; with less
# than the last it shows nothing. Of 60 press photographs with a fifth of their contrast, plain Haar
# sees 11 faces; with this, 56 are found.
FLAT_DEVIATION = 20.0
CLEAR_DEVIATION = 40.0
CLEAR_MEAN = 120.0
CLEAR_MOST = 5.0
LEAST_DEVIATION = 3.0


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


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A picture made ready for a cascade.

    Attributes:
        grey: (h, w) uint8, shrunk and lit.
        sizes: smallest and largest side of a face in it, in its pixels.
        scale: pixels of the picture it was made from to one of its own, horizontally, vertically.
        upright: (2, 3) float32, from its places to those before it was turned; None: it was not.
    """

    grey: ImageArray
    sizes: tuple[int, int]
    scale: tuple[float, float]
    upright: FloatArray | None


def scan(
    cascade: cv2.CascadeClassifier,
    image_bgr: ImageArray,
    *,
    face_px: tuple[float, float],
    work_px: float = 26.0,
    step: float = 1.2,
    neighbours: int = 3,
    angle: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Detect faces whose side is in a range: `prepare`, then `detect`."""
    prepared = prepare(image_bgr, face_px=face_px, work_px=work_px, angle=angle)
    return detect(cascade, prepared, step=step, neighbours=neighbours)


def prepare(
    image_bgr: ImageArray,
    *,
    face_px: tuple[float, float],
    work_px: float = 26.0,
    angle: float = 0.0,
    whole: bool = False,
) -> Prepared:
    """Shrink, light and turn a picture; the result holds nothing of it.

    Args:
        image_bgr: (H, W, 3) uint8.
        face_px: smallest and largest side of a face, in pixels of `image_bgr`.
        work_px: the picture is shrunk until the smallest face has this side (never enlarged).
        angle: degrees by which faces lean counter-clockwise; the picture is turned back by as much
            around its middle.
        whole: make room for the corners of the turned picture; without it they are cut off, which
            is right for a small part around one face.
    """
    smallest, largest = face_px
    shrink = min(1.0, work_px / max(smallest, 1.0))
    grey = shrunk_grey(image_bgr, shrink)
    # The smallest size is rounded down: a window that starts one pixel too large misses the face.
    sizes = max(WINDOW_PX, math.floor(smallest * shrink)), math.ceil(largest * shrink)
    scale = image_bgr.shape[1] / grey.shape[1], image_bgr.shape[0] / grey.shape[0]
    upright = None
    if min(grey.shape) >= sizes[0]:
        grey = _lit(grey)
        if angle:
            grey, upright = _turned(grey, -angle, whole)
    return Prepared(grey, sizes, scale, upright)


def detect(
    cascade: cv2.CascadeClassifier, prepared: Prepared, *, step: float = 1.2, neighbours: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Look for faces in a prepared picture.

    Args:
        cascade: as `load_cascade` gives it; one thread at a time.
        prepared: as `prepare` gives it.
        step: ratio between one size looked for and the next.
        neighbours: overlapping answers that make a face.

    Returns:
        (N, 4) float32 xyxy in pixels of the picture that was prepared, (N,) float32 level weights
        (the cascade's own certainty; about 0 to 12 for faces).
    """
    grey, (low, high) = prepared.grey, prepared.sizes
    if min(grey.shape) < low or high < low:
        return from_xywh([]), np.empty(0, np.float32)
    found, _, weights = cascade.detectMultiScale3(
        grey, step, neighbours, minSize=(low, low), maxSize=(high, high), outputRejectLevels=True
    )
    boxes = from_xywh(found)
    if prepared.upright is not None and len(boxes):
        boxes = _boxes_moved(boxes, prepared.upright)
    boxes *= np.array(prepared.scale * 2, np.float32)
    return boxes, np.asarray(weights, np.float32).reshape(-1)


def shrunk_grey(image_bgr: ImageArray, shrink: float) -> ImageArray:
    """(h, w) uint8 grey, `shrink` (at most 1) times as large.

    Far too many pixels are thinned out first: averaging them all costs more than the scan, and the
    cascade, which sums over areas, does not miss them. The rest is averaged by a whole number of
    pixels, then sampled: OpenCV does both ten times faster than an average over fractions.
    """
    height, width = image_bgr.shape[:2]
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    every = int(0.5 / shrink)
    if every >= 2:
        # OpenCV thins out five times as fast as numpy copies a stepped slice.
        rows, columns = height // every, width // every
        image_bgr = np.asarray(
            cv2.resize(
                image_bgr[: rows * every, : columns * every],
                (columns, rows),
                interpolation=cv2.INTER_NEAREST,
            )
        )
    grey = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    whole = min(int(min(grey.shape[0] / size[1], grey.shape[1] / size[0]) + 0.05), *grey.shape)
    if whole >= 2:
        rows, columns = (n // whole for n in grey.shape)
        # Cut to a multiple, or OpenCV takes the slow way; the rest is less than one result pixel.
        grey = np.asarray(
            cv2.resize(
                grey[: rows * whole, : columns * whole],
                (columns, rows),
                interpolation=cv2.INTER_AREA,
            ),
            np.uint8,
        )
    if grey.shape == (size[1], size[0]):
        return grey
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _lit(grey: ImageArray) -> ImageArray:
    """The same picture as if in good light and clear air.

    OpenCV passes over windows without contrast (a standard deviation of 10 levels), however clear
    the face in them.
    """
    mean, deviation = (float(v[0, 0]) for v in cv2.meanStdDev(grey))
    if mean >= DIM_MEAN:
        if not LEAST_DEVIATION <= deviation < FLAT_DEVIATION:
            return grey
        gain = min(CLEAR_DEVIATION / deviation, CLEAR_MOST)
        levels = np.clip(gain * (np.arange(256) - mean) + CLEAR_MEAN, 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(grey, levels))
    return np.asarray(
        cv2.convertScaleAbs(grey, alpha=min(DIM_MEAN / max(mean, 1.0), BRIGHTEN_MOST))
    )


def _turned(grey: ImageArray, angle: float, whole: bool) -> tuple[ImageArray, FloatArray]:
    """The same picture turned counter-clockwise around its middle, its edges drawn out, and the
    (2, 3) matrix of the way back."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    size = (width, height)
    if whole:
        cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
        size = (
            math.ceil(width * cosine + height * sine - 1e-6),
            math.ceil(width * sine + height * cosine - 1e-6),
        )
        matrix[:, 2] += ((size[0] - width) / 2, (size[1] - height) / 2)
    turned = cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(matrix)
    return np.asarray(turned, np.uint8), np.asarray(back, np.float32)


def _boxes_moved(boxes_xyxy: FloatArray, matrix: FloatArray) -> FloatArray:
    """Boxes of the same size, upright, their centres moved by a (2, 3) matrix."""
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    moved = centres @ matrix[:, :2].T + matrix[:, 2] - centres
    return np.asarray(boxes_xyxy + np.tile(moved, 2), np.float32)
