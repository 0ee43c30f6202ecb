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
            ids_before, tracklets_before: what its numbers are moved by in the recording, which are
                the highest that have been recorded.
        """
        self._end_stream(ids_before, tracklets_before)
        self._resolve = resolve
        self._ids_before, self._tracklets_before = ids_before, tracklets_before

    def _end_stream(self, last_id: int, last_tracklet: int) -> None:
        """Take what a stream knows of its people, up to the last ones that were recorded: those
        whom it saw later, while the recording paused, have the numbers of the next stream."""
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
        self._people |= {
            t + more: person + shift
            for t, person in found.people.items()
            if t + more <= last_tracklet and person + shift <= last_id
        }
        self.suggestions += [
            (s.person + shift, s.other + shift, s.likelihood)
            for s in found.suggestions
            if max(s.person, s.other) + shift <= last_id
        ]

    def write(self, faces: Path, edits: Edits) -> tuple[Edits, bool]:
        """Give faces.csv, which is complete, the identities of the end.

        Two people who were given different names stay two.

        Returns:
            The edits with every name at the identity that its person has now, and whether the table
            changed. Where the table cannot be written, everything stays as recorded.
        """
        try:
            before = _given(read_faces(faces))
            self._end_stream(max(before.values(), default=0), max(before, default=0))
            people = _allowed(self._people, before, edits.names)
            if not set_identities(faces, people):
                return edits, False
        except (EmotionCoreError, ValueError) as error:
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
    """The new identities without those that would make one of people of different names."""
    people = {tracklet: person for tracklet, person in people.items() if tracklet in before}
    # The name of each new identity: its own, or else the first of those that become one with it.
    called = {person: names[person] for person in people.values() if person in names}
    for tracklet in sorted(people):
        if (old := before[tracklet]) in names:
            called.setdefault(people[tracklet], names[old])
    return {
        tracklet: person
        for tracklet, person in people.items()
        if names.get(before[tracklet], called.get(person)) == called.get(person)
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
