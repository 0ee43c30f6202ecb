"""What a person decided about a finished analysis: names, merged and excluded people, markers.

The table on disk is never changed: edits are applied when it is shown or exported, so each of them
can be taken back.
"""

import csv
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.errors import InputError
from emotion_core.results.face_table import FaceTable
from emotion_core.results.paths import CLIP, EDITED_CLIPS

MARKER_COLUMNS: Final = ("start_s", "end_s", "label")
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Marker:
    """A labelled point (`end_s` equals `start_s`) or interval on the source's clock.

    Raises:
        InputError: the times are invalid, or run backward.
    """

    start_s: float
    end_s: float
    label: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s >= 0):
            raise InputError("A marker's times must be seconds, 0 or later.")
        if self.end_s < self.start_s:
            raise InputError("A marker must not end before it begins.")


class Hide(StrEnum):
    """Whose faces are unrecognisable in redrawn clips, pictures and reports."""

    NOBODY = "nobody"
    EVERYBODY = "everybody"
    EXCLUDED = "excluded"
    UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge changed besides the identity itself, so that it can be taken back.

    Attributes:
        into: the identity that it was merged into.
        members: identities that had been merged into it before, and came along.
        named: `into` had no name and took over this one's.
        excluded: it had been left out.
    """

    into: int
    members: tuple[int, ...] = ()
    named: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Edits:
    """What a person decided about the result of a video.

    Attributes:
        names: identity → name given by the user.
        merged: identity → the identity that it truly is (never a chain).
        excluded: identities left out everywhere.
        markers: sorted by time.
        hide: whose faces are hidden; excluded people are hidden together with unnamed ones.
        apart: tracklet → the identity that it has of its own: it was recognised as somebody else by
            mistake.
        different: pairs of identities, the smaller first, that are not one person.
        undo: merged identity → what its merge changed; a merge of an earlier version has none.
        lost: entries of the file that could not be read.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    excluded: frozenset[int] = frozenset()
    markers: tuple[Marker, ...] = ()
    hide: Hide = Hide.NOBODY
    apart: Mapping[int, int] = field(default_factory=dict)
    different: frozenset[tuple[int, int]] = frozenset()
    undo: Mapping[int, Merge] = field(default_factory=dict)
    lost: int = field(default=0, compare=False)

    @property
    def people_changed(self) -> bool:
        """Whether anything but markers was decided: people look otherwise in a clip then."""
        return bool(self.names or self.merged or self.excluded or self.hides or self.apart)

    @property
    def hides(self) -> bool:
        """Whether anybody's face is hidden."""
        return self.hide is not Hide.NOBODY

    def hides_face_of(self, track_id: int) -> bool:
        """Whether the face of an identity is hidden, also of one that was merged into another."""
        person = self.merged.get(track_id, track_id)
        match self.hide:
            case Hide.NOBODY:
                return False
            case Hide.EVERYBODY:
                return True
            case Hide.EXCLUDED:
                return person in self.excluded
            case Hide.UNNAMED:
                return person in self.excluded or person not in self.names

    def name_of(self, track_id: int) -> str:
        """The given name, else "Person 1"; "Anna (#2)" where another person has the same name."""
        name = self.names.get(track_id)
        if not name:
            return f"Person {track_id}"
        others = {n for i, n in self.names.items() if i != track_id and i not in self.merged}
        # Charts and choices tell people apart by these words.
        default = name.startswith("Person ") and name != f"Person {track_id}"
        return f"{name} (#{track_id})" if name in others or default else name

    def rename(self, track_id: int, name: str) -> "Edits":
        """Give a name; an empty one takes it away. Control characters become spaces.

        An identity that was merged into another, by somebody else at this moment, is that one.
        """
        track_id, clean = self.merged.get(track_id, track_id), one_line(name)
        names = {k: v for k, v in self.names.items() if k != track_id}
        return replace(self, names={**names, track_id: clean} if clean else names)

    def merge(self, track_id: int, into: int) -> "Edits":
        """Say that `track_id` is the same person as `into`, who takes the name over if without one.

        Raises:
            InputError: both are the same already.
        """
        target = self.merged.get(into, into)
        if target == track_id:
            raise InputError("These two are the same person already.")
        moved = {k: target if v == track_id else v for k, v in self.merged.items()}
        # An excluded identity that is merged into this person is included or excluded as this
        # person is.
        excluded = self.excluded - {track_id}
        names = dict(self.names)
        named = track_id in names and target not in names
        if named:
            names[target] = names[track_id]
        members = tuple(k for k, v in self.merged.items() if v == track_id)
        change = Merge(target, members, named, track_id in self.excluded)
        return replace(
            self,
            names=names,
            merged={**moved, track_id: target},
            excluded=excluded,
            undo={**self.undo, track_id: change},
        )

    def split(self, track_id: int) -> "Edits":
        """Take a merge back, with what it changed: whoever came along goes along."""
        target = self.merged.get(track_id)
        if target is None:
            return self
        change = self.undo.get(track_id) or Merge(target, named=True)
        names, name, taken = dict(self.names), self.names.get(track_id), change
        # The name may have been handed on.
        while taken.named and name is not None and names.get(taken.into) == name:
            del names[taken.into]
            taken = self.undo.get(taken.into, Merge(taken.into))
        back = {k: track_id for k in change.members if self.merged.get(k) == target}
        merged = {k: v for k, v in {**self.merged, **back}.items() if k != track_id}
        undo = {k: v for k, v in self.undo.items() if k != track_id}
        out = self.excluded | {track_id} if change.excluded else self.excluded
        return replace(self, names=names, merged=merged, undo=undo, excluded=out)

    def take_apart(self, tracklet: int, identity: int) -> "Edits":
        """Say that a tracklet was recognised by mistake: it is a person of its own.

        Args:
            tracklet: its number.
            identity: a number that no person has.
        """
        return replace(self, apart={**self.apart, tracklet: identity})

    def rejoin(self, tracklet: int) -> "Edits":
        """Take `take_apart` back; what was said of the person of its own is forgotten."""
        identity = self.apart.get(tracklet)
        return replace(
            self,
            apart={k: v for k, v in self.apart.items() if k != tracklet},
            names={k: v for k, v in self.names.items() if k != identity},
            merged={k: v for k, v in self.merged.items() if identity not in (k, v)},
            excluded=self.excluded - {identity},
            undo={k: v for k, v in self.undo.items() if identity not in (k, v.into)},
        )

    def tell_apart(self, one: int, other: int, different: bool = True) -> "Edits":
        """Answer a suggestion: these two are not one person; False takes the answer back."""
        pair = {(min(one, other), max(one, other))}
        return replace(
            self, different=self.different | pair if different else self.different - pair
        )

    def exclude(self, track_id: int, excluded: bool = True) -> "Edits":
        """Leave a person out, or take them in again.

        An identity that was merged into another, by somebody else at this moment, is that one.
        """
        change = {self.merged.get(track_id, track_id)}
        return replace(
            self, excluded=self.excluded | change if excluded else self.excluded - change
        )

    def add_marker(self, marker: Marker) -> "Edits":
        """Add a marker; its label is cut to one line."""
        label = one_line(marker.label)
        markers = sorted(
            (*self.markers, replace(marker, label=label)), key=lambda m: (m.start_s, m.end_s)
        )
        return replace(self, markers=tuple(markers))

    def remove_marker(self, index: int) -> "Edits":
        """Remove the marker at a position of `markers`."""
        return replace(self, markers=self.markers[:index] + self.markers[index + 1 :])

    def change_markers(self, shown: Sequence[Marker], wanted: Sequence[Marker]) -> "Edits":
        """Apply a visitor's changes to a list of markers; markers that it did not show stay.

        Args:
            shown: the list before.
            wanted: the list after.
        """
        gone, new = Counter(shown) - Counter(wanted), Counter(wanted) - Counter(shown)
        kept = list((Counter(self.markers) - gone).elements())
        edits = replace(self, markers=tuple(kept))
        for marker in new.elements():
            edits = edits.add_marker(marker)
        return edits

    def parted(self, table: FaceTable) -> FaceTable:
        """The whole table, with the tracklets taken apart under identities of their own."""
        if not self.apart:
            return table
        ids = table.track_id.copy()
        for tracklet, identity in self.apart.items():
            ids[table.tracklet == tracklet] = identity
        return replace(table, track_id=ids)

    def apply(self, table: FaceTable) -> FaceTable:
        """The table without excluded people and with merged ones under one identity.

        Where two merged identities are in the same frame, the row detected with more certainty
        stays: one person has one face. Boxes held after a person was last seen are dropped.
        """
        table = self.parted(table)
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


def one_line(text: str) -> str:
    """One line that can be shown and written: control characters and lone surrogates are spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]


def edited_clip(folder: Path, edits: Edits) -> Path:
    """Path of the clip drawn with these edits, whether or not it exists; markers are not drawn."""
    kept: list[Any] = [sorted(edits.names.items()), sorted(edits.merged.items())]
    kept += [sorted(edits.excluded), *([edits.hide] if edits.hides else [])]
    kept += [sorted(edits.apart.items())] if edits.apart else []
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()
    return folder / EDITED_CLIPS.replace("*", digest[:12])


def shown_clip(folder: Path, edits: Edits) -> Path:
    """The clip that shows what the edits say, else the first one.

    Where faces are hidden, the first one is never shown: the path may then lead to no file.
    """
    edited = edited_clip(folder, edits)
    if edits.hides or (edits.people_changed and edited.is_file()):
        return edited
    return folder / CLIP


def markers_csv(edits: Edits) -> str:
    """The text of markers.csv: `start_s, end_s, label`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MARKER_COLUMNS)
    writer.writerows((f"{m.start_s:.3f}", f"{m.end_s:.3f}", m.label) for m in edits.markers)
    return text.getvalue()
