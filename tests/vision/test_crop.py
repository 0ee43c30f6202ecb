"""The one crop function."""

import numpy as np
import pytest

from emotion_core.datatypes import ImageArray
from emotion_core.vision.crop import crop_faces


def ramp(width: int = 200, height: int = 200) -> ImageArray:
    """Grey grows by one a pixel from left to right."""
    return np.repeat(np.tile(np.arange(width, dtype=np.uint8), (height, 1))[:, :, None], 3, axis=2)


def test_no_boxes_give_no_crops() -> None:
    crops = crop_faces(ramp(), np.empty((0, 4), np.float32))
    assert crops.shape == (0, 48, 48, 1)
    assert crops.dtype == np.float32


@pytest.mark.parametrize("side", [12, 48, 60, 96, 150])
def test_crop_shows_exactly_the_box(side: int) -> None:
    left = 30
    crop = crop_faces(ramp(), np.array([[left, 20, left + side, 20 + side]], np.float32))[
        0, :, :, 0
    ]
    # Pixel i of the crop covers the stretch from i to i + 1 of 48 parts of the box.
    expected = left + (np.arange(48) + 0.5) * side / 48 - 0.5
    inner = slice(2, -2)
    np.testing.assert_allclose(crop[24, inner], expected[inner], atol=1.0)


def test_a_slow_move_moves_the_crop_smoothly() -> None:
    steps = [
        crop_faces(ramp(), np.array([[30 + d, 20, 90 + d, 80]], np.float32))[0, 24, 24, 0]
        for d in np.linspace(0, 2, 9)
    ]
    assert np.all(np.diff(steps) >= 0)
    assert steps[-1] - steps[0] == pytest.approx(2, abs=0.6)


def test_outside_of_the_picture_its_edge_goes_on() -> None:
    crop = crop_faces(ramp(), np.array([[-48, -48, 0, 0], [-10, 150, 86, 246]], np.float32))
    assert crop[0].max() <= 1
    assert crop[1, :, 0, 0].max() <= 1
    assert np.isfinite(crop).all()


def test_an_oblong_box_is_not_stretched() -> None:
    crop = crop_faces(ramp(), np.array([[80, 20, 100, 116]], np.float32))[0, 24, :, 0]
    assert crop[-1] - crop[0] == pytest.approx(96 * 47 / 48, abs=2)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (50, 1, 3)])
def test_the_smallest_pictures_have_a_crop(shape: tuple[int, int, int]) -> None:
    image = np.full(shape, 77, np.uint8)
    crops = crop_faces(image, np.array([[0, 0, 1, 1], [-5, -5, 60, 60]], np.float32))
    np.testing.assert_allclose(crops, 77, atol=1)


def test_the_picture_is_left_alone(portrait: ImageArray) -> None:
    before = portrait.copy()
    crop_faces(portrait, np.array([[100, 60, 210, 170]], np.float32))
    np.testing.assert_array_equal(portrait, before)
