"""Readers of the layouts of labelled faces; `dataset.load_dataset` chooses among them."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from emotion_core.datasets.archives import FolderTree, Tree, ZipTree
from emotion_core.datasets.dataset import FER2013_TO_OURS, SIDE, VOTE_COLUMNS, Split
from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS

_FERPLUS_FOLDERS = {"FER2013Train": "train", "FER2013Valid": "validation", "FER2013Test": "test"}
# A face of FER+ has ten; more than this is no count.
_MOST_VOTES = 1000
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
# A phone's photo fits; what is larger is no face, or a bomb.
_MAX_PICTURE_PIXELS = 25_000_000
# Pillow warns above 89 megapixels, where `decode_face` refuses the picture in any case. Set once:
# `warnings.catch_warnings` changes the whole process, and is not safe with several threads.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def read(source: Path) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Find out the layout and read it; also what was done to the pictures, in sentences."""
    changes = Changes()
    if source.is_dir():
        return _read_tree(FolderTree(source), changes), changes.notes()
    if source.suffix.lower() == ".csv":
        tree = FolderTree(source.parent)
        return _read_fer2013(tree, source.name), changes.notes()
    if source.suffix.lower() == ".zip":
        return _read_tree(ZipTree(source), changes), changes.notes()
    raise DatasetError(
        f"{source} is neither a folder, nor a zip, nor a CSV. See `train --help` for the layouts."
    )


def _read_tree(tree: Tree, changes: Changes) -> dict[str, Split]:
    names = [n for n in tree.names() if not _is_litter(n)]
    csv = [n for n in names if PurePosixPath(n).name == "fer2013.csv"]
    if any(PurePosixPath(n).parent.name in _FERPLUS_FOLDERS for n in names):
        return _read_ferplus(tree, names, changes)
    if csv:
        return _read_fer2013(tree, csv[0], set(names))
    return _read_folders(tree, names, changes)


def _is_litter(name: str) -> bool:
    """What file managers add: `__MACOSX/…/._a.png` is named like a picture and is none."""
    return any(p.startswith(".") or p == "__MACOSX" for p in PurePosixPath(name).parts)


@dataclass
class Changes:
    """Counts what was done to pictures to make faces of 48×48 grey pixels of them."""

    read: int = 0
    scaled: int = 0
    stretched: int = 0
    coloured: int = 0

    def count(self, width: int, height: int, colour: bool) -> None:
        """One picture as it came."""
        self.read += 1
        self.scaled += (width, height) != (SIDE, SIDE)
        self.stretched += width != height
        self.coloured += colour

    def notes(self) -> tuple[str, ...]:
        """A sentence for each thing that was done to some of them."""
        of = f"of {self.read:,} pictures"
        notes = []
        if self.scaled:
            notes.append(
                f"{self.scaled:,} {of} were scaled to {SIDE}×{SIDE} pixels. Each is taken as "
                "a face cut out closely, brows to chin; faces in larger scenes are not looked for."
            )
        if self.stretched:
            notes.append(f"{self.stretched:,} {of} were not square and were stretched.")
        if self.coloured:
            notes.append(f"{self.coloured:,} {of} were in colour and became grey.")
        return tuple(notes)


def decode_face(data: bytes, where: str, changes: Changes | None = None) -> NDArray[np.uint8]:
    """(48, 48) uint8 grey from the bytes of a picture.

    Colour becomes grey and another size is scaled, which is counted in `changes`; what is no
    picture is an error.

    Raises:
        DatasetError: naming `where`.
    """
    try:
        width, height, colour = _head(data)
    except (OSError, ValueError, SyntaxError, struct.error, IndexError) as error:
        raise _no_picture(where) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DatasetError(
            f"{where} has far too many pixels; no labelled face is that large."
        ) from error
    if width * height > _MAX_PICTURE_PIXELS:
        raise DatasetError(
            f"{where} has {width:,}×{height:,} pixels; no labelled face is that large."
        )
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise _no_picture(where) from error
    if grey is None:
        raise _no_picture(where)
    if changes is not None:
        changes.count(width, height, colour)
    if grey.shape != (SIDE, SIDE):
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _no_picture(where: str) -> DatasetError:
    return DatasetError(f"{where} is no readable picture. Remove it or fetch it again.")


