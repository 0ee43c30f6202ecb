"""The folder of a live recording: its head, and the summary that finishes it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.errors import InputError
from emotion_core.live.video_recorder import rescue_film
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.results.identities import described_identities
from emotion_core.results.paths import CLIP, FACES
from emotion_core.results.summary import package_versions, summarise, write_summary

HEAD: Final = "session.json"


def write_head(folder: Path, head: dict[str, Any]) -> None:
    """Keep when a recording began, by which network, and the size of its pictures.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    replace_file(folder / HEAD, json.dumps(head).encode())


def finish_folder(
    folder: Path,
    suggestions: Iterable[tuple[int, int, float]] = (),
    *,
    identities_changed: bool = False,
) -> dict[str, Any]:
    """Write and return the summary of a recording from what its folder holds.

    Args:
        folder: of the recording.
        suggestions: pairs of identities that may be one person, and how likely that is.
        identities_changed: the table has other identities than the film shows.

    The readings are enough: without a readable head, the summary does not know the network and the
    size of the pictures.

    Raises:
        EmotionCoreError: it holds no readable recording, or the disk is full.
    """
    head = _read_head(folder)
    table = read_faces(folder / FACES)
    summary = {
        "status": "finished",
        "source": {
            "name": "live recording",
            "kind": "live",
            # Of the first frame; boxes are in its pixels.
            "width": head.get("width"),
            "height": head.get("height"),
        },
        "started_utc": head.get("started_utc"),
        "clock": "seconds of a steady clock, 0 at started_utc",
        "model": _model(head.get("model", "")),
        "versions": package_versions(),
        "identities": described_identities(table, suggestions),
        **summarise(table, load_edits(folder)),
    }
    if rescue_film(folder / CLIP):
        summary["clip"] = head.get("clip", {"origin_s": 0.0})
        if identities_changed:
            summary["clip"] |= {"identities": "as given while recording"}
    if head.get("video_problem"):
        summary["video_problem"] = str(head["video_problem"])
    write_summary(folder, summary)
    return summary


def _model(kept: object) -> dict[str, Any]:
    """What the summary says of the network; earlier versions kept its name only."""
    return dict(kept) if isinstance(kept, dict) else {"name": str(kept)}


def _read_head(folder: Path) -> dict[str, Any]:
    """The head; where it is damaged, what the files themselves tell."""
    try:
        head = dict(parse_json((folder / HEAD).read_bytes()))
        if isinstance(head.get("started_utc"), str) and isinstance(head.get("clip", {}), dict):
            return head
    except (OSError, ValueError, TypeError):
        pass
    if not (folder / FACES).is_file():
        raise InputError("This recording is no longer here, or is damaged.")
    return {"started_utc": _made_utc(folder / FACES)}


def _made_utc(path: Path) -> str:
    """When a file was last written, at least: no file system tells everywhere when it was made."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return written.isoformat(timespec="milliseconds")
