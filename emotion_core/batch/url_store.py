"""Files behind URLs, through fsspec: object stores (s3, gs, …) and web servers.

Imported only where a URL is used; needs the extra `cluster`.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import fsspec

from emotion_core.atomic_io import need_room, parse_json
from emotion_core.batch.locations import Url
from emotion_core.batch.stores import obsolete, summary_last
from emotion_core.errors import EmotionCoreError, InputError, OutputError, SettingsError
from emotion_core.media.probe import VIDEO_SUFFIXES
from emotion_core.results.export import output_error
from emotion_core.results.paths import CLIP, EDITED_CLIPS, SUMMARY

_T = TypeVar("_T")
# Names of exceptions, of packages that need not be installed.
_NO_CREDENTIALS: Final = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "TokenRetrievalError",
    "DefaultCredentialsError",
    "RefreshError",
)
_CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile of the AWS command line",
    "gs": "`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS",
}


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
        """As `Store`; one listing for each folder, so that a large bucket is not held in memory.

        Raises:
            InputError: there is no such place, or no video in it.
        """
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
            # Web servers that do not answer, or refuse, are "not found" to fsspec, too.
            if isinstance(error, FileNotFoundError) and not _unreachable(error) | _denied(error):
                if kind is InputError:
                    raise _MissingError(str(error)) from error
                raise kind(f"{place}: there is no such bucket ({error}).") from error
            if isinstance(error, OSError) and local and shutil.disk_usage(local.parent).free < 1e6:
                raise
            raise kind(_sentence(place, error)) from error


class _MissingError(Exception):
    """There is no such file."""


def _is_video(name: str, names: list[str]) -> bool:
    """By its suffix; clips of results are none."""
    path = Path(name)
    clip = name == CLIP or path.match(EDITED_CLIPS)
    fits = path.suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")
    return fits and not (clip and SUMMARY in names)


def _sentence(place: Url, error: Exception) -> str:
    """What went wrong in a store, and what to do."""
    names = {type(e).__name__ for e in _chain(error)}
    if names & set(_NO_CREDENTIALS):
        ways = _CREDENTIALS.get(place.scheme, "the credentials of this store")
        return f"{place}: no credentials were found. Set {ways}, on each machine that reads videos."
    if _denied(error):
        return f"{place}: access was denied ({error}). Check the credentials and their rights."
    if _unreachable(error):
        return f"{place}: the store did not answer ({error}). Check its address and the network."
    if isinstance(error, json.JSONDecodeError):
        return f"{place}: the store's answer could not be read ({error})."
    return f"{place}: {str(error) or type(error).__name__}"


def _denied(error: Exception) -> bool:
    return any(isinstance(e, PermissionError) for e in _chain(error)) or any(
        getattr(e, "status", None) in (401, 403) for e in _chain(error)
    )


def _unreachable(error: Exception) -> bool:
    """By the kinds of errors, and the names of those whose packages may be missing."""
    return any(
        isinstance(e, TimeoutError | asyncio.TimeoutError | ConnectionError)
        or "Connect" in type(e).__name__
        or "Timeout" in type(e).__name__
        for e in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
