"""What a person decided about a finished analysis: names, merged and excluded people, markers.

The table on disk is never changed: edits are applied when it is shown or exported, so each of them
can be taken back.
"""

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.analysis.folders import CLIP, EDITED_CLIPS
from emotion_core.analysis.timeline import FaceTable
from emotion_core.errors import InputError, OutputError

FILE: Final = "edits.json"
MARKER_COLUMNS: Final = ("start_s", "end_s", "label")
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Marker:
    """A labelled point (`end_s` equals `start_s`) or interval on the source's clock.

    Raises:
        InputError: the times are no times, or run backward.
    """

    start_s: float
    end_s: float
    label: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s >= 0):
            raise InputError("A marker's times must be seconds, 0 or later.")
        if self.end_s < self.start_s:
            raise InputError("A marker must not end before it begins.")


@dataclass(frozen=True, slots=True)
class Edits:
    """Attributes:
    names: identity → name given by the user.
    merged: identity → the identity that it truly is (never a chain).
    excluded: identities left out everywhere.
    markers: sorted by time.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    excluded: frozenset[int] = frozenset()
    markers: tuple[Marker, ...] = ()

    @property
    def people_changed(self) -> bool:
        """Whether anything but markers was decided: people look otherwise in a clip then."""
        return bool(self.names or self.merged or self.excluded)

    def name_of(self, track_id: int) -> str:
        """The given name, else "Person 1"; "Anna (#2)" where somebody else is called the same."""
        name = self.names.get(track_id)
        if not name:
            return f"Person {track_id}"
        others = {n for i, n in self.names.items() if i != track_id and i not in self.merged}
        # Charts and choices tell people apart by these words.
        default = name.startswith("Person ") and name != f"Person {track_id}"
        return f"{name} (#{track_id})" if name in others or default else name

    def rename(self, track_id: int, name: str) -> "Edits":
        """Give a name; an empty one takes it away. Control characters become spaces."""
        clean = " ".join("".join(c if c.isprintable() else " " for c in name).split())[:_LONGEST]
        names = {k: v for k, v in self.names.items() if k != track_id}
        return replace(self, names={**names, track_id: clean} if clean else names)

    def merge(self, track_id: int, into: int) -> "Edits":
        """Say that `track_id` is the same person as `into`.

        Raises:
            InputError: both are the same already.
        """
        target = self.merged.get(into, into)
        if target == track_id:
            raise InputError("These two are the same person already.")
        moved = {k: target if v == track_id else v for k, v in self.merged.items()}
        # Whoever was left out and turns out to be this person is as this person is.
        excluded = self.excluded - {track_id}
        return replace(self, merged={**moved, track_id: target}, excluded=excluded)

    def split(self, track_id: int) -> "Edits":
        """Take a merge back."""
        return replace(self, merged={k: v for k, v in self.merged.items() if k != track_id})

    def exclude(self, track_id: int, excluded: bool = True) -> "Edits":
        """Leave a person out, or take them in again."""
        change = {track_id}
        return replace(
            self, excluded=self.excluded | change if excluded else self.excluded - change
        )

    def add_marker(self, marker: Marker) -> "Edits":
        """Add a marker; its label is cut to one line."""
        label = " ".join(marker.label.split())[:_LONGEST]
        markers = sorted(
            (*self.markers, replace(marker, label=label)), key=lambda m: (m.start_s, m.end_s)
        )
        return replace(self, markers=tuple(markers))

    def remove_marker(self, index: int) -> "Edits":
        """Remove the marker at a position of `markers`."""
        return replace(self, markers=self.markers[:index] + self.markers[index + 1 :])

    def apply(self, table: FaceTable) -> FaceTable:
        """The table without excluded people and with merged ones under one identity.

        Where two merged identities stand in the same frame, the row seen with more certainty stays:
        one person has one face. Boxes held after somebody was last seen are dropped.
        """
        ids = np.array([self.merged.get(int(i), int(i)) for i in table.track_id], np.int64)
        table = replace(table, track_id=ids)
        keep = ~np.isin(ids, list(self.excluded)) if self.excluded else np.ones(len(ids), bool)
        if self.merged:
            keep &= _first_of_each(table)
        return table.rows(keep).without_tails()


def _first_of_each(table: FaceTable) -> np.ndarray:
    """Mask of one row for each frame and identity: the one seen, with the highest score."""
    order = np.lexsort((-table.detection_score, table.predicted, table.track_id, table.frame))
    frames, ids = table.frame[order], table.track_id[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(frames) != 0) | (np.diff(ids) != 0)
    mask = np.zeros(len(order), bool)
    mask[order[new]] = True
    return mask


def load_edits(folder: Path) -> Edits:
    """The edits of a results folder; none where there is no file, or an unreadable one."""
    try:
        data: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
        return Edits(
            {int(k): str(v) for k, v in data["names"].items()},
            {int(k): int(v) for k, v in data["merged"].items()},
            frozenset(int(k) for k in data["excluded"]),
            tuple(Marker(**m) for m in data["markers"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Edits()


def save_edits(folder: Path, edits: Edits) -> None:
    """Keep the edits beside the results, all or nothing.

    Raises:
        OutputError: the folder is gone or the disk is full.
    """
    data = {
        "names": {str(k): v for k, v in edits.names.items()},
        "merged": {str(k): v for k, v in edits.merged.items()},
        "excluded": sorted(edits.excluded),
        "markers": [asdict(marker) for marker in edits.markers],
    }
    part = folder / f".{FILE}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps(data, indent=1, ensure_ascii=False), "utf-8")
        part.replace(folder / FILE)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"Your changes could not be kept: {error.strerror}.") from error


def edited_clip(folder: Path, edits: Edits) -> Path:
    """Where the clip drawn with these edits lies, or would lie; markers are not drawn."""
    kept = [sorted(edits.names.items()), sorted(edits.merged.items()), sorted(edits.excluded)]
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()
    return folder / EDITED_CLIPS.replace("*", digest[:12])


def shown_clip(folder: Path, edits: Edits) -> Path:
    """The clip that shows what the edits say where there is one, else the first one."""
    edited = edited_clip(folder, edits)
    return edited if edits.people_changed and edited.is_file() else folder / CLIP


def markers_csv(edits: Edits) -> str:
    """The text of markers.csv: `start_s, end_s, label`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MARKER_COLUMNS)
    writer.writerows((f"{m.start_s:.3f}", f"{m.end_s:.3f}", m.label) for m in edits.markers)
    return text.getvalue()
