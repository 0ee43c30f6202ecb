"""The training faces that look most like a face to the network: what it may have learnt from.

Faces and their embeddings are kept in a cache folder, so that the data set is read once:
`<data>/faces.npz` (names, labels) and `images.npy`, and `embeddings_<network>.npy` beside them.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError, OutputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.progress import OnProgress, Progress

if TYPE_CHECKING:
    import keras

    from emotion_core.model.bundle import ModelBundle

_VERSION: Final = 1
# Faces embedded between two words of progress.
_STEP: Final = 2048
# Data sets in the cache, 60 MB each for the size of FER+.
_MOST_KEPT: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """A training face near another face.

    Attributes:
        name: of the picture in the data set.
        expression: its label in the set that the network learnt.
        similarity: cosine of the two embeddings, -1 to 1.
        image: (48, 48) uint8, grey.
    """

    name: str
    expression: str
    similarity: float
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFaces:
    """The labelled faces of a training split; row i is the same face everywhere.

    Attributes:
        names: (N,) str.
        labels: (N,) int8, indices into EXPRESSIONS.
        images: (N, 48, 48) uint8, read from disk as they are needed.
        folder: of the cache.
    """

    names: NDArray[np.str_]
    labels: NDArray[np.int8]
    images: NDArray[np.uint8]
    folder: Path


def training_faces(bundle: ModelBundle, data: Path, cache: Path, tell: OnProgress) -> TrainingFaces:
    """The faces that a network was trained on, from the cache or from the data set.

    Args:
        bundle: the network; only the data set of its own training counts.
        data: as `load_dataset` takes it.
        cache: folder for what is kept.
        tell: called while the data set is read.

    Raises:
        DatasetError: the data set cannot be read, or is another one.
        OutputError: the cache cannot be written.
    """
    if not data.exists():
        raise DatasetError(f"The data set {data} is not there.")
    key = hashlib.sha256(repr((_VERSION, bundle.label_set, _stamp(data))).encode()).hexdigest()
    folder = cache / key[:24]
    known = _meta(folder)
    if not known:
        tell(Progress("Reading the training faces, once …", 0, 1))
        known = _fill(folder, data, bundle.label_set)
    if known["fingerprint"] != bundle.metadata.get("dataset", {}).get("fingerprint"):
        raise DatasetError(f"The data set {data.name} is not the one {bundle.name} was trained on.")
    try:
        with (folder / "faces.npz").open("rb") as file, np.load(file) as table:
            names, labels = table["names"], table["labels"]
        images = np.load(folder / "images.npy", mmap_mode="r")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{folder} is damaged ({error}). Delete it; it is made anew.") from error
    return TrainingFaces(names, labels, images, folder)


def _stamp(data: Path) -> tuple[Any, ...]:
    """Changes with the data set, without reading it."""
    files = sorted(data.rglob("*")) if data.is_dir() else [data]
    # Of a link itself: one may lead nowhere.
    stats = [f.lstat() for f in files]
    newest = max((s.st_mtime_ns for s in stats), default=0)
    return str(data.resolve()), len(files), sum(s.st_size for s in stats), newest


def _meta(folder: Path) -> dict[str, Any]:
    try:
        return dict(parse_json((folder / "data.json").read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _fill(folder: Path, data: Path, label_set: str) -> dict[str, Any]:
    dataset = load_dataset(data)
    split = dataset.split("train")
    labels = split.labels(label_set)
    kept = labels >= 0
    meta = {"fingerprint": dataset.fingerprint, "source": data.name, "faces": int(kept.sum())}
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", split.images[kept])
        np.savez(folder / "faces.npz", names=split.names[kept], labels=labels[kept])
        _drop_oldest(folder.parent)
        # Last: a folder without it is not complete.
        replace_file(folder / "data.json", json.dumps(meta).encode())
    except OSError as error:
        raise OutputError(f"The training faces cannot be kept in {folder}: {error}.") from error
    return meta


def _drop_oldest(cache: Path) -> None:
    """A changed data set gets a new entry each time: keep only the latest ones."""
    kept = sorted(cache.glob("*/"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in kept[_MOST_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def face_embeddings(
    faces: TrainingFaces, network: keras.Model, network_sha256: str, tell: OnProgress
) -> NDArray[np.float32]:
    """(N, D) float32 embeddings of the training faces, at length 1; computed once a network.

    Raises:
        OutputError: they cannot be kept.
    """
    from emotion_core.model.explain import embeddings

    path = faces.folder / f"embeddings_{network_sha256[:16]}.npy"
    try:
        return np.asarray(np.load(path), np.float32)
    except (OSError, ValueError):
        pass  # not computed yet, or cut short
    parts = []
    count = len(faces.names)
    for start in range(0, count, _STEP):
        step = f"Comparing with the training faces, {start:,} of {count:,}, once …"
        tell(Progress(step, start, count))
        parts.append(embeddings(network, faces.images[start : start + _STEP]))
    values = np.concatenate(parts)
    data = io.BytesIO()
    np.save(data, values)
    try:
        replace_file(path, data.getvalue())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}.") from error
    return values


def nearest(
    faces: TrainingFaces,
    known: NDArray[np.float32],
    embedding: NDArray[np.float32],
    count: int = 8,
) -> list[Neighbour]:
    """The training faces nearest to an embedding (D,), the nearest first.

    Args:
        faces: N faces.
        known: (N, D) their embeddings.
        embedding: of the face in question.
        count: how many.
    """
    similarity = known @ embedding
    rows = np.argsort(-similarity, kind="stable")[:count]
    return [
        Neighbour(
            str(faces.names[i]),
            EXPRESSIONS[int(faces.labels[i])],
            float(similarity[i]),
            np.array(faces.images[i]),
        )
        for i in rows
    ]
