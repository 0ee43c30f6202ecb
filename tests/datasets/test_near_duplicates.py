from pathlib import Path

import numpy as np
import pytest

from emotion_core.datasets import near_duplicates
from emotion_core.datasets.dataset import Split
from emotion_core.errors import ModelError


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48)).astype(np.uint8)


def split(name: str, images: np.ndarray) -> Split:
    count = len(images)
    names = np.array([f"{name}{i}.png" for i in range(count)])
    return Split(name, names, images, np.zeros((count, 10), np.int16), np.zeros(count, np.int8))


def test_no_images_no_near_duplicates() -> None:
    empty = np.empty((0, 48, 48), np.uint8)
    assert list(near_duplicates.find_near_duplicates(empty, noise(2, 0))) == []
    assert list(near_duplicates.find_near_duplicates(noise(2, 0), empty)) == []


def test_brighter_copies_and_mirrors_are_found_and_strangers_are_not() -> None:
    right = noise(5, 1)
    brighter = (right[1] // 2 + 60).astype(np.uint8)
    mirrored = right[3][:, ::-1]
    found = list(
        near_duplicates.find_near_duplicates(np.stack([noise(1, 2)[0], brighter, mirrored]), right)
    )
    assert [(t.left, t.right, t.mirrored) for t in found] == [(1, 1, False), (2, 3, True)]
    assert all(t.correlation > 0.99 for t in found)


def test_blocks_give_the_same_pairs_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = noise(23, 3), noise(11, 4)
    left[[2, 9, 22]] = right[[0, 5, 5]]
    expected = []
    for i, a in enumerate(left):
        small = a.reshape(24, 2, 24, 2).mean((1, 3)).ravel()
        for j, b in enumerate(right):
            other = b.reshape(24, 2, 24, 2).mean((1, 3)).ravel()
            if np.corrcoef(small, other)[0, 1] > 0.99:
                expected.append((i, j))
    monkeypatch.setattr(near_duplicates, "BLOCK", 4)
    assert [
        (t.left, t.right) for t in near_duplicates.find_near_duplicates(left, right)
    ] == expected
    assert expected == [(2, 0), (9, 5), (22, 5)]


def test_one_image_is_compared_with_kept_signatures() -> None:
    kept, other = noise(3, 0), noise(1, 1)[0]
    signatures = list(near_duplicates.signature(kept))
    assert near_duplicates.resembles_any(kept[2], signatures)
    assert near_duplicates.resembles_any(kept[1][:, ::-1], signatures)
    assert not near_duplicates.resembles_any(other, signatures)
    assert not near_duplicates.resembles_any(kept[0], [])


def test_plain_surfaces_have_no_near_duplicates() -> None:
    black = np.zeros((1, 48, 48), np.uint8)
    assert list(near_duplicates.find_near_duplicates(black, black)) == []


def test_across_splits_looks_only_at_earlier_ones() -> None:
    train, validation, test = noise(4, 5), noise(3, 6), noise(3, 7)
    validation[0] = train[2]
    test[1], test[2] = validation[1], train[3]
    table = near_duplicates.pairs_across(
        {s.name: s for s in (split("train", train), split("validation", validation))}
        | {"test": split("test", test)}
    )
    assert table[["split", "image", "other_split", "other_image"]].values.tolist() == [
        ["validation", "validation0.png", "train", "train2.png"],
        ["test", "test2.png", "train", "train3.png"],
        ["test", "test1.png", "validation", "validation1.png"],
    ]
    names = split("test", test).names
    assert near_duplicates.has_near_duplicate(names, "test", table).tolist() == [False, True, True]
    assert not near_duplicates.has_near_duplicate(names, "validation", table).any()


def test_an_empty_table_is_written_and_read(tmp_path: Path) -> None:
    table = near_duplicates.pairs_across({"test": split("test", noise(2, 8))})
    near_duplicates.write_near_duplicates(tmp_path / "near_duplicates.csv", table)
    assert near_duplicates.read_near_duplicates(tmp_path / "near_duplicates.csv").empty
    assert [p.name for p in tmp_path.iterdir()] == ["near_duplicates.csv"]


def test_the_columns_of_an_earlier_version_are_read_by_their_present_names(tmp_path: Path) -> None:
    path = tmp_path / "twins.csv"
    path.write_text(
        "split,image,twin_split,twin_image,correlation,mirrored\ntest,1,train,02,1,False\n"
    )
    table = near_duplicates.read_near_duplicates(path)
    assert tuple(table.columns) == near_duplicates.COLUMNS
    assert table[["image", "other_image"]].values.tolist() == [["1", "02"]]


@pytest.mark.parametrize("text", [None, "", "split,image\ntest,a\n"])
def test_a_missing_or_damaged_table_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "near_duplicates.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelError, match=r"near_duplicates\.csv"):
        near_duplicates.read_near_duplicates(path)


@pytest.mark.slow
def test_the_known_number_of_near_duplicates_in_test(shared_data: Path) -> None:
    from emotion_core.datasets.loading import load_dataset

    splits = load_dataset(shared_data / "ferplus.zip").splits
    table = near_duplicates.pairs_across({k: splits[k] for k in ("train", "test")})
    assert table["image"].nunique() == 320
