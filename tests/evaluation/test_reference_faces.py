"""What a model folder keeps for adaptations to be compared with."""

from pathlib import Path

import numpy as np
import pytest
from made_networks import write_tflite

from emotion_core.errors import ModelError
from emotion_core.evaluation.reference_faces import (
    REFERENCE_FILE,
    Kind,
    Reference,
    read_reference,
    reference_of,
    write_reference,
)
from emotion_core.model.classify import Classifier, Reading, load_classifier

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
LABELS = np.arange(40) % 3


class _Bright:
    """Tells the light of a crop, its upper and its left half; calls dark ones angry, others sad."""

    def read(self, crops: np.ndarray, second_look: bool = True) -> Reading:
        del second_look
        light = [crops, crops[:, :24], crops[:, :, :24]]
        seen = np.stack([part.mean(axis=(1, 2, 3)) for part in light], axis=1)
        logits = np.zeros((len(crops), 7), np.float32)
        logits[:, 0], logits[:, 5] = 100, seen[:, 0]
        noise = np.zeros((len(crops), 1))
        features = np.concatenate([seen, noise], axis=1).astype(np.float32)
        return Reading(logits, np.ones(len(crops), np.float32), features)


def bright() -> Classifier:
    return _Bright()  # type: ignore[return-value]


def test_it_says_how_changes_of_pictures_move_the_features() -> None:
    found = reference_of(bright(), IMAGES, LABELS)
    assert found is not None
    assert np.bincount(found.own.labels).tolist() == [14, 13, 13]
    assert found.own.features.shape == (40, 3), "without the noise"
    assert found.changes.shape == (20, 3)
    brighter, darker, contrast, _, from_right, from_left, from_below = found.changes[:7]
    assert (brighter > 5).all()
    assert (darker < -5).all()
    assert np.abs(contrast).max() < 3
    assert from_right[2] < -5 < 5 < from_left[2]
    assert from_below[1] < -5
    assert found.photographs is None


def test_photographs_have_the_labels_that_the_network_gives_them() -> None:
    dark, light = IMAGES // 2, IMAGES // 2 + 127
    pictures = np.concatenate([dark[:5], light[:30], light[:39]])
    found = reference_of(bright(), IMAGES, LABELS, pictures)
    assert found is not None
    assert found.photographs is not None
    assert set(found.photographs.labels) == {5}, "five angry ones are too few"
    assert len(found.photographs.labels) == 60
    few = reference_of(bright(), IMAGES, LABELS, dark[:5])
    assert few is not None
    assert few.photographs is None


def test_a_network_without_features_has_none(tmp_path: Path) -> None:
    write_tflite(tmp_path / "elsewhere")
    classifier = load_classifier("elsewhere", tmp_path)
    assert reference_of(classifier, IMAGES[:3], LABELS[:3], IMAGES) is None


@pytest.mark.parametrize("photographs", [True, False])
def test_a_model_folder_keeps_it(tmp_path: Path, photographs: bool) -> None:
    assert read_reference(tmp_path) is None
    pictures = IMAGES if photographs else None
    made = reference_of(bright(), IMAGES, LABELS, pictures)
    assert made is not None
    write_reference(tmp_path, made)
    found = read_reference(tmp_path)
    assert found is not None
    np.testing.assert_allclose(found.changes, made.changes, rtol=1e-3)
    for mine, theirs in zip(found.kinds, made.kinds, strict=True):
        np.testing.assert_allclose(mine.features, theirs.features, rtol=1e-3)
        assert mine.labels.tolist() == theirs.labels.tolist()
    assert len(found.kinds) == 1 + photographs


def test_an_older_file_knows_the_own_faces_only(tmp_path: Path) -> None:
    features = np.random.default_rng(1).normal(0, 1, (20, 4)).astype(np.float16)
    np.savez(tmp_path / REFERENCE_FILE, features=features, labels=np.zeros(20, np.int8))
    found = read_reference(tmp_path)
    assert found is not None
    assert found.changes.shape == (0, 4)
    assert len(found.kinds) == 1
    shift = np.ones((1, 4))
    assert np.isfinite(found.directions(shift, 3)).all()
    plain = Reference(found.own, np.zeros((5, 4)))
    np.testing.assert_allclose(found.directions(shift, 3), plain.directions(shift, 3))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / REFERENCE_FILE
    file.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="is damaged"):
        read_reference(tmp_path)
    whole = {"features": np.ones((3, 4)), "labels": np.zeros(3)}
    for arrays in (
        {"features": np.zeros((3, 4))},
        {"features": np.zeros((3, 0)), "labels": np.zeros(3)},
        {"features": np.zeros((3, 4)), "labels": np.zeros(2)},
        {"features": np.full((3, 4), np.inf), "labels": np.zeros(3)},
        {"features": np.zeros((3, 4)), "labels": np.full(3, 7)},
        whole | {"changes": np.zeros((2, 5))},
        whole | {"changes": np.full((2, 4), np.nan)},
        whole | {"photograph_features": np.zeros((2, 4))},
        whole | {"photograph_features": np.zeros((2, 5)), "photograph_labels": np.zeros(2)},
    ):
        np.savez(file, **arrays)
        with pytest.raises(ModelError, match="is damaged"):
            read_reference(tmp_path)


def test_its_kinds_are_told_apart_along_what_sets_them_apart() -> None:
    rng, labels = np.random.default_rng(2), np.repeat(np.arange(7), 40)
    own = Kind(rng.normal(0, 1, (len(labels), 6)), labels)
    found = Reference(own, np.eye(6)[:2]).directions(np.eye(6)[:1] * 3, 1e9)[0]
    assert np.abs(found / found[0] - np.eye(6)[0]).max() < 0.2
