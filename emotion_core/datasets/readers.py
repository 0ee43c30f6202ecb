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
from numpy.typing import NDArray
from PIL import Image

from emotion_core.datasets.archives import FolderTree, Tree, ZipTree
from emotion_core.datasets.csv_rows import named_rows, read_rows
from emotion_core.datasets.dataset import FER2013_TO_OURS, SIDE, VOTE_COLUMNS, Split
from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS

_FERPLUS_FOLDERS = {"FER2013Train": "train", "FER2013Valid": "validation", "FER2013Test": "test"}
# A face of FER+ has ten; anything larger is not a count.
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
_LABEL_COLUMNS = ("name", "box", *VOTE_COLUMNS)
# Characters of a cell that a message repeats.
_SHOWN = 40
_PICTURES = {".png", ".jpg", ".jpeg"}
# What Pillow may take a picture for: some of its other readers start programs (EPS).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# A phone's photo fits; anything larger is not a face, or is a bomb.
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
        return _read_fer2013(FolderTree(source.parent), source.name), changes.notes()
    if source.suffix.lower() == ".zip":
        with ZipTree(source) as tree:
            return _read_tree(tree, changes), changes.notes()
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

    Colour becomes grey and another size is scaled, which is counted in `changes`; files that are
    not pictures are errors.

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
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
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
        raise DatasetError(f"{tree.source.name} has FER+ folders but no label.csv in them. Add it.")
    return splits


def _ferplus_split(
    tree: Tree, csv_name: str, beside: tuple[set[str], dict[str, int]], changes: Changes
) -> Split:
    """One split; `beside` are the names of all files and the original labels."""
    known, originals = beside
    where = f"{tree.source.name}: {csv_name}"
    folder = PurePosixPath(csv_name).parent
    images, file_names, votes = [], [], []
    for row, cells in read_rows(tree, csv_name, where):
        if len(cells) != len(_LABEL_COLUMNS):
            raise DatasetError(
                f"{where}, row {row} has {len(cells)} columns, expected {len(_LABEL_COLUMNS)}: "
                f"{', '.join(_LABEL_COLUMNS)}."
            )
        path = (folder / cells[0]).as_posix()
        if path not in known:
            raise DatasetError(f"{where}, row {row}: there is no picture {path}.")
        votes.append(_votes(cells[2:], where, row))
        images.append(decode_face(tree.read(path), f"{tree.source.name}: {path}", changes))
        file_names.append(cells[0])
    if not votes:
        raise DatasetError(f"{where} is no readable CSV: it is empty.")
    fer2013 = np.array([originals.get(n, -1) for n in file_names], np.int8)
    split = _FERPLUS_FOLDERS[folder.name]
    return Split(split, np.array(file_names, str), _stack(images), _table(votes), fer2013)


def _original_labels(tree: Tree, names: list[str]) -> dict[str, int]:
    """File name → original FER2013 label, from a labels.csv at the top, where there is one."""
    found = [n for n in names if PurePosixPath(n).name == "labels.csv"]
    if not found:
        return {}
    where = f"{tree.source.name}: {found[0]}"
    rows = named_rows(tree, found[0], ("Image name", "emotion"), where)
    return {name: _code(code, where, row) for row, (name, code) in rows if code}


def _read_fer2013(tree: Tree, name: str, known: set[str] | None = None) -> dict[str, Split]:
    """fer2013.csv of a tree; `known` are all its files (None: look on disk)."""
    where = PurePosixPath(name).name
    usages, labels, images = [], [], []
    for row, (code, pixels, usage) in named_rows(tree, name, ("emotion", "pixels", "Usage"), where):
        if usage not in _USAGE:
            raise DatasetError(
                f"{where}, row {row}: Usage must be one of {', '.join(_USAGE)}, got "
                f"{usage[:_SHOWN]!r}; the file may be cut short."
            )
        usages.append(usage)
        labels.append(_code(code, where, row))
        images.append(decode_pixels(pixels, where, row))
    beside = PurePosixPath(name).with_name("fer2013new.csv").as_posix()
    there = (tree.source / beside).is_file() if known is None else beside in known
    votes = np.zeros((len(images), len(VOTE_COLUMNS)), np.int16)
    if there:
        votes = _ferplus_beside(tree, beside, len(images))
    return _by_usage(np.array(usages, str), np.array(labels, np.int8), _stack(images), votes)


def _by_usage(
    usages: NDArray[np.str_],
    labels: NDArray[np.int8],
    images: NDArray[np.uint8],
    votes: NDArray[np.int16],
) -> dict[str, Split]:
    """The splits of fer2013.csv, without the images that every FER+ voter called no face."""
    names = np.array([f"fer{i:07d}.png" for i in range(len(images))], str)
    face = votes[:, VOTE_COLUMNS.index("NF")] < np.maximum(votes.sum(axis=1), 1)
    splits = {}
    for usage, split in _USAGE.items():
        rows = np.flatnonzero((usages == usage) & face)
        splits[split] = Split(split, names[rows], images[rows], votes[rows], labels[rows])
    return splits


def _ferplus_beside(tree: Tree, name: str, count: int) -> NDArray[np.int16]:
    where = PurePosixPath(name).name
    found = named_rows(tree, name, VOTE_COLUMNS, where)
    votes = [_votes(cells, where, row) for row, cells in found]
    if len(votes) != count:
        raise DatasetError(f"{where} has {len(votes):,} rows, fer2013.csv beside it {count:,}.")
    return _table(votes)


def decode_pixels(text: str, where: str, row: int) -> NDArray[np.uint8]:
    """(48, 48) uint8 grey from the numbers of a cell of fer2013.csv.

    Raises:
        DatasetError: naming `where` and the row.
    """
    try:
        values = np.array(text.split(), np.uint8)
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{where}, row {row}: pixels must be numbers 0-255.") from error
    if values.size != SIDE * SIDE:
        raise DatasetError(f"{where}, row {row}: {values.size} pixels, expected {SIDE * SIDE}.")
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


def _votes(cells: list[str], where: str, row: int) -> list[int]:
    try:
        counts = [float(cell) for cell in cells]
    except ValueError:
        counts = [-1.0]
    if not all(0 <= count <= _MOST_VOTES and count.is_integer() for count in counts):
        raise DatasetError(
            f"{where}, row {row}: a vote count is no number (whole, 0 to {_MOST_VOTES})."
        )
    return [int(count) for count in counts]


def _table(votes: list[list[int]]) -> NDArray[np.int16]:
    return np.array(votes, np.int16).reshape(-1, len(VOTE_COLUMNS))


def _code(text: str, where: str, row: int) -> int:
    """FER2013's code of an expression as an index into EXPRESSIONS."""
    try:
        code = float(text)
    except ValueError:
        code = -1.0
    if code not in range(7):
        raise DatasetError(f"{where}, row {row}: emotion must be 0-6, got {text[:_SHOWN]!r}.")
    return int(FER2013_TO_OURS[int(code)])


def _stack(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
