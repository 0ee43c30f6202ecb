"""The videos that a run is asked to read."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from emotion_core.batch.outcomes import failed
from emotion_core.media.probe import VIDEO_SUFFIXES
from emotion_core.progress import Event
from emotion_core.results.paths import is_result


def find_videos(paths: Iterable[Path]) -> Iterator[Path | Event]:
    """The videos to read, each once, folders in order of their names.

    A path that leads to nothing becomes a failed outcome. Files named on the command line are taken
    whatever they are called; in folders the suffix decides, and results are not read again.
    """
    seen: set[str] = set()
    for path in paths:
        found = [path]
        # Unlike pathlib, it takes a name that no file can have for a missing file.
        if os.path.isdir(path):  # noqa: PTH112
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
        for video in found:
            if (real := os.path.realpath(video)) not in seen:
                seen.add(real)
                yield video
