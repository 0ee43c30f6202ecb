"""Somebody's own labelled faces as training data: who is seen, a validation split by person, and
faces of the original data set among them so that a network does not forget those."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datasets.dataset import ALL, Dataset, Split
from emotion_core.errors import DatasetError, SettingsError

# Of the faces, whole people at a time.
VALIDATION_SHARE: Final = 0.2


def people_of(names: NDArray[np.str_], pattern: str) -> NDArray[np.str_]:
    """(N,) who is seen in each image: the first group of `pattern` in its name.

    Raises:
        SettingsError: it is not a regular expression with a group, or finds no person in a name.
    """
    try:
        finder = re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"--person {pattern!r} is no regular expression ({error}).") from error
    if finder.groups < 1:
        raise SettingsError(f"--person {pattern!r} needs a group in parentheses: who is seen.")
    found = [finder.search(name) for name in names]
    without = [name for name, match in zip(names, found, strict=True) if not match]
    if without:
        raise SettingsError(f"--person {pattern!r} finds nobody in {without[0]!r}.")
    return np.array([match[1] for match in found if match], str)


def split_by_person(dataset: Dataset, pattern: str, seed: int = 0) -> Dataset:
    """A training and a validation split that have no person in common.

    Args:
        dataset: its training and validation images are divided again, or all of them where it has
            no training split; a test split next to one stays as it is.
        pattern: of `people_of`.
        seed: of the choice of the people.

    Raises:
        DatasetError: it shows fewer than two people.
        SettingsError: as `people_of`.
    """
    kept = {} if "train" not in dataset.splits else {"test": dataset.splits.get("test")}
    parts = {name: part for name, part in dataset.splits.items() if name not in kept}
    whole = Dataset(dataset.source, parts).split(ALL)
    people = people_of(whole.names, pattern)
    order = np.random.default_rng(seed).permutation(np.unique(people))
    if len(order) < 2:
        raise DatasetError(
            f"{dataset.source.name} shows one person only: validation needs faces of others."
        )
    counts = np.array([(people == person).sum() for person in order])
    enough = int(np.searchsorted(np.cumsum(counts), VALIDATION_SHARE * len(people))) + 1
    chosen = order[: min(enough, len(order) - 1)]
    out = np.isin(people, chosen)
    splits = {"train": _rows(whole, "train", ~out), "validation": _rows(whole, "validation", out)}
    splits |= {name: part for name, part in kept.items() if part is not None}
    note = (
        f"{len(chosen):,} of {len(order):,} people, with {int(out.sum()):,} of {len(people):,} "
        "images, are kept for validation."
    )
    return Dataset(dataset.source, splits, (*dataset.notes, note))


def with_original(own: Dataset, original: Dataset, label_set: str, seed: int = 0) -> Dataset:
    """Own faces with as many training faces of the original data set, drawn at random.

    Args:
        own: with a `train` and a `validation` split, labelled by their folders.
        original: what the network learnt from.
        label_set: whose labels of the original faces count.
        seed: of the draw.

    Raises:
        DatasetError: a split is missing, the original has no training or no validation face with
            such a label, or the own faces carry votes.
    """
    train, pool = own.split("train"), original.split("train")
    if train.votes.any():
        raise DatasetError(
            f"{own.source.name} has the votes of FER+: original faces can be mixed only into faces "
            "that are labelled by their folders."
        )
    for part in (pool, original.split("validation")):
        if not (part.labels(label_set) >= 0).any():
            raise DatasetError(
                f"The {part.name} split of {original.source.name} has no {label_set} label."
            )
    labelled = np.flatnonzero(pool.labels(label_set) >= 0)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(labelled, min(len(train), len(labelled)), replace=False))
    mixed = Split(
        "train",
        np.concatenate([train.names, [f"original/{name}" for name in pool.names[rows]]]),
        np.concatenate([train.images, pool.images[rows]]),
        np.concatenate([train.votes, np.zeros_like(pool.votes[rows])]),
        np.concatenate([train.fer2013, pool.labels(label_set)[rows]]),
    )
    note = f"{len(rows):,} training faces of {original.source.name} are mixed in."
    return Dataset(own.source, {**own.splits, "train": mixed}, (*own.notes, note))


def _rows(split: Split, name: str, mask: NDArray[np.bool_]) -> Split:
    return Split(
        name, split.names[mask], split.images[mask], split.votes[mask], split.fer2013[mask]
    )
