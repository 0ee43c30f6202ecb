"""Files of a data set, in a folder or a zip, with limits that keep a hostile one harmless."""

from __future__ import annotations

import io
import itertools
import lzma
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol, Self

from emotion_core.errors import DatasetError

# A face of 48×48 weighs 2 kB; anything near this is not a labelled face, or is a zip bomb.
_MAX_FILE_BYTES: Final = 20_000_000
# fer2013.csv, the only large file of all layouts, has 300 MB.
_MAX_CSV_BYTES: Final = 600_000_000
MOST_FILES: Final = 500_000
# Pictures and numbers shrink to a third at best; only made-up data shrink to a hundredth.
_MAX_RATIO: Final = 100
_MAX_ZIP_BYTES: Final = 8_000_000_000
# Room for names of 50 characters in the list of the largest zip that is read; zipfile holds ten
# times as much in memory.
_MAX_LIST_BYTES: Final = 48_000_000

# What the kinds of compression raise on damaged bytes.
DAMAGED: Final = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)


class Tree(Protocol):
    """Files of a folder or a zip, named by posix paths relative to its top."""

    source: Path

    def names(self) -> list[str]:
        """All files."""

    def read(self, name: str) -> bytes:
        """The bytes of one file."""

    def open(self, name: str) -> IO[bytes]:
        """One file, to be read piece by piece; may raise any of `DAMAGED` then."""


class FolderTree:
    """A folder on disk."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def names(self) -> list[str]:
        """All files below the folder, sorted; links are not followed.

        Raises:
            DatasetError: there are too many, or one's name cannot be written down.
        """
        files = (p for p in self.source.rglob("*") if p.is_file() and not p.is_symlink())
        found = list(itertools.islice(files, MOST_FILES + 1))
        _check_count(self.source, len(found))
        names = sorted(p.relative_to(self.source).as_posix() for p in found)
        for name in names:
            # Results name every image; better said now than after hours of training.
            if any("\ud800" <= c <= "\udfff" for c in name):
                raise DatasetError(
                    f"{self.source.name}: the name of the file {name!a} is no UTF-8. Rename it."
                )
        return names

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            DatasetError: it is too large for what it is, or cannot be read.
        """
        path = self.source / name
        try:
            _check_size(self.source, name, path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror}).") from error

    def open(self, name: str) -> IO[bytes]:
        """One file, to be read piece by piece.

        Raises:
            DatasetError: as `read`.
        """
        path = self.source / name
        try:
            _check_size(self.source, name, path.stat().st_size)
            return path.open("rb")
        except OSError as error:
            raise DatasetError(f"{path} cannot be read ({error.strerror}).") from error


class ZipTree:
    """A zip, read in place: nothing is ever unpacked to disk. Close it, or use it in a `with`.

    Raises:
        DatasetError: it is not a zip, or one crafted to exhaust memory or to write elsewhere.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        with ExitStack() as on_error:
            try:
                file = on_error.enter_context(_Bounded(source))
                self._zip = on_error.enter_context(zipfile.ZipFile(file))
            except DatasetError:
                raise
            # RuntimeError: a kind of zip that zipfile does not read.
            except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
                raise DatasetError(
                    f"{source.name} is no readable zip ({error}); it may be cut short. "
                    "Fetch it again."
                ) from error
            infos = [i for i in self._zip.infolist() if not i.is_dir()]
            _check_count(source, len(infos))
            for info in infos:
                _check_inside(source, info.filename)
            _check_unpacked(source, infos)
            self._infos = {i.filename: i for i in infos}
            # zipfile does not close a file that it was given.
            self._close = on_error.pop_all().close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read from it afterwards."""
        self._close()

    def names(self) -> list[str]:
        """All files of the zip, sorted."""
        return sorted(self._infos)

    def read(self, name: str) -> bytes:
        """The bytes of one file; its size is checked before it is unpacked."""
        _check_size(self.source, name, self._infos[name].file_size)
        try:
            return self._zip.read(name)
        except DAMAGED as e:
            raise DatasetError(
                f"{self.source.name}: {name} is damaged ({e}). Fetch it again."
            ) from e

    def open(self, name: str) -> IO[bytes]:
        """One file, unpacked piece by piece; its size is checked before.

        Raises:
            DatasetError: it is too large, or cannot be read.
        """
        _check_size(self.source, name, self._infos[name].file_size)
        try:
            return self._zip.open(name)
        except DAMAGED as e:
            raise DatasetError(
                f"{self.source.name}: {name} is damaged ({e}). Fetch it again."
            ) from e


def _damaged(source: Path, name: str, error: Exception) -> DatasetError:
    return DatasetError(f"{source.name}: {name} is damaged ({error}). Fetch it again.")


class _Bounded(io.FileIO):
    """A zip that is never read in pieces larger than the list of files may be.

    zipfile reads that list in one piece, before it can be counted; its length is declared in one
    of two records, and neither can be trusted.

    Raises:
        DatasetError: a larger piece is asked for.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self._source = source

    def read(self, size: int | None = -1) -> bytes:
        """As FileIO."""
        if size is not None and min(size, self._source.stat().st_size) > _MAX_LIST_BYTES:
            self.close()
            raise DatasetError(
                f"{self._source.name} lists more files than {MOST_FILES:,}, the most that are "
                "read. Split it into smaller ones."
            )
        return super().read(size) or b""


def _check_count(source: Path, count: int) -> None:
    if count > MOST_FILES:
        raise DatasetError(
            f"{source.name} holds more than {MOST_FILES:,} files, the most that are read. Split it "
            "into smaller ones."
        )


def _check_inside(source: Path, name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
        raise DatasetError(
            f"{source.name} names a file outside of itself ({name!r}). Such zips are made to "
            "overwrite other files: it is refused. Zip the folder again."
        )


def _check_unpacked(source: Path, infos: list[zipfile.ZipInfo]) -> None:
    packed = sum(i.compress_size for i in infos)
    unpacked = sum(i.file_size for i in infos)
    if unpacked > _MAX_ZIP_BYTES or unpacked > _MAX_RATIO * max(packed, 100_000):
        raise DatasetError(
            f"{source.name} would unpack from {packed / 1e6:,.1f} MB to {unpacked / 1e6:,.0f} MB. "
            "No pictures shrink so far: it is refused as a zip bomb."
        )


def _check_size(source: Path, name: str, size: int) -> None:
    is_csv = PurePosixPath(name).suffix.lower() == ".csv"
    if size > (_MAX_CSV_BYTES if is_csv else _MAX_FILE_BYTES):
        raise DatasetError(
            f"{source.name}: {name} has {size / 1e6:,.0f} MB; no labelled face is that large."
        )
