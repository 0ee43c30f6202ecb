"""Recognises the images that a model was trained and tested on, in whatever layout they come again.

A look at the test split is a look, also when the same faces come as fer2013.csv or as JPEGs in
folders. The measure is that of near-duplicates, the normalised cross-correlation. The signatures
themselves would show the faces, so only 112 bits of each are kept: on which side of 112 random
planes it is (Charikar 2002, doi 10.1145/509907.509965). The share of bits that differ estimates the
angle between two signatures. A sample of the training and of the test split is kept.

Measured on FER+, 239 test images against the 28,558 of training: near-duplicates differ in one bit
at most; of the 6.8 million pairs that correlate below 0.97, one differs in five bits and none in
fewer. JPEG changes at most five bits at quality 85, and six at quality 75.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.datasets.near_duplicates import SIDE, signature
from emotion_core.errors import ModelError

if TYPE_CHECKING:
    from emotion_core.datasets.dataset import Split

FILE_NAME: Final[str] = "known_images.csv"
# The third was "sketch" when it held another measure: such files are not compared.
COLUMNS: Final[tuple[str, ...]] = ("split", "every", "signature_bits")
SPLITS: Final[tuple[str, ...]] = ("train", "test")
# This many images of a split are kept, evenly sampled.
SAMPLE: Final[int] = 224
MOST_BITS: Final[int] = 5
# Fewer hits than these may be chance, or near-duplicates: no estimate is made from them.
LEAST_HITS: Final[int] = 3
_BYTES: Final = 14
# Unlike those of newer generators, the numbers of RandomState stay the same in all of numpy's
# versions: files that were written once can be compared.
_PLANES: Final = np.random.RandomState(48).standard_normal((SIDE * SIDE, 8 * _BYTES))
_ONES: Final = np.array([i.bit_count() for i in range(256)], np.uint8)


def sketches(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """What images are recognised by.

    Args:
        images: (N, 48, 48) uint8, grey.

    Returns:
        (N, 14) uint8, the packed bits, and (N,) bool: false for plain surfaces, which have none to
        be known by.
    """
    signatures = signature(images)
    return np.packbits(signatures @ _PLANES > 0, axis=1), (signatures != 0).any(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is kept of a split: sketches of evenly sampled images.

    Attributes:
        every: 1 where it is all of them.
        rows: (K, 14) uint8, of `sketches`.
    """

    every: int
    rows: NDArray[np.uint8]


def write_known(path: Path, splits: Mapping[str, Split]) -> None:
    """Write known_images.csv: a sample of the sketches of the training and the test split.

    Raises:
        OSError: the file cannot be written.
    """
    lines = [",".join(COLUMNS)]
    for name in SPLITS:
        if (split := splits.get(name)) is not None and len(split):
            every = max(1, len(split) // SAMPLE)
            rows, usable = sketches(split.images[::every])
            lines += [f"{name},{every},{row.tobytes().hex()}" for row in rows[usable]]
    replace_file(path, ("\n".join(lines) + "\n").encode())


def read_known(path: Path) -> dict[str, Sample]:
    """Split → what is kept of it; {} where there is no file.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        head, *lines = path.read_text("utf-8").splitlines()
        if head != ",".join(COLUMNS):
            raise ValueError(f"it begins with {head[:40]!r}")
        found: dict[tuple[str, int], list[bytes]] = {}
        for line in lines:
            split, every, digits = line.split(",")
            row = bytes.fromhex(digits)
            if len(row) != _BYTES:
                raise ValueError(f"a sketch has {len(row)} bytes")
            found.setdefault((split, int(every)), []).append(row)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). `python -m emotion_core evaluate` writes it again."
        ) from error
    return {
        name: Sample(every, np.frombuffer(b"".join(rows), np.uint8).reshape(-1, _BYTES))
        for (name, every), rows in found.items()
    }


def count_known(images: NDArray[np.uint8], known: Mapping[str, Sample]) -> dict[str, int]:
    """About how many images of each split are among these.

    Args:
        images: (N, 48, 48) uint8, grey.
        known: of `read_known`.

    Returns:
        Split → estimate from the sample, at most N; 0 where too few of the sample are among them
        to say.
    """
    rows, usable = sketches(images)
    rows = rows[usable]
    found = {}
    for name, kept in known.items():
        hits = sum(bool(len(rows)) and _nearest(row, rows) <= MOST_BITS for row in kept.rows)
        found[name] = min(len(images), hits * kept.every) if hits >= LEAST_HITS else 0
    return found


def _nearest(row: NDArray[np.uint8], rows: NDArray[np.uint8]) -> int:
    return int(_ONES[rows ^ row].sum(axis=1).min())
