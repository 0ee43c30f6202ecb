"""Single faces of a data set by name, without reading the rest of it.

A page that shows the forty faces of one confusion need not wait for thirty thousand others.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datasets.archives import MOST_FILES, FolderTree, Tree, ZipTree
from emotion_core.datasets.csv_rows import LONGEST_LINE
from emotion_core.datasets.readers import decode_face, decode_pixels
from emotion_core.errors import DatasetError

# The names that `readers` gives to the rows of fer2013.csv: FER+'s own.
_ROW_NAME: Final = re.compile(r"fer(\d{7})\.png")
_PICTURES: Final = {".png", ".jpg", ".jpeg"}
_PIECE: Final = 1 << 20
_MOST_SHOWN: Final = 200


class FaceShelf:
    """Finds faces by the names used in predictions_<dataset>_<split>.csv.

    May be shared by threads: it only reads.

    Raises:
        DatasetError: at construction, the data set does not exist or has no layout known here.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._rows: _CsvRows | None = None
        self._tree: Tree | None = None
        self._paths: dict[str, str] = {}
        if source.is_dir() and (source / "fer2013.csv").is_file():
            self._rows = _CsvRows(source / "fer2013.csv")
        elif source.is_dir():
            self._tree = FolderTree(source)
        elif source.suffix.lower() == ".zip" and source.is_file():
            self._tree = zipped = ZipTree(source)
            # Threads share a shelf, so the zip is closed when the last of them lets go of it.
            weakref.finalize(self, zipped.close)
        elif source.suffix.lower() == ".csv" and source.is_file():
            self._rows = _CsvRows(source)
        else:
            raise DatasetError(f"{source} is neither a folder, nor a zip, nor a CSV of faces.")
        if self._tree is not None:
            self._paths = _paths_by_name(self._tree.names())

    def faces(self, names: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
        """Name → (48, 48) uint8 grey, of those that are there; the others are left out.

        Raises:
            DatasetError: a file exists but is not a readable picture.
        """
        found = ((name, self._face(name)) for name in names)
        return {name: face for name, face in found if face is not None}

    def _face(self, name: str) -> NDArray[np.uint8] | None:
        if self._rows is not None:
            return self._rows.face(name)
        path = self._paths.get(name)
        if path is None or self._tree is None:
            return None
        return decode_face(self._tree.read(path), f"{self.source.name}: {path}")


def _paths_by_name(paths: list[str]) -> dict[str, str]:
    """Whole paths, and bare file names where only one picture has that name."""
    pictures = [p for p in paths if PurePosixPath(p).suffix.lower() in _PICTURES]
    short: dict[str, list[str]] = {}
    for path in pictures:
        short.setdefault(PurePosixPath(path).name, []).append(path)
    unique = {name: found[0] for name, found in short.items() if len(found) == 1}
    return unique | {path: path for path in pictures}


class _CsvRows:
    """Rows of fer2013.csv, found by the offsets at which their lines begin.

    Only the offsets are held: the file may be larger than the memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                head = file.readline(LONGEST_LINE).decode("utf-8-sig", "replace")
                file.seek(0)
                self._starts = _line_ends(file, path) + 1
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror}).") from error
        columns = head.strip().split(",")
        if "pixels" not in columns:
            shown = ", ".join(columns)[:_MOST_SHOWN]
            raise DatasetError(f"{path} lacks the column pixels; it has {shown}.")
        self._column = columns.index("pixels")

    def face(self, name: str) -> NDArray[np.uint8] | None:
        match = _ROW_NAME.fullmatch(name)
        row = int(match[1]) if match else -1
        if not 0 <= row < len(self._starts):
            return None
        with self._path.open("rb") as file:
            file.seek(int(self._starts[row]))
            cells = file.readline(LONGEST_LINE).decode("utf-8", "replace").strip().split(",")
        if len(cells) <= self._column:
            return None
        return decode_pixels(cells[self._column].strip('"'), self._path.name, row + 2)


def _line_ends(file: IO[bytes], path: Path) -> NDArray[np.int64]:
    """(N,) the offsets of a file's line ends, read a piece at a time.

    Raises:
        DatasetError: there are more lines than images that a data set may have.
    """
    ends, start, count = [np.empty(0, np.int64)], 0, 0
    while piece := file.read(_PIECE):
        found = np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n"))
        ends.append(found + start)
        start, count = start + len(piece), count + len(found)
        if count > MOST_FILES:
            raise DatasetError(f"{path} has more than {MOST_FILES:,} rows, the most that are read.")
    return np.concatenate(ends)
