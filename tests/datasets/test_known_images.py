from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core.datasets.dataset import Split
from emotion_core.datasets.known_images import (
    FILE_NAME,
    Sample,
    count_known,
    read_known,
    sketches,
    write_known,
)
from emotion_core.errors import ModelError

HEAD = "split,every,signature_bits"


def scenes(count: int, seed: int) -> np.ndarray:
    """Soft pictures, each its own."""
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 235, (count, 7, 7)).astype(np.float32)
    return np.stack(
        [cv2.resize(c, (48, 48), interpolation=cv2.INTER_LINEAR) for c in coarse]
    ).astype(np.uint8)


def split(name: str, images: np.ndarray) -> Split:
    count = len(images)
    names = np.array([f"{name}{i}.png" for i in range(count)])
    votes, labels = np.zeros((count, 10), np.int16), np.zeros(count, np.int8)
    return Split(name, names, images, votes, labels)


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    return {"train": scenes(896, 1), "validation": scenes(64, 2), "test": scenes(448, 3)}


@pytest.fixture
def known(images: dict[str, np.ndarray], tmp_path: Path) -> dict[str, Sample]:
    write_known(tmp_path / FILE_NAME, {k: split(k, v) for k, v in images.items()})
    return read_known(tmp_path / FILE_NAME)


def test_a_sample_of_training_and_test_is_kept(known: dict[str, Sample]) -> None:
    kept = {k: (v.every, v.rows.shape) for k, v in known.items()}
    assert kept == {"train": (4, (224, 14)), "test": (2, (224, 14))}


def test_the_same_images_are_known_again_in_any_order_also_as_jpeg(
    images: dict[str, np.ndarray], known: dict[str, Sample]
) -> None:
    shuffled = np.random.default_rng(0).permutation(images["test"])
    assert count_known(shuffled, known) == {"train": 0, "test": 448}
    for quality in (85, 95):
        flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
        coded = [cv2.imdecode(cv2.imencode(".jpg", x, flags)[1], 0) for x in images["test"]]
        assert count_known(np.array(coded, np.uint8), known)["test"] == 448


def test_a_part_counts_as_a_part_and_others_not_at_all(
    images: dict[str, np.ndarray], known: dict[str, Sample]
) -> None:
    assert count_known(images["test"][:160], known)["test"] == 160
    assert count_known(images["train"], known) == {"train": 896, "test": 0}
    assert count_known(images["validation"], known) == {"train": 0, "test": 0}
    assert count_known(scenes(400, 4), known) == {"train": 0, "test": 0}
    assert count_known(np.empty((0, 48, 48), np.uint8), known) == {"train": 0, "test": 0}


def test_a_hit_or_two_say_nothing(images: dict[str, np.ndarray], known: dict[str, Sample]) -> None:
    mixed = np.concatenate([scenes(40, 5), images["test"][:4], images["train"][:8]])
    assert count_known(mixed, known) == {"train": 0, "test": 0}


def test_plain_surfaces_are_nobodys(images: dict[str, np.ndarray], tmp_path: Path) -> None:
    plain = np.full((40, 48, 48), 90, np.uint8)
    assert not sketches(plain)[1].any()
    write_known(tmp_path / FILE_NAME, {"test": split("test", plain)})
    assert read_known(tmp_path / FILE_NAME) == {}
    assert count_known(plain, {}) == {}


def test_no_more_is_estimated_than_there_is(
    images: dict[str, np.ndarray], known: dict[str, Sample]
) -> None:
    few = images["train"][::4][:50]
    assert count_known(few, known)["train"] == 50


@pytest.mark.parametrize(
    "text", ["", "a,b\n", "split,every,sketch\n", f"{HEAD}\ntest,1,xyz\n", f"{HEAD}\ntest,x,00\n"]
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ModelError, match=FILE_NAME):
        read_known(tmp_path / FILE_NAME)


def test_no_file_nothing_known(tmp_path: Path) -> None:
    assert read_known(tmp_path / FILE_NAME) == {}
