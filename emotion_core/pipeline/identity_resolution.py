"""The identities of a whole video, once it has ended: everything that was seen is compared.

Agglomerative clustering: the two groups of tracklets with the most evidence are joined, again and
again, as long as it is sure. Two faces that were seen at one time are never one person.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from emotion_core.pipeline.identities import LEAST_FACE, MARGIN, SURE, by_person
from emotion_core.pipeline.tracklets import Evidence, Tracklet, evidence

# Evidence from which two identities are suggested to be one person.
LIKELY: Final = 0.0
# People do not answer more questions than this.
SUGGESTIONS: Final = 12
_NOTHING: Final = Evidence(-math.inf, -math.inf)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two identities that may be one person.

    Attributes:
        person, other: the identities, the smaller number first.
        likelihood: 0 to 1, of one person where nothing but the evidence is known.
    """

    person: int
    other: int
    likelihood: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who is who in a whole video.

    Attributes:
        people: tracklet → identity, of all that are remembered.
        suggestions: the likeliest first.
    """

    people: dict[int, int]
    suggestions: tuple[Suggestion, ...]


def resolve(tracklets: Sequence[Tracklet]) -> Resolution:
    """Compare all tracklets of a stream that has ended.

    Args:
        tracklets: with the identities given meanwhile; those are joined, and never taken apart.
    """
    groups = by_person(tracklets)
    table = {(a, b): _evidence(groups[a], groups[b]) for a in groups for b in groups if a < b}
    while (pair := _best_pair(table)) is not None:
        keep, gone = pair
        groups[keep] = sorted(groups[keep] + groups.pop(gone), key=lambda t: t.first_s)
        table = {key: value for key, value in table.items() if gone not in key}
        for other in groups:
            if other != keep:
                key = (min(keep, other), max(keep, other))
                table[key] = _evidence(groups[keep], groups[other])
    people = {t.number: person for person, group in groups.items() for t in group}
    return Resolution(people, _suggestions(table))


def _evidence(one: Sequence[Tracklet], other: Sequence[Tracklet]) -> Evidence:
    """Nothing speaks for one person where both were in view together, or were not described."""
    if any(a.overlaps(b) for a in one for b in other):
        return _NOTHING
    ours, theirs = ([t for t in group if t.gradients] for group in (one, other))
    return evidence(ours, theirs) if ours and theirs else _NOTHING


def _best_pair(table: dict[tuple[int, int], Evidence]) -> tuple[int, int] | None:
    """The two to be joined next: sure, and clearly more than with anybody else."""
    for pair, found in sorted(table.items(), key=lambda entry: -entry[1].total):
        if found.total < SURE:
            return None
        if found.face >= LEAST_FACE and found.total - _runner_up(table, pair) >= MARGIN:
            return pair
    return None


def _runner_up(table: dict[tuple[int, int], Evidence], pair: tuple[int, int]) -> float:
    """The most evidence for joining one of a pair with somebody who is not the other one.

    Somebody who may be joined with both is not a rival: all three may be one person.
    """
    most = -math.inf
    for mine, theirs in (pair, pair[::-1]):
        for key, found in table.items():
            if mine in key and theirs not in key:
                third = key[0] if key[1] == mine else key[1]
                if table[min(third, theirs), max(third, theirs)].total < LIKELY:
                    most = max(most, found.total)
    return most


def _suggestions(table: dict[tuple[int, int], Evidence]) -> tuple[Suggestion, ...]:
    likely = [(found.total, pair) for pair, found in table.items() if found.total >= LIKELY]
    return tuple(
        Suggestion(*pair, round(1 / (1 + math.exp(-total)), 3))
        for total, pair in sorted(likely, reverse=True)[:SUGGESTIONS]
    )
