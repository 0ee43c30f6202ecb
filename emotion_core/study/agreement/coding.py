"""The codes of all coders, checked: what does not count or cannot be used is told."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from emotion_core.errors import InputError
from emotion_core.study.agreement.intervals import (
    SAME_S,
    Interval,
    common,
    holds,
    merged,
    seconds,
    without,
)

CODES: Final = (
    *("coder", "recording", "unit", "start_s", "end_s", "code", "intensity", "cannot_tell", "note"),
)
UNITS: Final = ("coder", "recording", "unit", "start_s", "end_s", "training", "done")
# Shorter stretches outside of a unit come from rounding, and are not told.
_ROUNDING_S: Final = 0.05
_OUTSIDE: Final = (
    "Codes of {coder} reach {seconds:.1f} s beyond the units that they belong to; this time does "
    "not count."
)
_REPEATED: Final = (
    "{coder} coded {seconds:.1f} s in more than one unit; of this time the first unit counts."
)


@dataclass(frozen=True, slots=True)
class Code:
    """What one coder said about a stretch of a recording, or a moment of it.

    Attributes:
        start_s, end_s: seconds on the clock of the video; equal for a moment.
        code: the category; "" where the coder could not tell.
        intensity: 1-5; NaN where none was given.
    """

    start_s: float
    end_s: float
    code: str
    intensity: float = math.nan

    @property
    def is_moment(self) -> bool:
        """Whether it has no length."""
        return self.end_s <= self.start_s


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """What one coder has coded of one recording.

    Attributes:
        seen: what the coder has looked at; within it, what no code covers is coded as nothing.
        cannot_tell: the part of `seen` about which the coder could not tell.
        codes: by start, within `seen`.
    """

    seen: list[Interval]
    cannot_tell: list[Interval]
    codes: list[Code]

    @property
    def told(self) -> list[Interval]:
        """What was looked at and could be told."""
        return without(self.seen, self.cannot_tell)

    def within(self, spans: Sequence[Interval]) -> list[Code]:
        """The codes in these spans: stretches cut to them, moments that are in one."""
        found = []
        ends = [end for _, end in spans]
        for code in self.codes:
            # Spans that end before the code begins have nothing of it.
            ahead = spans[bisect_left(ends, code.start_s - SAME_S) :]
            if code.is_moment:
                found += [code] if holds(ahead[:2], code.start_s) else []
            else:
                parts = common([(code.start_s, code.end_s)], ahead)
                found += [replace(code, start_s=a, end_s=b) for a, b in parts]
        return sorted(found, key=lambda c: (c.start_s, c.end_s, c.code))


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """All codes that count.

    Attributes:
        of: coder → recording → what is coded.
        categories: every code, those of the scheme first and in its order.
        problems: sentences about what does not count or cannot be used.
    """

    of: dict[str, dict[str, Coded]]
    categories: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def coders(self) -> tuple[str, ...]:
        """Everybody who has finished a unit, sorted."""
        return tuple(sorted(self.of))

    def recordings(self, coders: Iterable[str]) -> list[str]:
        """Recordings that all of these coders have looked at, sorted."""
        sets = [set(self.of.get(coder, ())) for coder in coders]
        return sorted(set.intersection(*sets)) if sets else []

    def joined(self, other: "Coding") -> "Coding":
        """With further coders."""
        more = [c for c in other.categories if c not in self.categories]
        return Coding(
            {**self.of, **other.of},
            (*self.categories, *more),
            (*self.problems, *other.problems),
        )


def read_coding(
    codes: pd.DataFrame,
    units: pd.DataFrame,
    categories: Sequence[str] = (),
    *,
    exclusive: bool = False,
) -> Coding:
    """The codes that count: those within units that are finished and not for training.

    Args:
        codes: the columns of `CODES`; times are seconds on the clock of the video.
        units: the columns of `UNITS`, one row for each coder and unit.
        categories: codes of the scheme, in its order.
        exclusive: only one code may hold at a time. Of time that a coder has coded in several
            units, the first one counts; otherwise, all of them do.

    Raises:
        InputError: a column is missing.
    """
    for name, frame, columns in (("codes", codes, CODES), ("units", units, UNITS)):
        if missing := [c for c in columns if c not in frame]:
            raise InputError(f"The table of {name} lacks the columns {', '.join(missing)}.")
    problems: list[str] = []
    counted = _counted_units(units, problems)
    usable = _usable_codes(codes, problems)
    by_unit = dict(list(usable.groupby(["coder", "recording", "unit"])))
    outside: dict[str, float] = defaultdict(float)
    repeated: dict[str, float] = defaultdict(float)
    of: dict[str, dict[str, Coded]] = {}
    for (coder, recording), rows in counted.groupby(["coder", "recording"]):
        parts = [
            ((float(a), float(b)), by_unit.get((coder, recording, unit), usable.iloc[:0]))
            for unit, a, b in zip(rows["unit"], rows["start_s"], rows["end_s"], strict=True)
        ]
        coded, outside_s, repeated_s = _coded(parts, exclusive)
        outside[str(coder)] += outside_s
        repeated[str(coder)] += repeated_s
        of.setdefault(str(coder), {})[str(recording)] = coded
    for sentence, found in ((_OUTSIDE, outside), (_REPEATED, repeated)):
        problems += [
            sentence.format(coder=coder, seconds=s)
            for coder, s in sorted(found.items())
            if s > _ROUNDING_S
        ]
    used = {code.code for mine in of.values() for one in mine.values() for code in one.codes}
    more = sorted(used - set(categories))
    return Coding(of, (*categories, *more), tuple(problems))


def _coded(
    parts: Sequence[tuple[Interval, pd.DataFrame]], exclusive: bool
) -> tuple[Coded, float, float]:
    """A recording as one coder coded it, the seconds of codes outside of their unit, and those that
    do not count as they were coded before.

    Args:
        parts: each unit with its codes.
        exclusive: as of `read_coding`.
    """
    found, untold, seen = list[Code](), list[Interval](), list[Interval]()
    outside_s = repeated_s = 0.0
    for span, rows in parts:
        inside, not_told, beyond_s = _of_unit(rows, span)
        outside_s += beyond_s
        if exclusive and (again := common([span], seen)):
            repeated_s += seconds(again)
            inside = _as_first_coded(inside, found, again)
            not_told = without(merged(not_told), again)
        seen = merged([*seen, span])
        found += inside
        untold += not_told
    return Coded(seen, merged(untold), _without_repetition(found)), outside_s, repeated_s


def _counted_units(units: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Finished units that are not for training, with a positive length."""
    real = units[~units["training"].astype(bool)]
    open_ = real[~real["done"].astype(bool)]
    problems += [
        f"{count} unit{'s' if count > 1 else ''} of {coder} {'are' if count > 1 else 'is'} not "
        "finished and do not count yet."
        for coder, count in open_.groupby("coder").size().items()
    ]
    done = real[real["done"].astype(bool)]
    start, end = (pd.to_numeric(done[c], errors="coerce") for c in ("start_s", "end_s"))
    usable = end > start
    if bad := int((~usable).sum()):
        problems.append(f"{bad} units do not end after they start and do not count.")
    return done[usable]


