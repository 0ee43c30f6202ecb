import numpy as np
import pytest

from emotion_core.datatypes import FloatArray
from emotion_core.model.occlusion import (
    PARTS,
    cover_parts,
    log_odds,
    part_masks,
    sliding_masks,
)


def mouth_reader(faces: FloatArray) -> FloatArray:
    """Happy as far as the mouth is brighter than the mean of the face; neutral else."""
    left, top, right, bottom = PARTS["mouth"][0]
    bright = faces[:, top:bottom, left:right, 0].mean(axis=(1, 2)) - faces.mean(axis=(1, 2, 3))
    happy = 1 / (1 + np.exp(-bright / 10))
    probs = np.zeros((len(faces), 7), np.float32)
    probs[:, 3], probs[:, 4] = happy, 1 - happy
    return probs


@pytest.fixture
def face() -> FloatArray:
    image = np.full((48, 48), 100.0, np.float32)
    left, top, right, bottom = PARTS["mouth"][0]
    image[top:bottom, left:right] = 160
    return image


def test_covering_what_counts_lowers_the_answer(face: FloatArray) -> None:
    found = cover_parts(mouth_reader, face)
    falls = {name: found.whole[3] - probs[3] for name, probs in found.parts.items()}
    assert max(falls, key=lambda name: falls[name]) == "mouth"
    assert falls["mouth"] > 0.3
    drop = found.drop[3]
    assert drop.shape == (48, 48)
    assert drop[40, 24] == pytest.approx(drop.max(), rel=0.2)
    assert drop[:15].max() < 0.1 * drop[40, 24]
    assert np.allclose(found.drop[4], -drop, atol=1e-4)


def test_an_answer_that_never_changes_has_an_empty_map(face: FloatArray) -> None:
    found = cover_parts(lambda faces: np.full((len(faces), 7), 1 / 7, np.float32), face[..., None])
    assert not found.drop.any()
    assert all(np.allclose(probs, 1 / 7) for probs in found.parts.values())


def test_certainty_keeps_the_map_finite(face: FloatArray) -> None:
    certain = np.zeros((1, 7), np.float32)
    certain[0, 3] = 1
    found = cover_parts(lambda faces: np.repeat(certain, len(faces), axis=0), face)
    assert np.isfinite(found.drop).all()
    assert log_odds(np.array([0.0, 0.5, 1.0], np.float32)) == pytest.approx([-13.8, 0, 13.8], 0.01)


def test_every_pixel_is_covered_equally_often() -> None:
    masks = sliding_masks()
    assert set(masks.sum(axis=0).ravel()) == {25}
    assert masks.any(axis=(1, 2)).all()


def test_the_parts_lie_apart_and_inside_of_the_face() -> None:
    masks = part_masks()
    assert masks.any(axis=(1, 2)).all()
    assert masks.sum(axis=0).max() == 1
