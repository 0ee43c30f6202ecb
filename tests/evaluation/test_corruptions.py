import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_core.errors import InputError
from emotion_core.evaluation import corruptions
from emotion_core.evaluation.corruptions import DAMAGES, Damage, damaged


def faces(count: int = 6) -> np.ndarray:
    """Smooth pictures with structure: damage changes them, and scaling does not destroy them."""
    y, x = np.mgrid[0:48, 0:48]
    waves = [127 + 100 * np.sin(x / (4 + i) + i) * np.cos(y / (5 + i)) for i in range(count)]
    return np.rint(waves).astype(np.uint8)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.kind)
def test_every_level_is_worse_than_the_one_before(damage: Damage) -> None:
    images = faces()
    before = images.copy()
    distances = [distance(damaged(images, damage.kind, x), images) for x in damage.levels]
    assert distances == sorted(distances)
    assert distances[0] > 0
    assert (images == before).all(), "the faces given are left as they were"


@pytest.mark.parametrize("kind", [d.kind for d in DAMAGES])
def test_the_seed_decides_and_no_face_is_fine(kind: str) -> None:
    level = next(d.levels[1] for d in DAMAGES if d.kind == kind)
    first, again = damaged(faces(), kind, level, seed=4), damaged(faces(), kind, level, seed=4)
    assert (first == again).all()
    assert first.dtype == np.uint8
    assert first.shape == faces().shape
    assert damaged(np.empty((0, 48, 48), np.uint8), kind, level).shape == (0, 48, 48)


def test_darkness_halves_the_light_and_occlusion_covers_its_share() -> None:
    white = np.full((3, 48, 48), 200, np.uint8)
    assert (damaged(white, "darkness", 0.5) == 100).all()
    covered = damaged(white, "occlusion", 0.25)
    assert (covered == 128).mean(axis=(1, 2)) == pytest.approx([0.25] * 3)


def test_rotation_turns_to_either_side() -> None:
    images = np.repeat(faces(1), 40, axis=0)
    turned = damaged(images, "rotation", 20)
    assert len(np.unique(turned.reshape(40, -1), axis=0)) == 2


def test_unknown_damage_is_named() -> None:
    with pytest.raises(InputError, match="fog"):
        damaged(faces(), "fog", 1)


def test_measured_accuracy_is_that_of_the_answers() -> None:
    images = np.zeros((8, 48, 48), np.uint8)
    images[4:] = 200
    truth = np.array([0] * 4 + [3] * 4)

    def bright_is_happy(seen: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert seen.dtype == np.uint8
        logits = np.zeros((len(seen), 7), np.float32)
        logits[:, 3] = np.where(seen.mean((1, 2)) > 90, 1, -1)
        return logits

    rows = list(corruptions.measure_robustness(images, truth, bright_is_happy))
    by_step = {(r["damage"], r["level"]): r["accuracy"] for r in rows}
    assert len(rows) == 1 + sum(len(d.levels) for d in DAMAGES)
    assert by_step["none", 0.0] == 1.0
    assert by_step["darkness", 0.5] == 1.0
    assert by_step["darkness", 0.7] == 0.5, "200 darkened by 70% is 60: nobody smiles any more"
    table = corruptions.robustness_table(rows, "ferplus", "test", "ferplus")
    assert tuple(table.columns) == corruptions.COLUMNS
    assert set(table["split"]) == {"test"}
