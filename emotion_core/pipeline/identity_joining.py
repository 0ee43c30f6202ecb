"""Who is who in a stream that was read in pieces by several pipelines.

A tracklet that goes on in the next piece is one tracklet; who it shows goes on with it. Everybody
else is recognised as `Identities` does it: a person of a piece continues somebody from the pieces
before where the evidence is good and both were never in view together. At the end everybody is
compared once more, as at the end of any video.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from emotion_core.pipeline.identities import (
    KNOWN_BY,
    NOT_DECIDED,
    REMEMBERED,
    RIVALS,
    by_person,
    clear_winner,
    forget_least,
)
from emotion_core.pipeline.identity_resolution import Resolution, resolve
from emotion_core.pipeline.tracklets import LOOKS_KEPT, Tracklet, evidence


class JoinedIdentities:
    """Numbers of tracklets and people over all pieces of a stream.

    Args:
        recognise: whether people who return are recognised.
        only_person: the identity of everybody where there is one participant; 0: there are several.
    """

    def __init__(self, recognise: bool = True, only_person: int = 0) -> None:
        self._recognise, self._only_person = recognise and not only_person, only_person
        self._known: dict[int, Tracklet] = {}
        # Everybody so far; what is remembered of some may be forgotten.
        self._person_of: dict[int, int] = {}
        self._next_number = self._next_person = 1

    def add(
        self,
        seen: Mapping[int, Sequence[int]],
        remembered: Sequence[Tracklet],
        same: Mapping[int, int],
        shot_offset: int,
    ) -> dict[int, int]:
        """Take in the next piece.

        Args:
            seen: tracklet → the identities that it had one after the other, all as numbered in this
                piece, of those with rows in the joined table, in order of appearance.
            remembered: what the piece's pipeline remembers, in order of appearance; also of
                tracklets whose rows come from the piece before.
            same: tracklet of this piece → number over all pieces, of those that are in the joined
                table already.
            shot_offset: shots of the stream before the first shot of this piece.

        Returns:
            Tracklet of this piece → number over all pieces, of all in `seen`.
        """
        first = not self._person_of
        numbers = {t: same.get(t) or self._new_number(t if first else 0) for t in seen}
        details = {t.number: t for t in remembered}
        local = {t: details[t].person for t in same if t in details}
        local |= {t: details[t].person if t in details else seen[t][-1] for t in seen}
        looks = {
            t: replace(details[t], number=numbers[t], shot=details[t].shot + shot_offset)
            for t in seen
            if t in details
        }
        for person in _in_order(local, seen, same):
            group = [t for t, shown in local.items() if shown == person]
            if not group:
                # Somebody new until recognised: the number is used up, as in one go.
                self._next_person += not first
                continue
            new = [t for t in group if t in numbers and numbers[t] not in self._person_of]
            whose = self._whose(
                list(dict.fromkeys(self._person_of[same[t]] for t in group if t in same)),
                [looks[t] for t in new if t in looks],
                person if first else 0,
            )
            self._person_of |= {numbers[t]: whose for t in new}
        if first:
            shown = (person for people in seen.values() for person in people)
            self._next_person = max(self._next_person, *(p + 1 for p in shown), 1)
        for tracklet in looks.values():
            self._remember(tracklet)
        followed = {numbers[t] for t in seen}
        while len(self._known) > REMEMBERED and forget_least(self._known, followed):
            pass
        return numbers

    def resolve(self) -> tuple[dict[int, int], Resolution]:
        """Compare everybody once more, with all that was seen.

        Returns:
            Number of the tracklet → identity, of all tracklets, and what is suggested.
        """
        if not self._recognise:
            return dict(self._person_of), Resolution({}, ())
        found = resolve(tuple(self._known.values()))
        return self._person_of | found.people, found

    def _new_number(self, wanted: int) -> int:
        """The numbers of the first piece are kept: they are those of a stream read in one go."""
        number = wanted or self._next_number
        self._next_number = max(self._next_number, number + 1)
        return number

    def _whose(self, linked: Sequence[int], looks: Sequence[Tracklet], wanted: int) -> int:
        """The identity of a person of a piece, who may be linked with people of earlier ones."""
        if self._only_person:
            return self._only_person
        if linked:
            return linked[0]
        if not wanted and self._recognise and (person := self._recognised(looks)) is not None:
            return person
        person = wanted if wanted > NOT_DECIDED else self._next_person
        self._next_person = max(self._next_person, person + 1)
        return person

    def _recognised(self, looks: Sequence[Tracklet]) -> int | None:
        described = [t for t in looks if t.gradients]
        if not described:
            return None
        absent = [
            (max(t.last_s for t in group), person, known)
            for person, group in by_person(self._known.values()).items()
            if not any(a.overlaps(b) for a in group for b in looks)
            and (known := [t for t in group if t.gradients])
        ]
        newest = sorted(absent, key=lambda entry: -entry[0])[:RIVALS]
        return clear_winner(
            (evidence(described, known[-KNOWN_BY:]), person) for _, person, known in newest
        )

    def _remember(self, tracklet: Tracklet) -> None:
        tracklet.person = self._person_of[tracklet.number]
        before = self._known.get(tracklet.number)
        if before is None:
            self._known[tracklet.number] = tracklet
            return
        before.last_s, before.last_place = tracklet.last_s, tracklet.last_place
        before.looks += tracklet.looks
        before.gradients = before.gradients + tracklet.gradients
        before.colours = before.colours + tracklet.colours
        while len(before.gradients) > LOOKS_KEPT:
            before.gradients, before.colours = before.gradients[::2], before.colours[::2]


def _in_order(
    local: Mapping[int, int], seen: Mapping[int, Sequence[int]], same: Mapping[int, int]
) -> list[int]:
    """The identities of a piece: of tracks from the piece before, then as they were first shown."""
    known = [local[t] for t in same if t in local]
    shown = [person for t, people in seen.items() if t not in same for person in people]
    return list(dict.fromkeys([*known, *shown, *local.values()]))
