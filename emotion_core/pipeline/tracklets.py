"""Tracklets, and the evidence that two of them show one person.

A tracklet is a face followed without interruption. The evidence is a sum of log-likelihood ratios:
each similarity speaks for or against one person in proportion to its distance from the value at
which both are equally likely, up to a limit. The values were chosen on clips with known people;
`benchmarks/identity.py` measures what they are worth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from emotion_core.datatypes import FloatArray
from emotion_core.vision.reidentification import (
    FaceDescriptor,
    colour_similarity,
    gradient_similarity,
)

# A face is described this often at first, in seconds.
LOOK_EVERY_S: Final = 0.2
# A full memory of a tracklet drops every other look and fills half as fast from then on.
LOOKS_KEPT: Final = 10
# A tracklet is known after so many looks; evidence below this then speaks for somebody else.
LOOKS_KNOWN: Final = 3
STRANGE: Final = -4.0

# Slope, the value where both are equally likely, least and most: of the face, and of the colours of
# hair and clothes. Of the 20,200 pairs of different people in the London set, photographed in one
# studio, 7.7% are more alike than 0.60, 0.4% than 0.70 and none than 0.80; of the same people with
# another expression 5% are less alike than 0.68. In a video, the best of several looks counts.
_FACE: Final = (22.0, 0.6, -6.0, 3.5)
_COLOURS: Final = ((20.0, 0.90, -3.0, 0.8), (24.0, 0.90, -4.0, 1.2))
# Speaks for the same person: the same place, within one side of the face and this size ratio …
_SAME_PLACE: Final = 1.5
_NEAR_SIDES: Final = 1.0
_NEAR_RATIO: Final = 1.4
# … less and less with the time in between, and nothing behind a cut.
_PLACE_FADES_S: Final = 30.0

Place = tuple[float, float, float]  # centre x, centre y, side, in pixels


@dataclass(slots=True, eq=False)
class Tracklet:
    """What is remembered of one uninterrupted track.

    Attributes:
        number: of the tracker, unique in a stream.
        person: the identity it was given.
        shot: number of the shot it is in; a tracklet never crosses a cut.
        first_s, last_s: seconds when it was first and last seen.
        first_place, last_place: where that was.
        gradients, colours: of the looks kept, as in `FaceDescriptor`.
        looks: how often the face was described.
        looked_s: when it was described last.
        every_s: seconds between two looks.
        strange: the newest look, where it is of somebody else by all appearances.
    """

    number: int
    person: int
    shot: int
    first_s: float
    last_s: float
    first_place: Place
    last_place: Place
    gradients: list[FloatArray] = field(default_factory=list)
    colours: list[FloatArray] = field(default_factory=list)
    looks: int = 0
    looked_s: float = -math.inf
    every_s: float = LOOK_EVERY_S
    strange: FaceDescriptor | None = None

    def remember(self, look: FaceDescriptor, time_s: float) -> None:
        """Keep a look; the memory stays small and covers the whole time."""
        if len(self.gradients) >= LOOKS_KEPT:
            self.gradients, self.colours = self.gradients[::2], self.colours[::2]
            self.every_s *= 2
        self.gradients.append(look.gradients)
        self.colours.append(look.colours)
        self.looked_s, self.looks, self.strange = time_s, self.looks + 1, None

    def moved_on(self, look: FaceDescriptor, time_s: float) -> bool:
        """Take in a look; True where the track has moved over to somebody else.

        That takes two looks in a row which are unlike all before and like each other: a turned head
        or a passing hand is unlike too, but seldom twice in the same way.
        """
        if self.looks < LOOKS_KNOWN or _likeness(look, self.gradients, self.colours) > STRANGE:
            self.remember(look, time_s)
            return False
        first, self.strange, self.looked_s = self.strange, look, time_s
        return first is not None and _likeness(look, [first.gradients], [first.colours]) > 0

    def overlaps(self, other: "Tracklet") -> bool:
        """Whether both were seen at one time: then they are two people."""
        return self.first_s <= other.last_s and other.first_s <= self.last_s


class Evidence(NamedTuple):
    """That two groups of tracklets show one person, as log-likelihood ratios.

    Attributes:
        total: of all that was compared.
        face: of the faces only.
    """

    total: float
    face: float


def evidence(
    one: Sequence[Tracklet], other: Sequence[Tracklet], same_place: bool = True
) -> Evidence:
    """How much speaks for two groups of tracklets being one person.

    Args:
        one, other: each the tracklets of one person, with at least one look each.
        same_place: whether the places of the two that follow each other count.
    """
    ours, theirs = (np.stack([g for t in group for g in t.gradients]) for group in (one, other))
    face = _ratio(gradient_similarity(ours, theirs), _FACE)
    total = face
    shades, others = (np.stack([c for t in group for c in t.colours]) for group in (one, other))
    for region, scale in enumerate(_COLOURS):
        similarity = colour_similarity(shades[:, region], others[:, region])
        total += 0.0 if math.isnan(similarity) else _ratio(similarity, scale)
    return Evidence(total + (_place_evidence(one, other) if same_place else 0.0), face)


def _likeness(
    look: FaceDescriptor, gradients: Sequence[FloatArray], colours: Sequence[FloatArray]
) -> float:
    """The evidence that a look is of the person of other looks."""
    total = _ratio(gradient_similarity(look.gradients[None], np.stack(gradients)), _FACE)
    table = np.stack(colours)
    for region, scale in enumerate(_COLOURS):
        similarity = colour_similarity(look.colours[None, region], table[:, region])
        total += 0.0 if math.isnan(similarity) else _ratio(similarity, scale)
    return total


def _ratio(similarity: float, scale: tuple[float, float, float, float]) -> float:
    slope, even, least, most = scale
    return min(max(slope * (similarity - even), least), most)


def _place_evidence(one: Sequence[Tracklet], other: Sequence[Tracklet]) -> float:
    """That somebody is where somebody was last seen; 0 where that says nothing."""
    before, after = min(
        ((a, b) if a.last_s < b.first_s else (b, a) for a in one for b in other),
        key=lambda pair: pair[1].first_s - pair[0].last_s,
    )
    if before.shot != after.shot:
        return 0.0
    x0, y0, side0 = before.last_place
    x1, y1, side1 = after.first_place
    away = math.hypot(x1 - x0, y1 - y0) / math.sqrt(side0 * side1)
    if away > _NEAR_SIDES or max(side0, side1) > _NEAR_RATIO * min(side0, side1):
        return 0.0
    return _SAME_PLACE * math.exp((before.last_s - after.first_s) / _PLACE_FADES_S)
