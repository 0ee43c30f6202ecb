"""Codes as events: two coders' events are paired one to one if they begin close to each other."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from emotion_core.results.face_table import Float64Array
from emotion_core.study.agreement.coding import Code, Coded, Coding
from emotion_core.study.agreement.intervals import SAME_S, Interval, common

# Times with six decimals whose distance is the tolerance differ from it by rounding.
_ROUNDING_S: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Pair:
    """An event of the first coder, of the second, or of both."""

    first: Code | None
    second: Code | None


@dataclass(frozen=True, slots=True, eq=False)
class PairedEvents:
    """The events of two coders in all recordings that both have looked at.

    Attributes:
        categories: K codes.
        tables: (P, K + 1, K + 1) events of each participant by the code of the first and of the
            second coder; the last row and column count events without a partner.
        intensities: of each participant, (N, 2) intensities of paired events of one code.
        counts: (P, 2) events of each coder.
    """

    categories: tuple[str, ...]
    tables: Float64Array
    intensities: tuple[Float64Array, ...]
    counts: Float64Array


def shared_time(first: Coded, second: Coded) -> list[Interval]:
    """What both have looked at and could tell."""
    return common(first.told, second.told)


def pair_events(
    coding: Coding,
    coders: tuple[str, str],
    participants: Mapping[str, str],
    order: Sequence[str],
    tolerance_s: float,
) -> PairedEvents:
    """Pair the events of two coders in the time that both have told.

    Args:
        coding: all codes; a stretch that begins before the shared time begins with it here, and one
            that is interrupted only where either coder cannot tell is one event.
        coders: the two.
        participants: recording → who is seen.
        order: participants, in the order of the result.
        tolerance_s: largest distance of the starts of two paired events.
    """
    categories = coding.categories
    place = {category: k for k, category in enumerate(categories)}
    size, owner = len(categories), {name: i for i, name in enumerate(order)}
    tables = np.zeros((len(order), size + 1, size + 1))
    counts = np.zeros((len(order), 2))
    rated: list[list[tuple[float, float]]] = [[] for _ in order]
    for name in coding.recordings(coders):
        first, second = (coding.of[coder][name] for coder in coders)
        at = owner[participants.get(name) or name]
        spans, seen = shared_time(first, second), common(first.seen, second.seen)
        mine, theirs = (_events(one.within(spans), spans, seen) for one in (first, second))
        for pair in paired(mine, theirs, tolerance_s):
            row = size if pair.first is None else place[pair.first.code]
            column = size if pair.second is None else place[pair.second.code]
            tables[at, row, column] += 1
            counts[at] += pair.first is not None, pair.second is not None
            if pair.first and pair.second and row == column:
                rated[at].append((pair.first.intensity, pair.second.intensity))
    return PairedEvents(categories, tables, tuple(map(_complete, rated)), counts)


def _events(
    pieces: Sequence[Code], spans: Sequence[Interval], seen: Sequence[Interval]
) -> list[Code]:
    """Codes cut to the shared time as events: an unsure moment does not begin another event.

    Both coders' pieces would begin together after it, and agree for no other reason.

    Args:
        pieces: codes within `spans`, by start.
        spans: the shared time.
        seen: what both have looked at.
    """
    starts, ends = [a for a, _ in spans], [b for _, b in spans]
    found: list[Code] = []
    last: dict[tuple[str, str], int] = {}
    for piece in pieces:
        key = piece.code, str(piece.intensity)
        at = None if piece.is_moment else last.get(key)
        if at is not None:
            end_s = found[at].end_s
            i = bisect_left(ends, end_s - SAME_S)
            next_s = starts[i + 1] if i + 1 < len(starts) else math.inf
            goes_on = abs(ends[i] - end_s) <= SAME_S and abs(next_s - piece.start_s) <= SAME_S
            if goes_on and any(a <= end_s and piece.start_s <= b for a, b in seen):
                found[at] = replace(found[at], end_s=piece.end_s)
                continue
        if not piece.is_moment:
            last[key] = len(found)
        found.append(piece)
    return found


def _complete(rated: Sequence[tuple[float, float]]) -> Float64Array:
    pairs = np.array(rated, np.float64).reshape(-1, 2)
    return pairs[np.isfinite(pairs).all(axis=1)]


def paired(first: Sequence[Code], second: Sequence[Code], tolerance_s: float) -> list[Pair]:
    """The best pairing: as many events of one code as possible, then of different codes, then near.

    Args:
        first, second: codes by start.
        tolerance_s: largest distance of the starts of two paired events.

    Returns:
        Every event once, by start.
    """
    found: list[Pair] = []
    for mine, theirs in _neighbourhoods(first, second, tolerance_s):
        found += _best(mine, theirs, tolerance_s)
    return sorted(found, key=_start)


def _start(pair: Pair) -> float:
    return min(code.start_s for code in (pair.first, pair.second) if code is not None)


def _neighbourhoods(
    first: Sequence[Code], second: Sequence[Code], tolerance_s: float
) -> Iterator[tuple[list[Code], list[Code]]]:
    """Groups of events with nothing within the tolerance of another group: solved one by one."""
    both = sorted(
        [(code.start_s, 0, code) for code in first] + [(code.start_s, 1, code) for code in second],
        key=lambda item: item[:2],
    )
    group: tuple[list[Code], list[Code]] = ([], [])
    last_s = -np.inf
    for start_s, which, code in both:
        if start_s - last_s > tolerance_s + _ROUNDING_S and (group[0] or group[1]):
            yield group
            group = ([], [])
        group[which].append(code)
        last_s = start_s
    if group[0] or group[1]:
        yield group


def _best(first: list[Code], second: list[Code], tolerance_s: float) -> list[Pair]:
    if not first or not second:
        return [Pair(code, None) for code in first] + [Pair(None, code) for code in second]
    starts = np.array([c.start_s for c in first])[:, None], np.array([c.start_s for c in second])
    distance = np.abs(starts[0] - starts[1])
    same = np.array([[a.code == b.code for b in second] for a in first])
    near = distance <= tolerance_s + _ROUNDING_S
    # A pair of one code outweighs any number of others, and any pair all distances together.
    most = min(len(first), len(second)) + 1
    gain = np.where(near, 1.0 - distance / (most * max(tolerance_s, 1e-9) * 2), 0.0)
    gain += np.where(near & same, float(most), 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    kept = [(i, j) for i, j in zip(rows, columns, strict=True) if near[i, j]]
    used = {i for i, _ in kept}, {j for _, j in kept}
    return [
        *(Pair(first[i], second[j]) for i, j in kept),
        *(Pair(code, None) for i, code in enumerate(first) if i not in used[0]),
        *(Pair(None, code) for j, code in enumerate(second) if j not in used[1]),
    ]
