"""Labelled faces of other origin than the training set, for measuring how well a network travels.

One .npz file with these arrays, N faces in LFW and M in the London set:

- `lfw_images` (N, 48, 48) uint8, `lfw_labels` (N,) words, `lfw_person` (N,) numbers,
  `lfw_is_validation` (N,) bool: only those are measured; the others, without their labels, are the
  pool on which teachers may answer in training;
- `london_images` (M, 48, 48) uint8, `london_labels` (M,) words, `london_person` (M,) numbers.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS

# Found under this name next to the data.
FILE_NAME: Final = "other_faces.npz"
_SIDE: Final = 48
_PARTS: Final = ("images", "labels", "person")


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Faces of one origin; rows are aligned.

    Attributes:
        name: of the set.
        about: where its faces and labels come from.
        judged: the expressions whose labels can be relied on.
        images: (N, 48, 48) uint8.
        labels: (N,) int8 index into `EXPRESSIONS`; -1 for any other word.
        people: (N,) int64, a number for each person.
    """

    name: str
    about: str
    judged: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int8]
    people: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class OtherFaces:
    """A file of such faces, as training uses it.

    Attributes:
        path: of the file.
        sets: what is measured.
        pool: (N, 48, 48) uint8, faces of other people that may be learnt from without labels.
        sha256: of the file, in hexadecimal.
    """

    path: Path
    sets: tuple[FaceSet, ...]
    pool: NDArray[np.uint8]
    sha256: str


_SETS: Final = {
    "lfw": (
        "LFW",
        "press photographs (Labeled Faces in the Wild), labelled by one student each; validation "
        "part, people apart from all others",
        ("happy", "neutral", "surprise", "angry"),
    ),
    "london": (
        "London",
        "Face Research Lab London Set (doi:10.6084/m9.figshare.5047666): 101 adults of several "
        "ethnicities, neutral and smiling with closed lips",
        ("happy", "neutral"),
    ),
}


def is_other_faces(path: Path) -> bool:
    """Whether a path names such a file: by its ending."""
    return path.suffix.lower() == ".npz"


def read_other_faces(path: Path) -> tuple[FaceSet, ...]:
    """The sets of a file, only what is meant for measuring.

    Raises:
        DatasetError: the file is missing, damaged, or holds other arrays or shapes.
    """
    return open_other_faces(path).sets


def open_other_faces(path: Path) -> OtherFaces:
    """The whole of a file.

    Raises:
        DatasetError: as `read_other_faces`, or a face of the pool is also measured.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            sets = tuple(_face_set(arrays, key) for key in _SETS)
            pool = np.asarray(arrays["lfw_images"])[~np.asarray(arrays["lfw_is_validation"], bool)]
        found = OtherFaces(path, sets, pool, hashlib.sha256(path.read_bytes()).hexdigest())
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.") from error
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path.name} is damaged or no .npz file ({error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path.name} does not hold the arrays of such a file ({error}). Needed are "
            "lfw_images, lfw_labels, lfw_person, lfw_is_validation, london_images, london_labels "
            "and london_person."
        ) from error
    return found


def check_apart(images: NDArray[np.uint8], sets: Sequence[FaceSet]) -> None:
    """Refuse to learn from faces that are meant for measuring.

    Args:
        images: (N, 48, 48) uint8, what is learnt from.
        sets: what is measured.

    Raises:
        DatasetError: some of the images are those of a set, to the pixel.
    """
    measured = {image.tobytes() for faces in sets for image in faces.images}
    both = sum(image.tobytes() in measured for image in images)
    if both:
        raise DatasetError(
            f"{both} of the training faces are among the other faces that only measure. Take them "
            "out of the training data, or choose --other-faces none."
        )


def _face_set(arrays: Mapping[str, Any], key: str) -> FaceSet:
    images, words, people = (np.asarray(arrays[f"{key}_{part}"]) for part in _PARTS)
    if images.dtype != np.uint8 or images.shape[1:] != (_SIDE, _SIDE):
        raise ValueError(f"{key}_images are {images.dtype} {images.shape}, not uint8 (N, 48, 48)")
    if words.shape != (len(images),) or people.shape != (len(images),) or not len(images):
        raise ValueError(f"{key}_labels or {key}_person do not have one entry for each image")
    name, about, judged = _SETS[key]
    codes = {word: code for code, word in enumerate(EXPRESSIONS)}
    labels = np.array([codes.get(str(word), -1) for word in words], np.int8)
    if not set(judged) <= {EXPRESSIONS[label] for label in labels if label >= 0}:
        raise ValueError(f"{key}_labels lack some of {', '.join(judged)}")
    kept = np.ones(len(images), np.bool_)
    if key == "lfw":
        kept = np.asarray(arrays["lfw_is_validation"]).astype(np.bool_)
        if kept.shape != (len(images),):
            raise ValueError("lfw_is_validation does not have one entry for each image")
    return FaceSet(name, about, judged, images[kept], labels[kept], people[kept].astype(np.int64))
