"""A study as a zip: to hand on, to keep, and to take in from others."""

import io
import lzma
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from emotion_core.atomic_io import need_room
from emotion_core.errors import InputError, OutputError
from emotion_core.results.paths import safe_name
from emotion_core.results.streams import Content, zip_pieces
from emotion_core.study.coding.database import consistent_copy
from emotion_core.study.study_file import STUDY

_MOST_FILES: Final = 500_000
_MOST_BYTES: Final = 200_000_000_000
# Tables of numbers shrink to a tenth; only data made for it shrink to a thousandth.
_MOST_RATIO: Final = 200
_SMALL_BYTES: Final = 50_000_000
# zipfile reads the list of a zip's files in one piece, before it can be counted.
_MOST_LIST_BYTES: Final = 100_000_000
_DATABASE: Final = ".sqlite"
_DAMAGED: Final = (
    zipfile.BadZipFile,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)


def study_files(folder: Path) -> Iterator[Path]:
    """Every file of a study, sorted; without hidden ones, and without what links lead to."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            passing = name.startswith(".") or name.endswith(f"{_DATABASE}-journal")
            if not passing and not path.is_symlink():
                yield path


def study_pieces(folder: Path, name: str) -> Iterator[bytes]:
    """The bytes of a zip of a study, in one folder with the study's name.

    Videos and results outside of the study's folder are not in it.

    Raises:
        OSError: a file cannot be read.
    """
    top = safe_name(name)
    files: dict[str, Content] = {
        f"{top}/{path.relative_to(folder).as_posix()}": _content(path)
        for path in study_files(folder)
    }
    yield from zip_pieces(files)


def _content(path: Path) -> Content:
    return consistent_copy(path) if path.suffix == _DATABASE else path


def unpack_study(archive: Path, folder: Path) -> None:
    """Unpack a zip with a study into a folder that does not exist, or is empty.

    Nothing is written outside of the folder, and nothing stays if the zip cannot be unpacked.

    Raises:
        InputError: it is not a zip, holds no study, or was made to fill the disk or to write
            elsewhere; or the folder holds files.
        OutputError: the disk is full, or nothing can be written there.
    """
    try:
        if folder.is_symlink() or (folder.exists() and any(folder.iterdir())):
            raise InputError(f"{folder} exists already: choose a new folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unzip-", dir=folder.parent) as temporary:
            unpacked = Path(temporary, "study")
            _unpack(archive, unpacked)
            if folder.exists():
                folder.rmdir()
            unpacked.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}.") from error


def _unpack(archive: Path, folder: Path) -> None:
    try:
        file = _Bounded(archive)
    except (OSError, ValueError) as error:
        raise InputError(f"{archive.name} cannot be read.") from error
    with file:
        try:
            with zipfile.ZipFile(file) as opened:
                entries = _entries(archive.name, opened)
                need_room(folder.parent, sum(info.file_size for info in entries.values()))
                for name, info in entries.items():
                    _write(opened, info, folder / name)
        except InputError:
            raise
        except _DAMAGED as error:
            raise InputError(
                f"{archive.name} cannot be unpacked ({error}). It may be cut short: fetch it again."
            ) from error


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # "x": two names that are one on this disk are an error, not a loss.
    with archive.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target)


def _entries(zip_name: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Path in the study's folder → entry, checked."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > _MOST_FILES:
        raise InputError(f"{zip_name} holds more than {_MOST_FILES:,} files: no study does.")
    named = {_inside(zip_name, info): info for info in infos}
    # macOS adds hidden files to its zips.
    named = {p: i for p, i in named.items() if not any(part.startswith(".") for part in p.parts)}
    tops = [path.parent for path in named if path.name == STUDY]
    if not tops:
        raise InputError(f"{zip_name} holds no study: there is no {STUDY} in it.")
    top = min(tops, key=lambda path: (len(path.parts), path))
    found = {
        path.relative_to(top).as_posix(): info
        for path, info in named.items()
        if path.is_relative_to(top)
    }
    packed = sum(info.compress_size for info in found.values())
    unpacked = sum(info.file_size for info in found.values())
    if unpacked > min(_MOST_BYTES, max(_SMALL_BYTES, _MOST_RATIO * packed)):
        raise InputError(
            f"{zip_name} would unpack from {packed / 1e6:,.1f} MB to {unpacked / 1e6:,.0f} MB. No "
            "study shrinks so far: it is refused."
        )
    return found


def _inside(zip_name: str, info: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    parts = path.parts
    outside = path.is_absolute() or ".." in parts or "\0" in info.filename
    if outside or not parts or any(":" in part for part in parts):
        raise InputError(
            f"{zip_name} names a file outside of itself ({info.filename!r}). Such zips are made to "
            "overwrite other files: it is refused."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InputError(f"{zip_name} holds a link ({info.filename!r}). Zip the folder without it.")
    return path


class _Bounded(io.FileIO):
    """A zip that is never read in pieces larger than the list of its files may be."""

    def read(self, size: int | None = -1) -> bytes:
        """As FileIO.

        Raises:
            InputError: a larger piece is asked for.
        """
        length = os.fstat(self.fileno()).st_size
        if size is None or min(size if size >= 0 else length, length) > _MOST_LIST_BYTES:
            raise InputError("This zip lists more files than a study can have.")
        return super().read(size) or b""
