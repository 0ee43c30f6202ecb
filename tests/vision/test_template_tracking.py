"""Following a face by its picture, and where it must not be believed."""

import numpy as np
import pytest

from emotion_core.datatypes import ImageArray
from emotion_core.media.synthetic import sample_frames
from emotion_core.vision.template_tracking import appearance, follow

BOX = np.array([253, 149, 387, 283], np.float32)


def still() -> ImageArray:
    return next(iter(sample_frames(1, 1, scenario="still"))).image


@pytest.mark.parametrize("shift", [(0, 0), (7, -4), (-20, 15), (30, 30)])
def test_a_moved_face_is_followed_to_the_pixel(shift: tuple[int, int]) -> None:
    image = still()
    remembered = appearance(image, BOX, 0.0)
    assert remembered is not None
    found = follow(np.roll(image, shift, axis=(1, 0)), remembered, BOX)
    assert found is not None
    assert np.abs(found - BOX - np.tile(shift, 2)).max() < 2.5


def test_a_face_cut_by_the_edge_is_followed_in_place() -> None:
    image = np.ascontiguousarray(still()[:, 275:])
    box = BOX - np.array([275, 0, 275, 0], np.float32)
    remembered = appearance(image, box, 0.0)
    assert remembered is not None
    found = follow(image, remembered, box)
    assert found is not None
    assert np.abs(found - box).max() < 2.5


def test_somebody_gone_far_away_or_covered_is_not_followed() -> None:
    image = still()
    remembered = appearance(image, BOX, 0.0)
    assert remembered is not None
    covered = image.copy()
    covered[149:283, 253:387] = (120, 150, 200)
    assert follow(covered, remembered, BOX) is None
    assert follow(np.roll(image, 200, axis=1), remembered, BOX) is None
    assert follow(image[:1, :1], remembered, BOX) is None


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (-90, -90, -10, -10), (630, 470, 700, 540)])
def test_too_little_to_remember_is_nothing(box: tuple[int, ...]) -> None:
    assert appearance(still(), np.array(box, np.float32), 0.0) is None


def test_a_flat_picture_is_not_remembered() -> None:
    assert appearance(np.full((480, 640, 3), 90, np.uint8), BOX, 0.0) is None