def _head(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether it is in colour, before anything is unpacked."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        # Thirty thousand faces of FER+ come this way: no library is asked. Type 0 and 4 are grey.
        width, height = struct.unpack(">II", data[16:24])
        return width, height, data[25] not in (0, 4)
    with Image.open(io.BytesIO(data)) as image:
        return image.width, image.height, image.mode not in ("L", "LA", "1", "I", "I;16")


def _read_ferplus(tree: Tree, names: list[str], changes: Changes) -> dict[str, Split]:
    known = set(names)
    originals = _original_labels(tree, names)
    splits = {}
    for name in names:
        path = PurePosixPath(name)
        if path.name == "label.csv" and path.parent.name in _FERPLUS_FOLDERS:
            split = _FERPLUS_FOLDERS[path.parent.name]
            splits[split] = _ferplus_split(tree, name, (known, originals), changes)
    if not splits:
        raise DatasetError(f"{tree.source} has FER+ folders but no label.csv in them.")
    return splits


def _ferplus_split(
    tree: Tree, csv_name: str, beside: tuple[set[str], dict[str, int]], changes: Changes
) -> Split:
    """One split; `beside` are the names of all files and the original labels."""
    known, originals = beside
    where = f"{tree.source}: {csv_name}"
    columns = ("name", "box", *VOTE_COLUMNS)
    table = _csv(tree.read(csv_name), where, header=None)
    if table.shape[1] != len(columns):
        raise DatasetError(
            f"{where} has {table.shape[1]} columns, expected {len(columns)}: {', '.join(columns)}."
        )
    folder = PurePosixPath(csv_name).parent
    votes = _votes(table.iloc[:, 2:], where, first_row=1)
    images, file_names = [], []
    for row, file_name in enumerate(table.iloc[:, 0].astype(str), start=1):
        path = (folder / file_name).as_posix()
        if path not in known:
            raise DatasetError(f"{where}, row {row}: there is no picture {path}.")
        images.append(decode_face(tree.read(path), f"{tree.source.name}: {path}", changes))
        file_names.append(file_name)
    fer2013 = np.array([originals.get(n, -1) for n in file_names], np.int8)
    split = _FERPLUS_FOLDERS[folder.name]
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


def _read_fer2013(tree: Tree, name: str, known: set[str] | None = None) -> dict[str, Split]:
    """fer2013.csv of a tree; `known` are all its files (None: look on disk)."""
    path = tree.source / name
    table = _csv(tree.read(name), str(path))
    _need_columns(table, ("emotion", "pixels", "Usage"), str(path))
    unknown = ~table["Usage"].isin(_USAGE).to_numpy()
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise DatasetError(
            f"{path}, row {row + 2}: Usage must be one of {', '.join(_USAGE)}, got "
            f"{table['Usage'].iloc[row]!r}; the file may be cut short."
        )
    labels = _codes(table["emotion"], str(path))
    images = _stack([decode_pixels(t, path, row) for row, t in enumerate(table["pixels"], start=2)])
    beside = PurePosixPath(name).with_name("fer2013new.csv").as_posix()
    there = (tree.source / beside).is_file() if known is None else beside in known
    votes = np.zeros((len(table), len(VOTE_COLUMNS)), np.int16)
    if there:
        votes = _ferplus_beside(tree.read(beside), str(tree.source / beside), len(table))
    names = np.array([f"fer{i:07d}.png" for i in range(len(table))], str)
    face = votes[:, VOTE_COLUMNS.index("NF")] < np.maximum(votes.sum(axis=1), 1)
    splits = {}
    for usage, split in _USAGE.items():
        rows = np.flatnonzero((table["Usage"] == usage).to_numpy() & face)
        splits[split] = Split(split, names[rows], images[rows], votes[rows], labels[rows])
    return splits


def _ferplus_beside(data: bytes, where: str, rows: int) -> NDArray[np.int16]:
    table = _csv(data, where)
    _need_columns(table, VOTE_COLUMNS, where)
    if len(table) != rows:
        raise DatasetError(f"{where} has {len(table):,} rows, fer2013.csv beside it {rows:,}.")
    return _votes(table[list(VOTE_COLUMNS)], where, first_row=2)


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


def _read_folders(tree: Tree, names: list[str], changes: Changes) -> dict[str, Split]:
    """<split>/<expression>/picture, or <expression>/picture as one test split."""
    rows: dict[str, list[tuple[str, int]]] = {}
    for split, expression, name in _folder_entries(names):
        if expression not in EXPRESSIONS:
            raise DatasetError(
                f"{tree.source.name}: the folder {expression!r} of {name} is none of the seven "
                f"expressions ({', '.join(EXPRESSIONS)}). Rename or remove it."
            )
        rows.setdefault(split, []).append((name, EXPRESSIONS.index(expression)))
    return {split: _folder_split(tree, split, found, changes) for split, found in rows.items()}


def _folder_entries(names: list[str]) -> Iterator[tuple[str, str, str]]:
    for name in names:
        parts = PurePosixPath(name).parts
        if PurePosixPath(name).suffix.lower() not in _PICTURES or len(parts) < 2:
            continue
        split = _SPLIT_NAMES.get(parts[-3].lower(), "") if len(parts) > 2 else ""
        yield split or "test", parts[-2].lower(), name


def _folder_split(
    tree: Tree, split: str, entries: list[tuple[str, int]], changes: Changes
) -> Split:
    images = _stack(
        [decode_face(tree.read(n), f"{tree.source.name}: {n}", changes) for n, _ in entries]
    )
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


def _votes(table: pd.DataFrame, where: str, first_row: int) -> NDArray[np.int16]:
    """The table's counts; `first_row` is the number of its first row in the file."""
    numbers = table.apply(pd.to_numeric, errors="coerce")
    fits = (numbers >= 0) & (numbers <= _MOST_VOTES) & (numbers % 1 == 0)
    bad = ~fits.all(axis=1).to_numpy()
    if bad.any():
        raise DatasetError(
            f"{where}, row {int(np.flatnonzero(bad)[0]) + first_row}: a vote count is no number "
            f"(whole, 0 to {_MOST_VOTES})."
        )
    return numbers.to_numpy().astype(np.int16)


def _codes(column: pd.Series, where: str) -> NDArray[np.int8]:
    codes = pd.to_numeric(column, errors="coerce")
    bad = ~codes.isin(range(7)).to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DatasetError(
            f"{where}, row {int(column.index[row]) + 2}: emotion must be 0-6, "
            f"got {column.iloc[row]!r}."
        )
    return FER2013_TO_OURS[codes.to_numpy().astype(int)]


def _stack(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
