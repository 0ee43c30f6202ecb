"""Somebody's own faces as training data: split by person, and mixed with the original ones."""

from pathlib import Path

import numpy as np
import pytest

from emotion_core.datasets.dataset import Dataset, Split
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.own_faces import split_by_person, with_original
from emotion_core.errors import DatasetError, SettingsError

PERSON = r"/([a-z]+)_"


def faces(name: str, people: str, each: int = 5) -> Split:
    """Each letter is a person, seen in so many images, each with a grey of its own."""
    names = [f"{name}/happy/{person}_{i}.png" for person in people for i in range(each)]
    count = len(names)
    images = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    votes, labels = np.zeros((count, 10), np.int16), (np.arange(count) % 7).astype(np.int8)
    return Split(name, np.array(names), images, votes, labels)


def own(**splits: Split) -> Dataset:
    return Dataset(Path("my-faces"), splits)


def people(split: Split) -> set[str]:
    return {str(name).split("/")[-1].split("_")[0] for name in split.names}


def test_nobody_is_in_both_splits_and_every_face_in_one() -> None:
    dataset = own(test=faces("test", "abcdefghij"))
    found = split_by_person(dataset, PERSON)
    train, validation = found.split("train"), found.split("validation")
    assert set(found.splits) == {"train", "validation"}
    assert not people(train) & people(validation)
    assert (len(train), len(validation)) == (40, 10)
    for part in (train, validation):
        rows = part.images[:, 0, 0]
        assert np.array_equal(dataset.split("test").names[rows], part.names)
        assert np.array_equal(dataset.split("test").fer2013[rows], part.fer2013)
    assert "2 of 10 people, with 10 of 50 images" in found.notes[-1]
    assert people(split_by_person(dataset, PERSON).split("validation")) == people(validation)
    others = {
        frozenset(people(split_by_person(dataset, PERSON, s).split("validation"))) for s in range(5)
    }
    assert len(others) > 1


def test_a_test_split_is_kept_for_testing() -> None:
    dataset = own(train=faces("train", "abcd"), test=faces("test", "xyz"))
    found = split_by_person(dataset, PERSON)
    assert people(found.split("test")) == set("xyz")
    assert people(found.split("train")) | people(found.split("validation")) == set("abcd")


def test_one_person_with_most_faces_does_not_empty_the_training() -> None:
    found = split_by_person(own(test=faces("test", "ab")), PERSON)
    assert len(found.split("train")) == len(found.split("validation")) == 5
    with pytest.raises(DatasetError, match="one person only"):
        split_by_person(own(test=faces("test", "a")), PERSON)


@pytest.mark.parametrize(
    ("pattern", "words"), [("(", "no regular"), ("a", "needs a group"), ("/(Q)", "finds nobody")]
)
def test_patterns_that_find_nobody_are_named(pattern: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        split_by_person(own(test=faces("test", "ab")), pattern)


def test_as_many_original_faces_are_mixed_in(made_data: Path) -> None:
    dataset = own(train=faces("train", "abcd"), validation=faces("validation", "ef"))
    original = load_dataset(made_data)
    mixed = with_original(dataset, original, "ferplus")
    train, pool = mixed.split("train"), original.split("train")
    assert len(train) == 40
    assert not train.votes.any(), "labels of folders are no votes"
    assert np.array_equal(train.images[:20], dataset.split("train").images)
    assert mixed.split("validation") is dataset.split("validation")
    place = {str(name): i for i, name in enumerate(pool.names)}
    for name, image, label in zip(
        train.names[20:], train.images[20:], train.fer2013[20:], strict=True
    ):
        row = place[str(name).removeprefix("original/")]
        assert np.array_equal(image, pool.images[row])
        assert label == pool.ferplus[row] >= 0
    assert "20 training faces of ferplus are mixed in" in mixed.notes[-1]
    assert len(set(train.names)) == 40
    few = with_original(own(train=faces("train", "a", 900), validation=faces("v", "b")), original,
                        "ferplus").split("train")  # fmt: skip
    assert len(few) == 900 + (pool.ferplus >= 0).sum(), "no more than there are"


def test_what_cannot_be_mixed_is_told(made_data: Path) -> None:
    original = load_dataset(made_data)
    with pytest.raises(DatasetError, match="has the votes of FER"):
        with_original(original, original, "ferplus")
    dataset = own(train=faces("train", "ab"), validation=faces("validation", "c"))
    with pytest.raises(DatasetError, match="train split of my-faces has no ferplus label"):
        with_original(dataset, dataset, "ferplus")
    without = Dataset(original.source, {"train": original.split("train")})
    with pytest.raises(DatasetError, match="validation split"):
        with_original(dataset, without, "ferplus")
