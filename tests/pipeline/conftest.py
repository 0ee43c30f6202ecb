"""A classifier, and clips of heads that cross."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from made_classifiers import FakeClassifier

from emotion_core.datatypes import Frame, ImageArray
from emotion_core.media.synthetic import sample_photo


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier()


def paste_head(image: ImageArray, x: float, y: float, size: float, mirrored: bool = False) -> None:
    """Put the portrait's head, cut out along an ellipse, on a picture: face centre and side."""
    head = sample_photo()[22:206, 69:253]
    mask = np.zeros(head.shape[:2], np.uint8)
    cv2.ellipse(mask, (92, 92), (64, 84), 0, 0, 360, 255, cv2.FILLED)
    if mirrored:
        head, mask = head[:, ::-1], mask[:, ::-1]
    scale = size / 96
    matrix = np.array([[scale, 0, x - 92 * scale], [0, scale, y - 92 * scale]])
    shape = (image.shape[1], image.shape[0])
    cover = cv2.warpAffine(np.ascontiguousarray(mask), matrix, shape)[:, :, None] / 255.0
    warped = cv2.warpAffine(np.ascontiguousarray(head), matrix, shape)
    image[:] = (image * (1 - cover) + warped * cover).astype(np.uint8)


def crossing_frames(seconds: float = 2.4, fps: float = 30) -> Iterator[Frame]:
    """Two heads change sides; the right one passes behind the left one, hidden for 0.5 s or so."""
    for index in range(round(seconds * fps)):
        image = np.full((480, 640, 3), 140, np.uint8)
        phase = index / fps / seconds
        paste_head(image, 560 - 480 * phase, 230, 90, mirrored=True)
        paste_head(image, 80 + 480 * phase, 240, 100)
        yield Frame(image, index, index / fps)


@pytest.fixture
def crossing() -> Callable[..., Iterator[Frame]]:
    return crossing_frames


@pytest.fixture
def head() -> Callable[..., None]:
    return paste_head
