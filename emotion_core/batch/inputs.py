"""The videos that a run is asked to read."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import overload

from emotion_core.batch.locations import Location, Url
from emotion_core.batch.outcomes import failed, failure
from emotion_core.batch.stores import url_store
from emotion_core.errors import InputError
from emotion_core.media.probe import VIDEO_SUFFIXES
from emotion_core.progress import Event
from emotion_core.results.paths import is_result


@overload
def find_videos(places: Iterable[Path]) -> Iterator[Path | Event]: ...


@overload
def find_videos(places: Iterable[Location]) -> Iterator[Location | Event]: ...


def find_videos(places: Iterable[Location]) -> Iterator[Location | Event]:
    """The videos to read, each once, folders in order of their names.

    A place that leads to nothing becomes a failed outcome. Files named on the command line are
    taken whatever they are called; in folders the suffix decides, and results are not read again.

    Raises:
        SettingsError: nothing is known about URLs of this kind.
    """
    seen: set[str] = set()
    for place in places:
        for video in _in_folder(place) if isinstance(place, Path) else _in_store(place):
            if isinstance(video, dict):
                yield video
            elif (real := _identity(video)) not in seen:
                seen.add(real)
                yield video


def _identity(video: Location) -> str:
    return os.path.realpath(video) if isinstance(video, Path) else video


def _in_folder(path: Path) -> Iterator[Location | Event]:
    # Unlike pathlib, it takes a name that no file can have for a missing file.
    if not os.path.isdir(path):  # noqa: PTH112
        yield path
        return
    found = sorted(
        p
        for p in path.rglob("*")
        if p.suffix.lower() in VIDEO_SUFFIXES
        and p.is_file()
        and not p.name.startswith(".")
        and not is_result(p)
    )
    if not found:
        yield failed(path, f"{path.resolve()} holds no video.")
    yield from found


def _in_store(url: Url) -> Iterator[Location | Event]:
    store = url_store(url)
    try:
        yield from store.videos(url)
    except InputError as error:
        yield failure(url, error)
