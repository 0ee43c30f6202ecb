"""Near-identical images across splits: a test score that includes them flatters the network.

The measure: both images are reduced to 24×24 by averaging, set to mean 0 and length 1, and
multiplied; the sum (normalised cross-correlation) above 0.99 makes them near-duplicates. The
mirror image counts too, because training mirrors its images.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.datasets.former_names import FORMER_NAMES
from emotion_core.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.datasets.dataset import Split

FILE_NAME: Final[str] = "near_duplicates.csv"
THRESHOLD: Final[float] = 0.99
SIDE: Final[int] = 24
# Rows of the left matrix a step: 512 × 30,000 float32 products are 60 MB.
BLOCK: Final[int] = 512
COLUMNS: Final[tuple[str, ...]] = (
    "split",
    "image",
    "other_split",
    "other_image",
    "correlation",
    "mirrored",
)
# Which splits a network has been fitted or chosen on before the other is looked at.
EARLIER: Final[dict[str, tuple[str, ...]]] = {
    "validation": ("train",),
    "test": ("train", "validation"),
}


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Row `left` of one set of images and row `right` of another are near-identical."""

    left: int
    right: int
    correlation: float
    mirrored: bool


def signature(images: NDArray[np.uint8], mirrored: bool = False) -> NDArray[np.float32]:
    """What is compared.

    Args:
        images: (N, H, W) uint8, grey; H and W multiples of 24.
        mirrored: of the images flipped left to right.

    Returns:
        (N, 576) float32, rows of mean 0 and length 1; a plain surface gives zeros, which correlate
        with nothing.
    """
    count, height, width = images.shape
    blocks = images.reshape(count, SIDE, height // SIDE, SIDE, width // SIDE).astype(np.float32)
    small = blocks.mean(axis=(2, 4))
    if mirrored:
        small = small[:, :, ::-1]
    flat = small.reshape(count, SIDE * SIDE)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.divide(flat, length, out=np.zeros_like(flat), where=length > 1e-3)


def find_near_duplicates(
    left: NDArray[np.uint8], right: NDArray[np.uint8], threshold: float = THRESHOLD
) -> Iterator[NearDuplicate]:
    """All pairs of two sets of images (N, H, W) and (M, H, W) uint8 above the threshold.

    A pair that is above it both ways is given once, in its closer form.
    """
    if not len(left) or not len(right):
        return
    theirs = signature(right).T
    plain, flipped = signature(left), signature(left, mirrored=True)
    for start in range(0, len(left), BLOCK):
        part = slice(start, start + BLOCK)
        as_is, mirror = plain[part] @ theirs, flipped[part] @ theirs
        closer = np.maximum(as_is, mirror)
        for i, j in zip(*np.nonzero(closer > threshold), strict=True):
            yield NearDuplicate(
                start + int(i), int(j), float(closer[i, j]), bool(mirror[i, j] > as_is[i, j])
            )


def resembles_any(image: NDArray[np.uint8], others: Sequence[NDArray[np.float32]]) -> bool:
    """Whether an image (H, W) uint8 or its mirror image is above the threshold with any other.

    Args:
        image: grey.
        others: `signature` of each other image, (576,) float32; worked out once by the caller, who
            compares many images with them.
    """
    if not others:
        return False
    both = np.concatenate([signature(image[None]), signature(image[None], mirrored=True)])
    return bool((both @ np.stack(others).T).max() > THRESHOLD)


def pairs_across(splits: Mapping[str, "Split"]) -> "pd.DataFrame":
    """Near-duplicates of every split in the splits before it, with the columns of `COLUMNS`.

    Args:
        splits: by name; those named `train`, `validation` and `test` are compared.
    """
    import pandas as pd

    rows = [
        (
            name,
            mine.names[t.left],
            other,
            theirs.names[t.right],
            round(t.correlation, 5),
            t.mirrored,
        )
        for name, earlier in EARLIER.items()
        if (mine := splits.get(name)) is not None
        for other in earlier
        if (theirs := splits.get(other)) is not None
        for t in find_near_duplicates(mine.images, theirs.images)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).round({"correlation": 5})


def has_near_duplicate(
    names: NDArray[np.str_], split: str, pairs: "pd.DataFrame"
) -> NDArray[np.bool_]:
    """(N,) bool: the image of this split has a near-duplicate in an earlier split."""
    listed = pairs.loc[pairs["split"] == split, "image"]
    return np.isin(names, listed.to_numpy(dtype=str))


def write_near_duplicates(path: Path, pairs: "pd.DataFrame") -> None:
    """Write near_duplicates.csv."""
    replace_file(path, pairs.to_csv(index=False).encode("utf-8"))


def read_near_duplicates(path: Path) -> "pd.DataFrame":
    """Read near_duplicates.csv, or the twins.csv of an earlier version.

    Raises:
        ModelError: it is missing, unreadable or lacks a column.
    """
    import pandas as pd

    texts = ("image", "other_image", *FORMER_NAMES)
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, str)).rename(columns=FORMER_NAMES)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). `python -m emotion_core evaluate` writes it again."
        ) from error
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise ModelError(f"{path} lacks the columns {', '.join(missing)}.")
    return table
