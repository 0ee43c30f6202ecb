"""Labelled faces: the FER+ layout, the original fer2013.csv, folders of pictures.

Layouts that `load_dataset` reads
    FER+        a folder or zip with FER2013Train, FER2013Valid, FER2013Test, each with label.csv
                (file name, box, ten vote counts); a labels.csv at the top may add the original
                FER2013 label of each image (arXiv 1608.01041).
    fer2013.csv columns emotion, pixels, Usage (arXiv 1307.0414); fer2013new.csv in the same folder
    adds the FER+ votes row by row. folders     <split>/<expression>/*.png|jpg, split one of train,
                validation (or valid, val), test; one level of folders less counts as one test
                split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS

SPLITS = ("train", "validation", "test")
# Denotes the images of all splits together.
ALL = "all"
SIDE = 48

# Columns of FER+ in their own order, and the positions of the seven in ours.
VOTE_COLUMNS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
# angry, disgust, fear, happy, neutral, sad, surprise
_FERPLUS_TO_OURS = np.array(
    [
        VOTE_COLUMNS.index(name)
        for name in ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    ]
)
# FER2013's own code → index into EXPRESSIONS.
_FER2013_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FER2013_TO_OURS = np.array([EXPRESSIONS.index(name) for name in _FER2013_ORDER], np.int8)


def seven_votes(votes: NDArray[np.integer]) -> NDArray[np.float32]:
    """The votes for the seven expressions.

    Args:
        votes: (N, 10) counts in the order of `VOTE_COLUMNS`.

    Returns:
        (N, 7) float32 counts in the order of `EXPRESSIONS`; a count of 1 is dropped as noise.
    """
    counts = np.where(votes > 1, votes, 0)
    return counts[:, _FERPLUS_TO_OURS].astype(np.float32)


def ferplus_labels(votes: NDArray[np.integer]) -> NDArray[np.int8]:
    """(N,) the FER+ 7-class label, an index into EXPRESSIONS, or -1 where the rule drops the image.

    A count of 1 is dropped as noise; kept is what one of the seven has more than half of the votes
    that remain, contempt, unknown and not-a-face counted in the total (arXiv 1608.01041).
    """
    total = np.where(votes > 1, votes, 0).sum(axis=1)
    seven = seven_votes(votes)
    if not len(seven):
        return np.empty(0, np.int8)
    kept = seven.max(axis=1) > total / 2
    return np.where(kept, seven.argmax(axis=1), -1).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split and what people said of them; row i is the same image everywhere.

    Attributes:
        name: `train`, `validation` or `test`.
        names: (N,) the images' names, such as fer0032222.png.
        images: (N, 48, 48) uint8, grey.
        votes: (N, 10) int16, FER+ vote counts in the order of `VOTE_COLUMNS`; zeros where absent.
        fer2013: (N,) int8, index into EXPRESSIONS of the original label, -1 where absent.
    """

    name: str
    names: NDArray[np.str_]
    images: NDArray[np.uint8]
    votes: NDArray[np.int16]
    fer2013: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def ferplus(self) -> NDArray[np.int8]:
        """(N,) int8, the FER+ 7-class label, -1 where its rule drops the image."""
        return ferplus_labels(self.votes)

    def labels(self, label_set: str) -> NDArray[np.int8]:
        """(N,) int8, the labels of one label set, -1 where an image has none."""
        return self.ferplus if label_set == "ferplus" else self.fer2013

    def inputs(self) -> NDArray[np.float32]:
        """(N, 48, 48, 1) float32 0-255: what the network takes."""
        return self.images[..., None].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Splits by name, where they came from, and what was done to the pictures, in sentences."""

    source: Path
    splits: Mapping[str, Split]
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> Split:
        """One split, or with `ALL` the images of all of them.

        Raises:
            DatasetError: it is missing or empty.
        """
        found = self._whole if name == ALL else self.splits.get(name)
        if found is None or not len(found):
            raise DatasetError(
                f"{self.source.name} has no images in its {name} split; found: "
                + (", ".join(f"{k} ({len(v)})" for k, v in self.splits.items()) or "nothing")
                + "."
            )
        return found

    @cached_property
    def _whole(self) -> Split:
        parts = [part for part in self.splits.values() if len(part)]
        names = np.concatenate([p.names for p in parts])
        if len(set(names)) < len(names):
            # Two splits may use the same names.
            names = np.array([f"{p.name}/{name}" for p in parts for name in p.names], str)
        return Split(
            ALL,
            names,
            np.concatenate([p.images for p in parts]),
            np.concatenate([p.votes for p in parts]),
            np.concatenate([p.fer2013 for p in parts]),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 over pixels and labels of all splits: the data a model has seen."""
        digest = hashlib.sha256()
        for name in sorted(self.splits):
            split = self.splits[name]
            for array in (split.images, split.votes, split.fer2013):
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def targets(
    split: Split,
    label_set: str,
    label_mix: float = 0.0,
    label_smoothing: float = 0.0,
    hard: bool = False,
) -> NDArray[np.float32]:
    """What the network should answer for each image.

    FER+ gives the distribution of its votes over the seven, or where `hard` what most of them say;
    FER2013 a single label. `label_mix` is the share of the other set where an image has both.

    Returns:
        (N, 7) float32; rows sum to 1, or are all zero where the image has no usable label: most of
        its FER+ votes went to none of the seven, or it has no original label.
    """
    votes = seven_votes(split.votes)
    total = np.where(split.votes > 1, split.votes, 0).sum(axis=1, keepdims=True)
    seen = votes.sum(axis=1, keepdims=True)
    ferplus = np.where(seen > total / 2, votes / np.maximum(seen, 1), 0)
    if hard:
        labels = split.labels("ferplus")
        ferplus = np.eye(NUM_EXPRESSIONS)[labels] * (labels >= 0)[:, None]
    fer2013 = np.zeros_like(votes)
    labelled = split.fer2013 >= 0
    fer2013[labelled, split.fer2013[labelled]] = 1
    main, other = (ferplus, fer2013) if label_set == "ferplus" else (fer2013, ferplus)
    has_main, has_other = (x.sum(axis=1, keepdims=True) > 0 for x in (main, other))
    share = label_mix * has_other
    mixed = np.where(has_main, (1 - share) * main + share * other, 0)
    smoothed = (1 - label_smoothing) * mixed + label_smoothing / NUM_EXPRESSIONS
    return np.where(has_main, smoothed, 0).astype(np.float32)
