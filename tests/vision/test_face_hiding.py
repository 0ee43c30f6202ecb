import numpy as np
import pytest

from emotion_core.vision.face_hiding import pixelate_all, pixelate_faces


def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)


def test_no_face_changes_nothing_and_gives_a_copy() -> None:
    image = noise()
    hidden = pixelate_faces(image, np.zeros((0, 4), np.float32))
    assert np.array_equal(hidden, image)
    assert hidden is not image


@pytest.mark.parametrize("box", [(40, 30, 80, 70), (-20, -20, 30, 30), (150, 110, 190, 150)])
def test_a_face_becomes_a_mosaic_and_the_rest_stays(box: tuple[int, ...]) -> None:
    image = noise()
    hidden = pixelate_faces(image, np.array([box], np.float32))
    left, top, right, bottom = box
    inner = (slice(max(top, 0), bottom), slice(max(left, 0), right))
    assert len(np.unique(hidden[inner].reshape(-1, 3), axis=0)) <= 64
    changed = (hidden != image).any(axis=2)
    assert not changed[:, : max(0, left - 20)].any()
    assert not changed[: max(0, top - 20)].any()


def test_the_whole_picture_keeps_its_size() -> None:
    hidden = pixelate_all(noise())
    assert hidden.shape == (120, 160, 3)
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) <= 64
