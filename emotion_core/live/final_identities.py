"""Who is who in a live recording, once it has ended: compared again with all that was seen."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from emotion_core.errors import EmotionCoreError
from emotion_core.pipeline.identity_resolution import Resolution
from emotion_core.results.annotations import Edits
from emotion_core.results.export import read_faces
from emotion_core.results.face_table import FaceTable
from emotion_core.results.identities import set_identities

logger = logging.getLogger(__name__)

Resolve = Callable[[], Resolution]
"""What a stream knows of its people at its end."""


class FinalIdentities:
    """What the streams of a recording knew of their people at their ends, in its own numbers.

    Not safe across threads: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._people: dict[int, int] = {}
        self._resolve: Resolve | None = None
        self._ids_before = self._tracklets_before = 0
        self.suggestions: list[tuple[int, int, float]] = []

    def begin_stream(self, resolve: Resolve | None, ids_before: int, tracklets_before: int) -> None:
        """A stream starts, after the one before has ended.

        Args:
            resolve: asked at the end of the stream.
            ids_before, tracklets_before: what its numbers are moved by in the recording.
        """
        self._end_stream()
        self._resolve = resolve
        self._ids_before, self._tracklets_before = ids_before, tracklets_before

    def _end_stream(self) -> None:
        resolve, self._resolve = self._resolve, None
        try:
            found = resolve() if resolve else None
        except Exception:
            # The identities given while recording are good, only not the best.
            logger.exception("People could not be compared at the end of a stream")
            return
        if found is None:
            return
        shift, more = self._ids_before, self._tracklets_before
        self._people |= {t + more: person + shift for t, person in found.people.items()}
        self.suggestions += [
            (s.person + shift, s.other + shift, s.likelihood) for s in found.suggestions
        ]

    def write(self, faces: Path, edits: Edits) -> tuple[Edits, bool]:
        """Give faces.csv, which is complete, the identities of the end.

        Two people who were given different names stay two.

        Returns:
            The edits with every name at the identity that its person has now, and whether the table
            changed. Where the table cannot be written, everything stays as recorded.
        """
        self._end_stream()
        try:
            before = _given(read_faces(faces))
            people = _allowed(self._people, before, edits.names)
            if not set_identities(faces, people):
                return edits, False
        except EmotionCoreError as error:
            logger.warning("The identities stay as recorded: %s", error)
            return edits, False
        return _renamed(edits, before, people), True


def _given(table: FaceTable) -> dict[int, int]:
    """Tracklet → identity while it was recorded."""
    _, rows = np.unique(table.tracklet, return_index=True)
    return dict(zip(table.tracklet[rows].tolist(), table.track_id[rows].tolist(), strict=True))


def _allowed(
    people: Mapping[int, int], before: Mapping[int, int], names: Mapping[int, str]
) -> dict[int, int]:
    """The new identities without those that would take a named person for one of another name."""

    def same(one: int, other: int) -> bool:
        return names.get(one, names.get(other)) == names.get(other, names.get(one))

    return {
        tracklet: person
        for tracklet, person in people.items()
        if tracklet in before and same(before[tracklet], person)
    }


def _renamed(edits: Edits, before: Mapping[int, int], people: Mapping[int, int]) -> Edits:
    """The edits with the names of identities that became others."""
    for tracklet, old in before.items():
        new = people.get(tracklet, old)
        if old in edits.names and new not in edits.names:
            edits = edits.rename(new, edits.names[old])
    there = {people.get(tracklet, old) for tracklet, old in before.items()}
    for old in set(before.values()) - there:
        edits = edits.rename(old, "")
    return edits
