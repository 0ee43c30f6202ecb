"""Files behind URLs, through fsspec: object stores (s3, gs, …) and web servers.

Imported only where a URL is used; needs the extra `cluster`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import fsspec

from emotion_core.atomic_io import need_room, parse_json
from emotion_core.batch.locations import Url
from emotion_core.batch.stores import obsolete, summary_last
from emotion_core.errors import EmotionCoreError, InputError, OutputError, SettingsError
from emotion_core.media.probe import VIDEO_SUFFIXES
from emotion_core.results.export import output_error
from emotion_core.results.paths import CLIP, EDITED_CLIPS, SUMMARY
from emotion_core.store_errors import is_missing, store_problem

_T = TypeVar("_T")


class UrlStore:
    """The files behind URLs of one kind, such as s3.

    Args:
        scheme: of the URLs.

    Raises:
        SettingsError: fsspec knows no such kind, or its package is missing.
    """

    def __init__(self, scheme: str) -> None:
        try:
            # Listings are not kept: other machines write at the same time.
            options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
            self._files: Any = fsspec.filesystem(scheme, **options)
        except ImportError as error:
            raise SettingsError(
                f"{scheme}:// needs a package that is missing: {error}. Those for s3:// and "
                "https:// come with pip install 'emotion-lab[cluster]'."
            ) from error
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{scheme}:// is not a kind of URL that can be read.") from error

    def summary(self, folder: Url) -> dict[str, Any]:
        """As `Store`."""
        file = folder / SUMMARY
        try:
            data = parse_json(self._do(file, InputError, lambda: self._files.cat_file(file)))
        except _MissingError:
            return {}
        except ValueError as error:
            if isinstance(error, EmotionCoreError):
                raise
            return {}
        return data if isinstance(data, dict) else {}

    def has(self, file: Url) -> bool:
        """As `Store`."""
        try:
            return bool(self._do(file, InputError, lambda: self._files.info(file)))
        except _MissingError:
            return False

    def fetch(self, file: Url, target: Path) -> None:
        """As `Store`."""
        try:
            size = self._do(file, InputError, lambda: self._files.info(file)).get("size")
            try:
                need_room(target.parent, size or 0)
                self._do(file, InputError, lambda: self._files.get_file(file, str(target)), target)
            except OSError as error:
                raise output_error(target, error) from error
        except _MissingError as error:
            raise InputError(f"{file}: there is no such file.") from error

    def write(self, file: Url, data: bytes) -> None:
        """As `Store`."""
        if file.is_web:
            raise SettingsError(f"{file}: a web server takes no results; name a folder or a store.")
        self._do(file, OutputError, lambda: self._files.pipe_file(file, data))

    def remove(self, file: Url) -> None:
        """As `Store`."""
        if self.has(file):
            self._do(file, OutputError, lambda: self._files.rm_file(file))

    def publish(self, work: Path, names: list[str], folder: Url) -> None:
        """As `Store`. Meanwhile there is no finished result, neither the old one nor the new."""
        base = self._files._strip_protocol(folder)
        there = self._do(folder, OutputError, lambda: self._files.find(folder))
        self.remove(folder / SUMMARY)
        for name in obsolete([path[len(base) + 1 :] for path in there], names):
            self.remove(folder / name)
        for name in summary_last(names):
            self._put(work / name, folder / name)

    def _put(self, file: Path, target: Url) -> None:
        self._do(target, OutputError, lambda: self._files.put_file(str(file), target))

    def videos(self, place: Url) -> Iterator[Url]:
        """As `ListedStore`; one listing for each folder: a large bucket is not held in memory."""
        try:
            is_file = place.is_web or self._do(place, InputError, lambda: self._is_file(place))
        except _MissingError as error:
            raise InputError(f"{place}: there is no such file or folder.") from error
        if is_file:
            yield place
            return
        found = others = 0
        for folder, names in self._folders(place):
            videos = [name for name in names if _is_video(name, names)]
            others += len(names) - len(videos)
            found += len(videos)
            yield from (folder / name for name in videos)
        if not found:
            what = f" ({others:,} other file{'s' if others > 1 else ''})" if others else ""
            raise InputError(f"{place} holds no video{what}.")

    def _is_file(self, place: Url) -> bool:
        return bool(self._files.info(place)["type"] == "file")

    def _folders(self, place: Url) -> Iterator[tuple[Url, list[str]]]:
        """Each folder below, and the names of its files in order."""
        walk = iter(self._files.walk(place, on_error="raise"))
        base = self._files._strip_protocol(place)
        end: tuple[str, list[str], list[str]] = ("", [], [])
        while True:
            folder, folders, files = self._do(place, InputError, lambda: next(walk, end))
            if not folder:
                return
            folders.sort()
            yield Url(place.rstrip("/") + folder[len(base) :]), sorted(filter(None, files))

    def _do(
        self,
        place: Url,
        kind: type[InputError] | type[OutputError],
        action: Callable[[], _T],
        local: Path | None = None,
    ) -> _T:
        """Do something in the store, and say in a sentence what went wrong.

        Raises:
            _MissingError: there is no such file.
            InputError, OutputError: `kind`, for all else.
            OSError: the fault is that of `local`, which is written.
        """
        try:
            return action()
        except Exception as error:
            if kind is InputError and is_missing(error):
                raise _MissingError(str(error)) from error
            if isinstance(error, OSError) and local and shutil.disk_usage(local.parent).free < 1e6:
                raise
            raise kind(store_problem(place, error)) from error


class _MissingError(Exception):
    """There is no such file."""


def _is_video(name: str, names: list[str]) -> bool:
    """By its suffix; clips of results are none."""
    path = Path(name)
    clip = name == CLIP or path.match(EDITED_CLIPS)
    fits = path.suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")
    return fits and not (clip and SUMMARY in names)
