"""Readers of the layouts of labelled faces; `dataset.load_dataset` chooses among them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS
from emotion_core.training.dataset import FER2013_TO_OURS, SIDE, VOTE_COLUMNS, Split

_FERPLUS_FOLDERS = {"FER2013Train": "train", "FER2013Valid": "validation", "FER2013Test": "test"}
_USAGE = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
_PICTURES = {".png", ".jpg", ".jpeg"}
# A face of 48×48 weighs 2 kB; anything near this is no labelled face, or a bomb.
_MAX_FILE_BYTES = 20_000_000
_MAX_FILES = 1_000_000


class Tree(Protocol):
    """Files of a folder or a zip, named by posix paths relative to its top."""

    source: Path

    def names(self) -> list[str]:
        """All files."""

    def read(self, name: str) -> bytes:
        """The bytes of one file."""


class FolderTree:
    """A folder on disk."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def names(self) -> list[str]:
        """All files below the folder, sorted."""
        files = (p for p in self.source.rglob("*") if p.is_file())
        return sorted(p.relative_to(self.source).as_posix() for p in files)

    def read(self, name: str) -> bytes:
        """The bytes of one file."""
        return (self.source / name).read_bytes()


class ZipTree:
    """A zip, read in place: nothing is unpacked to disk, so no path can climb out."""

    def __init__(self, source: Path) -> None:
        self.source = source
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(
                f"{source} is no readable zip ({error}); it may be cut short. Fetch it again."
            ) from error
        infos = [i for i in self._zip.infolist() if not i.is_dir()]
        if len(infos) > _MAX_FILES:
            raise DatasetError(f"{source} holds {len(infos):,} files; {_MAX_FILES:,} is the limit.")
        self._infos = {i.filename: i for i in infos}

    def names(self) -> list[str]:
        """All files of the zip, sorted."""
        return sorted(self._infos)

    def read(self, name: str) -> bytes:
        """The bytes of one file; its size is checked before it is unpacked."""
        if self._infos[name].file_size > _MAX_FILE_BYTES:
            raise DatasetError(
                f"{self.source}: {name} unpacks to {self._infos[name].file_size:,} bytes; "
                "no labelled face is that large."
            )
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError) as error:
            raise DatasetError(f"{self.source}: {name} cannot be read ({error}).") from error


def read(source: Path) -> dict[str, Split]:
    """Find out the layout and read it."""
    if source.is_dir():
        return _read_tree(FolderTree(source))
    if source.suffix.lower() == ".csv":
        return _read_fer2013(source)
    if source.suffix.lower() == ".zip":
        return _read_tree(ZipTree(source))
    raise DatasetError(
        f"{source} is neither a folder, nor a zip, nor a CSV. See `train --help` for the layouts."
    )


def _read_tree(tree: Tree) -> dict[str, Split]:
    names = tree.names()
    csv = [n for n in names if PurePosixPath(n).name == "fer2013.csv"]
    if any(PurePosixPath(n).parent.name in _FERPLUS_FOLDERS for n in names):
        return _read_ferplus(tree, names)
    if csv and isinstance(tree, FolderTree):
        return _read_fer2013(tree.source / csv[0])
    return _read_folders(tree, names)


def decode_face(data: bytes, where: str) -> NDArray[np.uint8]:
    """(48, 48) uint8 grey from the bytes of a picture.

    Colour becomes grey and another size is scaled; what is no picture is an error.

    Raises:
        DatasetError: naming `where`.
    """
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if grey is None:
        raise DatasetError(f"{where} is no readable picture. Remove it or fetch it again.")
    if grey.shape != (SIDE, SIDE):
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _read_ferplus(tree: Tree, names: list[str]) -> dict[str, Split]:
    known = set(names)
    originals = _original_labels(tree, names)
    splits = {}
    for name in names:
        path = PurePosixPath(name)
        if path.name == "label.csv" and path.parent.name in _FERPLUS_FOLDERS:
            split = _FERPLUS_FOLDERS[path.parent.name]
            splits[split] = _ferplus_split(tree, name, split, known, originals)
    if not splits:
        raise DatasetError(f"{tree.source} has FER+ folders but no label.csv in them.")
    return splits


def _ferplus_split(
    tree: Tree, csv_name: str, split: str, known: set[str], originals: dict[str, int]
) -> Split:
    where = f"{tree.source}: {csv_name}"
    columns = ("name", "box", *VOTE_COLUMNS)
    table = _csv(tree.read(csv_name), where, header=None)
    if table.shape[1] != len(columns):
        raise DatasetError(
            f"{where} has {table.shape[1]} columns, expected {len(columns)}: {', '.join(columns)}."
        )
    folder = PurePosixPath(csv_name).parent
    votes = _votes(table.iloc[:, 2:], where)
    images, file_names = [], []
    for row, file_name in enumerate(table.iloc[:, 0].astype(str), start=1):
        path = (folder / file_name).as_posix()
        if path not in known:
            raise DatasetError(f"{where}, row {row}: there is no picture {path}.")
        images.append(decode_face(tree.read(path), f"{tree.source}: {path}"))
        file_names.append(file_name)
    fer2013 = np.array([originals.get(n, -1) for n in file_names], np.int8)
    return Split(split, np.array(file_names, str), _stack(images), votes, fer2013)


