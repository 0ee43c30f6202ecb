"""Codes on a common grid: what every coder said about every step of time, and counts of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import BoolArray, IntArray
from emotion_core.errors import InputError
from emotion_core.results.face_table import Float64Array
from emotion_core.study.agreement.coding import Coded, Coding
from emotion_core.study.grid import Grid

MISSING: Final = -1
# Written for what a coder has looked at and left without a code.
NOTHING: Final = "nothing"
_JOINED: Final = " + "
# One bit for each category.
_MOST_CATEGORIES: Final = 62


@dataclass(frozen=True, slots=True, eq=False)
class RecordingSteps:
    """One recording on the grid.

    Attributes:
        recording: its name.
        participant: who is seen.
        grid: N steps; a step has the code that covers its middle.
        labels: (C, N) int64 indices into `Steps.labels`; `MISSING` where a coder has not looked
            or could not tell.
        intensity: (C, N) float64, 1-5; NaN where none was given, or several codes overlap.
    """

    recording: str
    participant: str
    grid: Grid
    labels: IntArray
    intensity: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """All recordings on grids of one rate.

    Attributes:
        coders: C names.
        labels: L words: `NOTHING`, a category, or several that overlap, joined by " + ".
        categories: K categories that are used for stretches.
        members: (L, K) bool: which categories are part of a label.
        recordings: in order of their names.
        step_s: length of a step.
    """

    coders: tuple[str, ...]
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    members: BoolArray
    recordings: tuple[RecordingSteps, ...]
    step_s: float

    @property
    def participants(self) -> tuple[str, ...]:
        """Everybody who is seen, sorted."""
        return tuple(sorted({one.participant for one in self.recordings}))

    def rows(self, coders: Sequence[str]) -> list[int]:
        """The rows of these coders in the arrays of each recording."""
        return [self.coders.index(coder) for coder in coders]


def on_steps(
    coding: Coding,
    coders: Sequence[str],
    participants: Mapping[str, str],
    rate_hz: float,
    origins: Mapping[str, float] | None = None,
) -> Steps:
    """What each of some coders said about each step of the recordings that two of them share.

    Args:
        coding: all codes.
        coders: whose codes are wanted.
        participants: recording → who is seen; a recording without one counts as a participant.
        rate_hz: steps a second.
        origins: recording → where its grid begins, in seconds; 0 where it is not given.

    Raises:
        InputError: there are more categories than can be told apart.
    """
    stretches = _stretch_categories(coding, coders)
    if len(stretches) > _MOST_CATEGORIES:
        raise InputError(f"Agreement is computed for at most {_MOST_CATEGORIES} categories.")
    shared = _shared_recordings(coding, coders)
    drawn = [
        _draw(
            [coding.of.get(coder, {}).get(name) for coder in coders],
            stretches,
            rate_hz,
            (origins or {}).get(name, 0.0),
        )
        for name in shared
    ]
    used = [bits[bits >= 0] for bits, _, _ in drawn]
    known = np.unique(np.concatenate([*used, np.array([0], np.int64)]))
    known = known[_in_order(known)]
    order = {int(b): i for i, b in enumerate(known)}
    bit = np.int64(1) << np.arange(len(stretches), dtype=np.int64)
    members = (known[:, None] & bit) > 0
    recordings = tuple(
        RecordingSteps(name, participants.get(name) or name, grid, _indices(bits, order), power)
        for name, (bits, power, grid) in zip(shared, drawn, strict=True)
    )
    words = tuple(_words(row, stretches) for row in members)
    return Steps(tuple(coders), words, stretches, members, recordings, 1 / rate_hz)


def _shared_recordings(coding: Coding, coders: Sequence[str]) -> list[str]:
    names = [name for coder in coders for name in coding.of.get(coder, ())]
    return sorted({name for name in names if names.count(name) > 1})


def _stretch_categories(coding: Coding, coders: Sequence[str]) -> tuple[str, ...]:
    used = {
        code.code
        for coder in coders
        for one in coding.of.get(coder, {}).values()
        for code in one.codes
        if not code.is_moment
    }
    return tuple(c for c in coding.categories if c in used)


def _draw(
    coded: Sequence[Coded | None], categories: Sequence[str], rate_hz: float, origin_s: float
) -> tuple[IntArray, Float64Array, Grid]:
    """(C, N) bits of the categories, `MISSING` where not known; (C, N) intensities; the grid."""
    ends = [end for one in coded if one is not None for _, end in one.seen]
    starts = [start for one in coded if one is not None for start, _ in one.seen]
    skipped = max(0, int((min(starts) - origin_s) * rate_hz))
    origin_s += skipped / rate_hz
    grid = Grid(origin_s, rate_hz, max(0, int(np.ceil((max(ends) - origin_s) * rate_hz)) + 1))
    bits = np.full((len(coded), grid.steps), MISSING, np.int64)
    power = np.full((len(coded), grid.steps), np.nan)
    place = {category: k for k, category in enumerate(categories)}
    for row, one in enumerate(coded):
        if one is None:
            continue
        bits[row, grid.within(one.told)] = 0
        for code in one.codes:
            if code.is_moment or code.code not in place:
                continue
            first, last = (min(max(i, 0), grid.steps) for i in grid.span(code.start_s, code.end_s))
            part = bits[row, first:last]
            part[part >= 0] |= np.int64(1) << np.int64(place[code.code])
            power[row, first:last] = code.intensity
    several = (bits > 0) & ((bits & (bits - 1)) > 0)
    power[(bits <= 0) | several] = np.nan
    return bits, power, grid


def _in_order(known: IntArray) -> IntArray:
    """Nothing first, then single categories, then those that overlap."""
    counts = np.array([int(b).bit_count() for b in known])
    return np.lexsort((known, counts))


def _indices(bits: IntArray, order: Mapping[int, int]) -> IntArray:
    found, inverse = np.unique(bits, return_inverse=True)
    places = np.array([order.get(int(b), MISSING) for b in found], np.int64)
    return places[inverse].reshape(bits.shape)


def _words(row: NDArray[np.bool_], categories: Sequence[str]) -> str:
    return _JOINED.join(c for c, used in zip(categories, row, strict=True) if used) or NOTHING


def pair_tables(steps: Steps, first: str, second: str) -> Float64Array:
    """(P, L, L) steps of each participant by the label of the first and of the second coder.

    Steps about which either has said nothing that counts are left out.
    """
    a, b = steps.rows((first, second))
    count, place = len(steps.labels), _places(steps)
    tables = np.zeros((len(place), count, count))
    for one in steps.recordings:
        both = (one.labels[a] >= 0) & (one.labels[b] >= 0)
        cells = one.labels[a][both] * count + one.labels[b][both]
        counts = np.bincount(cells, minlength=count**2).reshape(count, count)
        tables[place[one.participant]] += counts
    return tables


def of_category(tables: Float64Array, members: BoolArray) -> Float64Array:
    """(..., L, L) tables of labels as (..., 2, 2) tables of one category: absent, present.

    Args:
        tables: of `pair_tables`.
        members: (L,) bool: labels that the category is part of.
    """
    present = np.stack([~members, members]).astype(np.float64)
    return np.einsum("il,...lm,jm->...ij", present, tables, present)


def label_counts(steps: Steps, coders: Sequence[str]) -> tuple[IntArray, Float64Array, IntArray]:
    """How often the coders used each label, as patterns that occur several times.

    Returns:
        (U, L) coders with each label, (U,) steps with this pattern, (U,) index of the participant;
        only steps that at least two coders have told.
    """
    rows, size = steps.rows(coders), len(steps.labels)
    place = _places(steps)
    counts: list[IntArray] = []
    weights: list[Float64Array] = []
    owners: list[IntArray] = []
    for one in steps.recordings:
        chosen = one.labels[rows]
        chosen = chosen[:, (chosen >= 0).sum(axis=0) > 1]
        patterns, number = np.unique(chosen, axis=1, return_counts=True)
        made = np.zeros((patterns.shape[1], size + 1), np.int64)
        for coder in patterns:
            np.add.at(made, (np.arange(len(coder)), coder), 1)
        # The last column counts `MISSING`.
        counts.append(made[:, :size])
        weights.append(number.astype(np.float64))
        owners.append(np.full(len(made), place[one.participant], np.int64))
    if not counts:
        return np.zeros((0, size), np.int64), np.zeros(0), np.zeros(0, np.int64)
    return np.concatenate(counts), np.concatenate(weights), np.concatenate(owners)


def intensity_counts(
    steps: Steps, coders: Sequence[str]
) -> tuple[IntArray, Float64Array, IntArray, Float64Array]:
    """How often the coders gave each intensity to the same category of the same step.

    Returns:
        As `label_counts`, with a column for each value; and (V,) the values, increasing.
    """
    rows, place = steps.rows(coders), _places(steps)
    patterns: list[Float64Array] = []
    weights: list[Float64Array] = []
    owners: list[int] = []
    for one in steps.recordings:
        labels = one.labels[rows]
        for label in np.unique(labels[np.isfinite(one.intensity[rows])]):
            given = np.where(labels == label, one.intensity[rows], np.nan)
            given = given[:, np.isfinite(given).sum(axis=0) > 1]
            # Not a number differs from itself: missing intensities are written as zero.
            unique, number = np.unique(np.nan_to_num(given), axis=1, return_counts=True)
            patterns += list(unique.T)
            weights.append(number.astype(np.float64))
            owners += [place[one.participant]] * len(number)
    table = np.array(patterns, np.float64).reshape(-1, len(rows))
    values = np.unique(table[table > 0])
    counts = (table[:, :, None] == values).sum(axis=1)
    weight = np.concatenate([*weights, np.zeros(0)])
    return counts.astype(np.int64), weight, np.array(owners, np.int64), values


def _places(steps: Steps) -> dict[str, int]:
    return {name: i for i, name in enumerate(steps.participants)}
