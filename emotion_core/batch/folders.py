"""Which folder takes the results of each video of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_core.batch.examined import Examined
from emotion_core.batch.locations import Location
from emotion_core.batch.stores import store_of
from emotion_core.results.paths import folder_for, safe_name

FolderOf = Callable[[Examined, set[Any]], Location]
"""The results folder of an examined video, given those that other videos of the run have."""


def folders_in(out: Location) -> FolderOf:
    """Folders below `out`, named like the videos; a short hash is added on a collision."""
    if not isinstance(out, Path):
        store = store_of(out)

    def folder_of(source: Examined, taken: set[Any]) -> Location:
        stem, sha256 = source.path.stem, source.sha256
        if isinstance(out, Path):
            return folder_for(Path(source.path.name), sha256, out, taken)
        plain = out / safe_name(stem)
        owner = (store.summary(plain).get("source") or {}).get("sha256")
        free = plain not in taken and owner in (None, sha256)
        return plain if free else out / f"{safe_name(stem)}-{sha256[:8]}"

    return folder_of