def _original_labels(tree: Tree, names: list[str]) -> dict[str, int]:
    """File name → original FER2013 label, from a labels.csv at the top, where there is one."""
    found = [n for n in names if PurePosixPath(n).name == "labels.csv"]
    if not found:
        return {}
    where = f"{tree.source}: {found[0]}"
    table = _csv(tree.read(found[0]), where)
    _need_columns(table, ("Image name", "emotion"), where)
    table = table[table["emotion"].notna()]
    codes = _codes(table["emotion"], where)
    return dict(zip(table["Image name"].astype(str), codes.tolist(), strict=True))


def _read_fer2013(path: Path) -> dict[str, Split]:
    table = _csv(path.read_bytes(), str(path))
    _need_columns(table, ("emotion", "pixels", "Usage"), str(path))
    labels = _codes(table["emotion"], str(path))
    images = _stack([decode_pixels(t, path, row) for row, t in enumerate(table["pixels"], start=2)])
    votes = _ferplus_beside(path.with_name("fer2013new.csv"), len(table))
    names = np.array([f"fer{i:07d}.png" for i in range(len(table))], str)
    face = votes[:, VOTE_COLUMNS.index("NF")] < np.maximum(votes.sum(axis=1), 1)
    splits = {}
    for usage, split in _USAGE.items():
        rows = np.flatnonzero((table["Usage"] == usage).to_numpy() & face)
        splits[split] = Split(split, names[rows], images[rows], votes[rows], labels[rows])
    return splits


def _ferplus_beside(path: Path, rows: int) -> NDArray[np.int16]:
    if not path.exists():
        return np.zeros((rows, len(VOTE_COLUMNS)), np.int16)
    table = _csv(path.read_bytes(), str(path))
    _need_columns(table, VOTE_COLUMNS, str(path))
    if len(table) != rows:
        raise DatasetError(f"{path} has {len(table):,} rows, fer2013.csv beside it {rows:,}.")
    return _votes(table[list(VOTE_COLUMNS)], str(path))


def decode_pixels(text: object, path: Path, row: int) -> NDArray[np.uint8]:
    """(48, 48) uint8 grey from the numbers of a cell of fer2013.csv.

    Raises:
        DatasetError: naming the file and the row.
    """
    try:
        values = np.array(str(text).split(), np.uint8)
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{path}, row {row}: pixels must be numbers 0-255.") from error
    if values.size != SIDE * SIDE:
        raise DatasetError(f"{path}, row {row}: {values.size} pixels, expected {SIDE * SIDE}.")
    return values.reshape(SIDE, SIDE)


def _read_folders(tree: Tree, names: list[str]) -> dict[str, Split]:
    """<split>/<expression>/picture, or <expression>/picture as one test split."""
    rows: dict[str, list[tuple[str, int]]] = {}
    for split, expression, name in _folder_entries(names):
        if expression not in EXPRESSIONS:
            raise DatasetError(
                f"{tree.source}: the folder {expression!r} of {name} is none of the seven "
                f"expressions ({', '.join(EXPRESSIONS)}). Rename or remove it."
            )
        rows.setdefault(split, []).append((name, EXPRESSIONS.index(expression)))
    return {split: _folder_split(tree, split, entries) for split, entries in rows.items()}


def _folder_entries(names: list[str]) -> Iterator[tuple[str, str, str]]:
    for name in names:
        parts = PurePosixPath(name).parts
        if PurePosixPath(name).suffix.lower() not in _PICTURES or len(parts) < 2:
            continue
        split = _SPLIT_NAMES.get(parts[-3].lower(), "") if len(parts) > 2 else ""
        yield split or "test", parts[-2].lower(), name


def _folder_split(tree: Tree, split: str, entries: list[tuple[str, int]]) -> Split:
    images = _stack([decode_face(tree.read(n), f"{tree.source}: {n}") for n, _ in entries])
    votes = np.zeros((len(entries), len(VOTE_COLUMNS)), np.int16)
    names = np.array([n for n, _ in entries], str)
    return Split(split, names, images, votes, np.array([label for _, label in entries], np.int8))


def _csv(data: bytes, where: str, header: int | None = 0) -> pd.DataFrame:
    try:
        return pd.read_csv(io.BytesIO(data), header=header)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise DatasetError(f"{where} is no readable CSV: {error}.") from error


def _need_columns(table: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise DatasetError(
            f"{where} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {', '.join(map(str, table.columns))}."
        )


def _votes(table: pd.DataFrame, where: str) -> NDArray[np.int16]:
    numbers = table.apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1).to_numpy() | (numbers < 0).any(axis=1).to_numpy()
    if bad.any():
        raise DatasetError(
            f"{where}, row {int(np.flatnonzero(bad)[0]) + 1}: a vote count is no number."
        )
    return numbers.to_numpy().astype(np.int16)


def _codes(column: pd.Series, where: str) -> NDArray[np.int8]:
    codes = pd.to_numeric(column, errors="coerce")
    bad = ~codes.isin(range(7)).to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DatasetError(
            f"{where}, row {row + 2}: emotion must be 0-6, got {column.iloc[row]!r}."
        )
    return FER2013_TO_OURS[codes.to_numpy().astype(int)]


def _stack(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
