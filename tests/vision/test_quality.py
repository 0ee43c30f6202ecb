"""Hints that explain a poor reading, each from a picture that has just that fault."""

import cv2
import numpy as np
import pytest

from emotion_core.datatypes import ImageArray, QualityHint
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.quality import quality_hints

FACE = (113.0, 66.0, 209.0, 162.0)


def hints(image: ImageArray, box: tuple[float, ...] = FACE) -> tuple[QualityHint, ...]:
    boxes = np.array([box], np.float32)
    height, width = image.shape[:2]
    return quality_hints(boxes, crop_faces(image, boxes), width, height)[0]


def test_nobody_needs_no_hint() -> None:
    none = np.empty((0, 4), np.float32)
    assert quality_hints(none, np.empty((0, 48, 48, 1), np.float32), 10, 10) == ()


def test_a_good_face_has_none(portrait: ImageArray) -> None:
    assert hints(portrait) == ()


@pytest.mark.parametrize("light", [0.05, 0.2])
def test_dark(portrait: ImageArray, light: float) -> None:
    assert QualityHint.DARK in hints((portrait * light).astype(np.uint8))


def test_half_light_is_neither_dark_nor_blurred(portrait: ImageArray) -> None:
    assert hints((portrait * 0.6).astype(np.uint8)) == ()


def test_blurred(portrait: ImageArray) -> None:
    blurred = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 6), np.uint8)
    assert hints(blurred) == (QualityHint.BLURRED,)


def test_small(portrait: ImageArray) -> None:
    third = cv2.resize(portrait, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    box = tuple(v / 3 for v in FACE)
    assert QualityHint.SMALL in hints(np.asarray(third, np.uint8), box)


@pytest.mark.parametrize("box", [(0, 66, 96, 162), (-20, 66, 76, 162), (113, 224, 209, 320)])
def test_cut_by_the_edge(portrait: ImageArray, box: tuple[float, ...]) -> None:
    assert QualityHint.CUT in hints(portrait, box)
