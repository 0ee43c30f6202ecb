"""Which folder takes the results of each video of a run."""

from collections.abc import Callable
from pathlib import Path

from emotion_core.results.paths import folder_for
from emotion_core.video.analyze import Source

FolderOf = Callable[[Source, set[Path]], Path]
"""The results folder of an examined video, given those that other videos of the run have."""


def folders_in(out: Path) -> FolderOf:
    """Folders below `out`, named like the videos; a short hash is added on a collision."""

    def folder_of(source: Source, taken: set[Path]) -> Path:
        return folder_for(source.path, source.sha256, out, taken)

    return folder_of
