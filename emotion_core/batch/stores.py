"""Places that results are read from and published to: folders of the file system, and stores.

A result is published all or nothing: its summary.json is removed before the first of its other
files is replaced, and comes back after the last. A reader that finds a summary therefore finds the
whole result.
"""

import importlib
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, Protocol, cast

from emotion_core.atomic_io import replace_file
from emotion_core.batch.locations import Location, Url
from emotion_core.errors import OutputError
from emotion_core.extras import missing_extra
from emotion_core.results.export import output_error
from emotion_core.results.paths import (
    CLIP,
    EDITED_CLIPS,
    EDITS,
    MOMENTS,
    PREVIEW,
    SUMMARY,
    read_summary,
    sole_writer,
)

# Where the files of a result wait for their publication; not among the leftovers that analyses
# delete, as another machine may be writing there.
_INCOMING: Final = ".incoming"


class Store(Protocol):
    """One kind of place; every method takes locations of that kind only.

    All raise InputError where something cannot be read, and OutputError where it cannot be written.
    """

    def summary(self, folder: Any) -> dict[str, Any]:
        """The summary.json of a results folder; {} where there is none that can be read."""

    def has(self, file: Any) -> bool:
        """Whether there is such a file."""

    def fetch(self, file: Any, target: Path) -> None:
        """Copy a file to this machine."""

    def write(self, file: Any, data: bytes) -> None:
        """Write a small file whole; its folder is made."""

    def remove(self, file: Any) -> None:
        """Delete a file that may be missing."""

    def publish(self, work: Path, names: list[str], folder: Any) -> None:
        """Replace a result by the files of a folder of this machine, all or nothing.

        Args:
            work: has the files.
            names: relative to it, with slashes; summary.json is among them.
            folder: of the result.
        """


class ListedStore(Store, Protocol):
    """A store that also finds the videos in it."""

    def videos(self, place: Url) -> Iterator[Url]:
        """The videos below a folder, in order; the place itself where it is a file.

        Raises:
            InputError: there is no such place, or no video in it.
        """


def store_of(place: Location) -> Store:
    """The store that a location belongs to; errors as of `url_store`, for URLs only."""
    return FolderStore() if isinstance(place, Path) else url_store(place)


def url_store(place: Url) -> ListedStore:
    """The store that a URL belongs to.

    Raises:
        MissingDependencyError: the packages of the extra `cluster` are missing.
        SettingsError: nothing is known about URLs of this kind.
    """
    # fsspec, and what it loads, are only needed for URLs.
    try:
        module = importlib.import_module("emotion_core.batch.url_store")
    except ModuleNotFoundError as error:
        raise missing_extra(error, "cluster") from error
    return cast("ListedStore", module.UrlStore(place.scheme))


class FolderStore:
    """Folders of this machine's file system, which other machines may share."""

    def summary(self, folder: Path) -> dict[str, Any]:
        """As `Store`."""
        return read_summary(folder)

    def has(self, file: Path) -> bool:
        """As `Store`."""
        return file.is_file()

    def fetch(self, file: Path, target: Path) -> None:
        """As `Store`."""
        try:
            shutil.copyfile(file, target)
        except OSError as error:
            raise output_error(target, error) from error

    def write(self, file: Path, data: bytes) -> None:
        """As `Store`."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, data)
        except OSError as error:
            raise OutputError(f"{file.parent} cannot be written: {error.strerror}.") from error

    def remove(self, file: Path) -> None:
        """As `Store`."""
        file.unlink(missing_ok=True)

    def publish(self, work: Path, names: list[str], folder: Path) -> None:
        """As `Store`. The files are copied next to the old ones first: a full disk, or a machine
        that is switched off meanwhile, leaves the earlier result as it was."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with sole_writer(folder):
                self._publish(work, names, folder)
        except OSError as error:
            raise output_error(folder, error) from error

    def _publish(self, work: Path, names: list[str], folder: Path) -> None:
        incoming = folder / _INCOMING
        shutil.rmtree(incoming, ignore_errors=True)
        try:
            for name in names:
                (incoming / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(work / name, incoming / name)
            (folder / SUMMARY).unlink(missing_ok=True)
            for name in obsolete(self._names(folder), names):
                (folder / name).unlink(missing_ok=True)
            for name in summary_last(names):
                (folder / name).parent.mkdir(exist_ok=True)
                (incoming / name).replace(folder / name)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def _names(self, folder: Path) -> list[str]:
        files = (file for file in folder.rglob("*") if file.is_file())
        names = (file.relative_to(folder).as_posix() for file in files)
        return [name for name in names if not name.startswith(f"{_INCOMING}/")]


def obsolete(there: list[str], names: list[str]) -> list[str]:
    """Of the files of an earlier result those that must not stay next to the new ones.

    What people made (edits, codes) stays.
    """
    made = (CLIP, EDITED_CLIPS, PREVIEW, f"{MOMENTS}/*")
    return [n for n in there if n not in names and any(fnmatch(n, kind) for kind in made)]


def summary_last(names: list[str]) -> list[str]:
    """The order of publication: what makes a result a finished one comes last."""
    return sorted(names, key=lambda name: (name == SUMMARY, name))


def publishable(work: Path, edits_before: bytes | None) -> list[str]:
    """The files of a finished analysis, relative, with slashes.

    Args:
        work: the folder that it was written to.
        edits_before: what edits.json held when the analysis began. Unless the analysis changed it,
            it is left out: it may have been edited in the meantime.
    """
    files = (file for file in work.rglob("*") if file.is_file() and not file.name.startswith("."))
    names = [file.relative_to(work).as_posix() for file in files]
    edits = work / EDITS
    if edits.is_file() and edits.read_bytes() == edits_before:
        names.remove(EDITS)
    return names