def _usable_codes(codes: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    start, end = (pd.to_numeric(codes[c], errors="coerce") for c in ("start_s", "end_s"))
    usable = end >= start
    if bad := int((~usable).sum()):
        problems.append(f"{bad} codes have no time, or end before they start, and do not count.")
    return codes[usable]


def _of_unit(rows: pd.DataFrame, unit: Interval) -> tuple[list[Code], list[Interval], float]:
    """Codes of a unit cut to it, what could not be told, and the seconds outside of it."""
    start_s, end_s = unit
    found: list[Code] = []
    untold: list[Interval] = []
    outside_s = 0.0
    names = ["start_s", "end_s", "code", "intensity", "cannot_tell"]
    for a, b, code, intensity, cannot_tell in rows[names].itertuples(index=False):
        low, high = max(float(a), start_s), min(float(b), end_s)
        outside_s += (float(b) - float(a)) - max(high - low, 0.0)
        if high < low or (high == low and b > a):
            # A moment outside of its unit counts as far as it is away.
            outside_s += max(start_s - float(b), float(a) - end_s) if a == b else 0.0
            continue
        if cannot_tell:
            untold.append((low, high))
        elif code:
            value = math.nan if intensity is None else float(intensity)
            found.append(Code(low, high, str(code), value))
    return found, untold, outside_s


def _as_first_coded(
    codes: Sequence[Code], first: Sequence[Code], again: Sequence[Interval]
) -> list[Code]:
    """The codes of a further unit: in time that was coded before, only what was coded there too."""
    kept = []
    for code in codes:
        if code.is_moment:
            kept.append(code)
            continue
        span = [(code.start_s, code.end_s)]
        same = merged((c.start_s, c.end_s) for c in first if c.code == code.code)
        parts = merged([*without(span, again), *common(span, same)])
        kept += [replace(code, start_s=start, end_s=end) for start, end in parts]
    return kept


def _without_repetition(codes: Sequence[Code]) -> list[Code]:
    """Codes by start; stretches of one code that overlap are one stretch.

    Overlapping units, or a key pressed twice, repeat a code.
    """
    found: list[Code] = []
    last: dict[str, int] = {}
    moments: dict[str, float] = {}
    for code in sorted(codes, key=lambda c: (c.start_s, c.end_s, c.code)):
        at = last.get(code.code)
        if at is not None and not code.is_moment and code.start_s < found[at].end_s:
            if code.end_s > found[at].end_s:
                found[at] = replace(found[at], end_s=code.end_s)
            continue
        if code.is_moment and moments.get(code.code) == code.start_s:
            continue
        if code.is_moment:
            moments[code.code] = code.start_s
        else:
            last[code.code] = len(found)
        found.append(code)
    return found


def with_uncoded_as(coding: Coding, category: str, coders: Iterable[str]) -> Coding:
    """The same with a category in place of nothing, for coders who code only what differs from it.

    Args:
        coding: all codes.
        category: such as "neutral".
        coders: whose time without a code counts so.
    """
    filled = {coder: _filled(coding.of[coder], category) for coder in coders if coder in coding.of}
    more = () if category in coding.categories else (category,)
    return replace(coding, of={**coding.of, **filled}, categories=(*coding.categories, *more))


def _filled(of: dict[str, Coded], category: str) -> dict[str, Coded]:
    return {name: _with_gaps(one, category) for name, one in of.items()}


def _with_gaps(one: Coded, category: str) -> Coded:
    covered = merged((c.start_s, c.end_s) for c in one.codes)
    codes = list(one.codes)
    for start_s, end_s in without(one.told, covered):
        beside = [c for c in codes if c.code == category and _touches(c, start_s, end_s)]
        told = {c.intensity for c in beside if not math.isnan(c.intensity)}
        codes = [c for c in codes if c not in beside]
        codes.append(
            Code(
                min([start_s, *(c.start_s for c in beside)]),
                max([end_s, *(c.end_s for c in beside)]),
                category,
                told.pop() if len(told) == 1 else math.nan,
            )
        )
    return replace(one, codes=sorted(codes, key=lambda c: (c.start_s, c.end_s)))


def _touches(code: Code, start_s: float, end_s: float) -> bool:
    edges = abs(code.end_s - start_s) <= SAME_S or abs(code.start_s - end_s) <= SAME_S
    return edges and not code.is_moment


def coded_seconds(one: Coded) -> tuple[float, float, float]:
    """Seconds looked at, not told, and without any code."""
    covered = merged((c.start_s, c.end_s) for c in one.codes)
    return seconds(one.seen), seconds(one.cannot_tell), seconds(without(one.told, covered))
