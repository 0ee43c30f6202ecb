"""Leaning heads and false faces at the settings for photos.

python -m benchmarks.heads [--detector-model YUNET.ONNX]

Prints and writes results/heads.json; two minutes on one core. With a file of OpenCV's YuNet, which
is not part of this project, the same is measured with it.

The bundled portrait, with every expression, mirrored, at three sizes, is turned by up to 45
degrees. The pictures without a face are scikit-image's, each as it is, mirrored, lying and upside
down; the coins among them bear heads. What counts as a false face there is what a pipeline reports.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.common import save
from emotion_core import Frame, Pipeline, PipelineSettings
from emotion_core.datatypes import ImageArray
from emotion_core.media.portrait import SHAPES, portrait_as
from emotion_core.vision import boxes as bx
from emotion_core.vision.detection import FaceDetector, KnownFaces
from emotion_core.vision.detector import HaarDetector
from emotion_core.vision.yunet import YuNetDetector

ANGLES: Final = (-45, -37, -30, -22, -15, 0, 15, 22, 30, 37, 45)
SIZES: Final = (0.6, 1.0, 1.8)
FACE: Final = (113.0, 66.0, 209.0, 162.0)
NO_FACES: Final = (
    "chelsea", "coffee", "rocket", "camera", "moon", "brick", "grass", "gravel", "coins", "text",
    "hubble_deep_field", "retina", "page", "clock", "horse", "immunohistochemistry", "colorwheel",
    "logo", "cell",
)  # fmt: skip


def leaning_portraits(angle: float) -> Iterator[tuple[ImageArray, Any]]:
    """Pictures with one face that leans, and its box (1, 4)."""
    for shape in SHAPES.values():
        for mirrored in (False, True):
            image, (left, top, right, bottom) = portrait_as(shape), FACE
            if mirrored:
                image, left, right = np.ascontiguousarray(image[:, ::-1]), 320 - right, 320 - left
            middle = ((left + right - 1) / 2, (top + bottom - 1) / 2)
            matrix = cv2.getRotationMatrix2D(middle, angle, 1.0)
            turned = cv2.warpAffine(image, matrix, (320, 320), borderMode=cv2.BORDER_REPLICATE)
            for size in SIZES:
                sized = cv2.resize(turned, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
                yield np.asarray(sized, np.uint8), size * bx.as_boxes([left, top, right, bottom])


def pictures_without_a_face() -> Iterator[tuple[str, ImageArray]]:
    """scikit-image's pictures, at most 640 pixels wide or high, in four positions."""
    from skimage import data

    for name in NO_FACES:
        picture = np.asarray(getattr(data, name)())
        if picture.dtype == bool:
            picture = picture.astype(np.uint8) * 255
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture[:, :, :3], cv2.COLOR_RGB2GRAY)
        scale = min(1.0, 640 / max(grey.shape))
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = np.dstack([small] * 3).astype(np.uint8)
        for turned in (image, image[:, ::-1], np.rot90(image), np.rot90(image, 2)):
            yield name, np.ascontiguousarray(turned)


def measured(detector: FaceDetector) -> dict[str, Any]:
    """Which leaning portraits a detector finds as a pipeline for photos uses it, by how much it
    errs about their angle, and what it takes for a face."""
    settings = PipelineSettings.for_photo()
    detector.configure(settings.detection)
    found: dict[str, float] = {}
    error: dict[str, float] = {}
    for angle in ANGLES:
        hits, off = [], []
        for image, truth in leaning_portraits(angle):
            detector.reset()
            answer = detector.update(image, 0.0, KnownFaces.at())
            fits = (answer.agreement > 0) & (bx.iou_matrix(answer.boxes, truth)[:, 0] > 0.5)
            hits.append(bool(fits.any()))
            off += [abs(float(a) - angle) for a in answer.angles[fits]]
        found[str(angle)] = float(np.mean(hits))
        error[str(angle)] = round(float(np.mean(off or [np.nan])), 1)
    pipeline = Pipeline.load(settings=settings, detector=detector)
    false: dict[str, int] = {}
    pictures = wrong = 0
    for name, image in pictures_without_a_face():
        pipeline.reset()
        count = len(pipeline.process(Frame(image)))
        pictures, wrong = pictures + 1, wrong + bool(count)
        if count:
            false[name] = false.get(name, 0) + count
    return {
        "found": found,
        "angle_error_degrees": error,
        "without_a_face": {"pictures": pictures, "with_false_faces": wrong, "false": false},
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write results/heads.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector-model", type=Path, help="YuNet's .onnx file, set beside Haar")
    yunet = parser.parse_args(argv).detector_model
    result = measured(HaarDetector())
    save("heads", result if yunet is None else {**result, "yunet": measured(YuNetDetector(yunet))})


if __name__ == "__main__":
    main()
