"""What tells kinds of faces apart: the network's features, and the noise of the picture."""

import numpy as np
import pytest

from emotion_core.model.classify import load_classifier
from emotion_core.model.likeness import Likeness, noise_of

# Light that falls off to one side, as on a face: no detail at all.
SMOOTH = np.broadcast_to(np.linspace(60, 200, 48, dtype=np.float32), (1, 48, 48))[..., None]


def noisy(sigma: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, (200, 48, 48, 1))
    return np.asarray(SMOOTH + noise, np.float32)


@pytest.mark.parametrize("sigma", [3.0, 10.0])
def test_the_noise_is_found_and_compared_with_the_contrast(sigma: float) -> None:
    crops = noisy(sigma)
    expected = np.log(sigma / crops.std(axis=(1, 2, 3)))
    assert noise_of(crops) == pytest.approx(expected, abs=0.15)
    assert noise_of(crops).mean() == pytest.approx(expected.mean(), abs=0.05)
    assert noise_of(np.float32(0.5) * crops) == pytest.approx(noise_of(crops), abs=0.06)


def test_crops_without_noise_or_contrast_have_one() -> None:
    assert noise_of(SMOOTH)[0] < -5
    assert noise_of(np.full((2, 48, 48, 1), 128, np.float32)) == pytest.approx([0, 0], abs=1e-6)
    assert noise_of(np.empty((0, 48, 48, 1), np.float32)).shape == (0,)


def test_a_face_must_be_unlike_each_of_the_other_kinds() -> None:
    likeness = Likeness(np.eye(2), np.zeros(2))
    places = np.array([[9.0, 9], [9, -9], [-9, 9], [-9, -9], [0, 9], [0, 0]])
    shares = likeness.shares(places)
    assert shares == pytest.approx([1, 0, 0, 0, 1 / 2, 1 / 3], abs=1e-3)
    apart = [Likeness(row[None], np.zeros(1)).shares(places) for row in np.eye(2)]
    assert (shares <= np.minimum(*apart)).all()


def test_a_reading_tells_the_noise_after_what_the_network_sees() -> None:
    crops = noisy(5.0)[:3]
    found = load_classifier().read(crops)
    assert found.features[:, -1] == pytest.approx(noise_of(crops))
    assert found.activation == pytest.approx(found.features[:, :-1].mean(axis=1), rel=1e-4)
