"""Which single face of a frame is read: the largest one, or that of the only participant."""

import math
from typing import Final

from emotion_core.datatypes import IntArray
from emotion_core.pipeline.identities import Identities
from emotion_core.vision.boxes import area
from emotion_core.vision.tracker import Tracks

# Somebody else must be this much larger (in area) to become the largest face: no flicker.
LARGEST_MARGIN: Final = 1.25
# The identity of the only participant.
ONLY_PERSON: Final = 1
# What speaks for the face that was the participant's just before: as much as e² times the area.
_STAYS: Final = 2.0


class FaceSelection:
    """Remembers whose face was read last, so that the choice does not flicker."""

    def __init__(self) -> None:
        self._chosen = 0

    def reset(self) -> None:
        """Forget the choice."""
        self._chosen = 0

    def largest(self, tracks: Tracks, rows: list[int]) -> int:
        """The row of the largest face.

        Args:
            tracks: of the frame.
            rows: to choose from, at least one.
        """
        areas = area(tracks.boxes)
        areas[tracks.track_ids == self._chosen] *= LARGEST_MARGIN
        row = max(rows, key=lambda row: float(areas[row]))
        self._chosen = int(tracks.track_ids[row])
        return row

    def participant(
        self, tracks: Tracks, people: IntArray, rows: list[int], identities: Identities
    ) -> int:
        """The row of the one participant; its entry in `people` becomes `ONLY_PERSON`.

        Of several faces it is the one that is large, looks like the participant so far, and was
        the participant's just before.

        Args:
            tracks: of the frame.
            people: (N,) identities of the tracks; changed in place.
            rows: to choose from, at least one.
            identities: of the stream.
        """
        areas = area(tracks.boxes)

        def likely(row: int) -> float:
            number = int(tracks.track_ids[row])
            alike = identities.likeness(number, ONLY_PERSON) if len(rows) > 1 else 0.0
            stays = _STAYS if number == self._chosen else 0.0
            return math.log(max(float(areas[row]), 1.0)) + alike + stays

        row = max(rows, key=likely)
        self._chosen = int(tracks.track_ids[row])
        identities.claim(self._chosen, ONLY_PERSON, tracks.track_ids.tolist())
        people[row] = ONLY_PERSON
        return row
