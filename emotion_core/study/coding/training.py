"""Training clips: clips whose answers are known, and how a coder's codes compare with them."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from emotion_core.errors import InputError
from emotion_core.study.coding.plans import digest
from emotion_core.study.coding.records import Unit
from emotion_core.study.coding.replay import Code
from emotion_core.study.coding.scheme import CodeKind
from emotion_core.study.coding.store import CodingStore

# Two moments this close are taken for one.
TOLERANCE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Feedback:
    """How the codes of a training clip compare with the known answers.

    Attributes:
        same: share of the clip's time in which both have the same codes, 0 to 1.
        moments: moments of the answers; `moments_found` of them were coded within
            `TOLERANCE_S`, and `moments_added` were coded that are not in the answers.
    """

    same: float
    moments: int
    moments_found: int
    moments_added: int


def training_units(store: CodingStore, coder: str, number: int, seed: int) -> tuple[Unit, ...]:
    """Clips that a coder has done, with this coder's codes as the known answers.

    Args:
        store: of the study.
        coder: whose codes are the answers.
        number: of clips, at most; chosen at random.
        seed: of the choice.

    Raises:
        InputError: the coder has not done a clip yet.
    """
    done = store.done(coder)
    units = [u for u in store.units_of(coder) if u.id in done and not u.training]
    if not units:
        raise InputError(f"{coder} has not finished a clip yet: code the training clips first.")
    units.sort(key=lambda u: digest(seed, u.id))
    found = []
    for unit in units[:number]:
        answers = store.finished(coder, unit)
        found.append(replace(unit, training=True, answers=answers, answered_by=coder))
    return tuple(found)


def feedback(unit: Unit, codes: Iterable[Code]) -> Feedback:
    """Compare codes that are all ended (see `replay.finished`) with the answers of a clip."""
    given = tuple(codes)
    moments, theirs = _moments(unit.answers), _moments(given)
    found = 0
    for code, time_s in moments:
        near = [m for m in theirs if m[0] == code and abs(m[1] - time_s) <= TOLERANCE_S]
        if near:
            theirs.remove(min(near, key=lambda m: abs(m[1] - time_s)))
            found += 1
    same = _same_s(unit, given) / (unit.end_s - unit.start_s)
    return Feedback(same, len(moments), found, len(theirs))


def _moments(codes: Iterable[Code]) -> list[tuple[str, float]]:
    return [(c.code, c.start_s) for c in codes if c.kind is CodeKind.MOMENT]


def _same_s(unit: Unit, codes: Sequence[Code]) -> float:
    """Seconds in which both have the same stretches; nothing coded by both counts, too."""
    both = (*unit.answers, *codes)
    edges = sorted({unit.start_s, unit.end_s, *(t for c in both for t in (c.start_s, c.end_s))})
    same = 0.0
    for first, last in itertools.pairwise(edges):
        middle = (first + last) / 2
        if _at(unit.answers, middle) == _at(codes, middle):
            same += last - first
    return same


def _at(codes: Iterable[Code], time_s: float) -> set[tuple[str, bool]]:
    return {(c.code, c.cannot_tell) for c in codes if c.start_s <= time_s < c.end_s}
