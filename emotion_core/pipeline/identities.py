"""Who is who in a stream: a person who was out of sight, or behind a cut, keeps their identity.

A new tracklet is compared with the people who are not in view. Where the evidence is good it
continues one of them; where it is not, somebody new has come. What people look like is remembered
in memory only and deleted with the stream.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray, IntArray
from emotion_core.pipeline.tracklets import Evidence, Place, Tracklet, evidence
from emotion_core.vision.boxes import to_cxcys
from emotion_core.vision.reidentification import describe

# A smaller face shows too little to be recognised, in pixels of its side.
LEAST_SIDE_PX: Final = 32.0
# In one frame, at most so many faces are described.
LOOKS_PER_FRAME: Final = 2
# A new tracklet may be recognised until it was described this often.
LOOKS_TO_DECIDE: Final = 6
# It is compared with at most so many people, those seen last, …
RIVALS: Final = 24
# … each by so many of their tracklets, the newest.
KNOWN_BY: Final = 6
# A stream remembers so many tracklets: the newest, and of the older ones those seen most.
REMEMBERED: Final = 240
# What must come together for a person to be recognised, how much more than for anybody else, and
# how alike the faces themselves have to be.
SURE: Final = 2.5
MARGIN: Final = 1.5
LEAST_FACE: Final = 0.0
NOT_DECIDED: Final = 0


class Identities:
    """Gives every tracklet of a stream the identity of a person. Not thread-safe.

    Attributes:
        recognise: whether people who return are recognised; off, every tracklet is somebody new.
    """

    def __init__(self, recognise: bool = True) -> None:
        self.recognise = recognise
        self._tracklets: dict[int, Tracklet] = {}
        self._next = 1

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """What is remembered, in the order of appearance."""
        return tuple(self._tracklets.values())

    def reset(self) -> None:
        """Forget everybody and count from 1 again."""
        self._tracklets, self._next = {}, 1

    def forget(self) -> None:
        """Forget everybody; new people get numbers not used before."""
        self._tracklets = {}

    def update(
        self,
        numbers: IntArray,
        boxes_xyxy: FloatArray,
        seen: Sequence[int],
        time_s: float,
        shot: int,
    ) -> None:
        """Take in where the tracklets of a frame are.

        Args:
            numbers: (N,) of the tracklets.
            boxes_xyxy: (N, 4) pixels.
            seen: rows of the faces that are in this frame, not held over a gap.
            time_s: of the frame.
            shot: number of the shot.
        """
        places: list[Place] = [(x, y, side) for x, y, side in to_cxcys(boxes_xyxy).tolist()]
        for row in seen:
            number, place = int(numbers[row]), places[row]
            known = self._tracklets.get(number)
            if known is None:
                new = Tracklet(number, NOT_DECIDED, shot, time_s, time_s, place, place)
                self._tracklets[number] = new
                self._prune(set(numbers.tolist()))
            else:
                known.last_s, known.last_place = time_s, place

    def people_of(self, numbers: IntArray) -> IntArray:
        """(N,) int64 identities of tracklets; who was not recognised by now is somebody new.

        A tracklet that was never seen has 0.
        """
        people = np.zeros(len(numbers), np.int64)
        for row, number in enumerate(numbers.tolist()):
            known = self._tracklets.get(number)
            if known is None:
                continue
            if known.person == NOT_DECIDED:
                known.person, self._next = self._next, self._next + 1
            people[row] = known.person
        return people

    def due(self, numbers: IntArray, boxes_xyxy: FloatArray, seen: Sequence[int]) -> list[int]:
        """Rows of the faces to describe in this frame, longest waiting first."""
        waiting = []
        for row in seen:
            known = self._tracklets[int(numbers[row])]
            large = float(boxes_xyxy[row, 2] - boxes_xyxy[row, 0]) >= LEAST_SIDE_PX
            # The first looks decide who it is, and come soon.
            every_s = known.every_s / 2 if known.looks < LOOKS_TO_DECIDE else known.every_s
            if large and known.last_s - known.looked_s >= every_s - 1e-3:
                waiting.append((known.looked_s, row))
        return [row for _, row in sorted(waiting)[:LOOKS_PER_FRAME]]

    def look(
        self, number: int, image_bgr: ImageArray, box_xyxy: FloatArray, angle: float = 0.0
    ) -> bool:
        """Describe a face of this frame, and recognise the person where that is possible.

        Args:
            number: of the tracklet.
            image_bgr: (H, W, 3) uint8.
            box_xyxy: (4,) pixels.
            angle: degrees counter-clockwise by which the head leans.

        Returns:
            True where the track has moved over to somebody else; `split` comes next then.
        """
        tracklet = self._tracklets[number]
        look = describe(image_bgr, box_xyxy, angle)
        if tracklet.moved_on(look, tracklet.last_s):
            return True
        self._recognise(tracklet)
        return False

    def split(self, number: int, new_number: int) -> None:
        """Begin a tracklet with the face that a track has moved over to."""
        old = self._tracklets[number]
        place, time_s = old.last_place, old.last_s
        new = Tracklet(new_number, NOT_DECIDED, old.shot, time_s, time_s, place, place)
        self._tracklets[new_number] = new
        if old.strange is not None:
            new.remember(old.strange, time_s)
        old.strange, old.last_s = None, math.nextafter(time_s, 0.0)
        self._recognise(new)

    def _recognise(self, new: Tracklet) -> None:
        """Continue a person who is not in view, where the evidence is good."""
        if not self.recognise or new.looks > LOOKS_TO_DECIDE:
            return
        people = by_person(
            t for t in self._tracklets.values() if t is not new and t.person != NOT_DECIDED
        )
        if new.person in people:
            return
        absent = [
            (max(t.last_s for t in group), person, described)
            for person, group in people.items()
            if all(t.last_s < new.first_s for t in group)
            and (described := [t for t in group if t.gradients])
        ]
        newest = sorted(absent, key=lambda entry: -entry[0])[:RIVALS]
        rivals = [(evidence([new], group[-KNOWN_BY:]), person) for _, person, group in newest]
        if (person := clear_winner(rivals)) is not None:
            new.person = person

    def likeness(self, number: int, person: int) -> float:
        """The evidence that a tracklet shows a person; 0 where nothing is known of either."""
        tracklet = self._tracklets[number]
        known = [
            t
            for t in self._tracklets.values()
            if t.person == person and t.gradients and t is not tracklet
        ]
        if not tracklet.gradients or not known:
            return 0.0
        return evidence([tracklet], known[-KNOWN_BY:], same_place=False).total

    def claim(self, number: int, person: int, others: Iterable[int]) -> None:
        """Decide who a tracklet shows; the others of the same frame are other people."""
        for other in others:
            known = self._tracklets.get(other)
            if known is not None and other != number and known.person == person:
                known.person = NOT_DECIDED
        self._tracklets[number].person = person

    def _prune(self, followed: set[int]) -> None:
        if len(self._tracklets) > REMEMBERED:
            forget_least(self._tracklets, followed)


def forget_least(tracklets: dict[int, Tracklet], followed: set[int]) -> bool:
    """Memory stays flat: of the older tracklets that have ended, the one seen least is forgotten.

    Args:
        tracklets: number → tracklet, in order of appearance; one is removed.
        followed: numbers of those that go on.

    Returns:
        False where none could be forgotten.
    """
    older = list(tracklets.values())[: REMEMBERED // 2]
    ended = [t for t in older if t.number not in followed]
    if ended:
        least = min(ended, key=lambda t: (t.looks, t.first_s))
        del tracklets[least.number]
    return bool(ended)


def by_person(tracklets: Iterable[Tracklet]) -> dict[int, list[Tracklet]]:
    """Identity → its tracklets, both in order of appearance."""
    people: dict[int, list[Tracklet]] = defaultdict(list)
    for tracklet in tracklets:
        people[tracklet.person].append(tracklet)
    return people


def clear_winner(rivals: Iterable[tuple[Evidence, int]]) -> int | None:
    """The person whom the evidence names surely, by a margin, and by the face; else None."""
    ranked = sorted(rivals, reverse=True)
    if not ranked:
        return None
    (best, person), *rest = ranked
    runner_up = rest[0][0].total if rest else -math.inf
    sure = best.total >= SURE and best.face >= LEAST_FACE
    return person if sure and best.total - runner_up >= MARGIN else None
