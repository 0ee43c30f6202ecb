"""All figures of agreement of some coders, as tables."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.agreement.bland_altman import shares
from emotion_core.study.agreement.coding import Coded, Coding, coded_seconds
from emotion_core.study.agreement.disagreements import disagreements
from emotion_core.study.agreement.events import pair_events, shared_time
from emotion_core.study.agreement.figures import figures_of_all, figures_of_pair
from emotion_core.study.agreement.intervals import common, seconds
from emotion_core.study.agreement.machine import MACHINE
from emotion_core.study.agreement.measures import COLUMNS
from emotion_core.study.agreement.steps import Steps, on_steps, pair_tables


@dataclass(frozen=True, slots=True)
class AgreementSettings:
    """How agreement is computed.

    Attributes:
        coders: who is compared; none: everybody, the machine as well.
        tolerance_s: largest distance of the starts of two events that are paired.
        uncoded_as: the category that people mean where they give no code; "": nothing.
        rate_hz: steps a second of the common grid.
    """

    coders: tuple[str, ...] = ()
    tolerance_s: float = 1.0
    uncoded_as: str = ""
    rate_hz: float = 10.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance_s) and 0 <= self.tolerance_s <= 60):
            raise InputError(f"The tolerance must be from 0 to 60 seconds, not {self.tolerance_s}.")


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What was found.

    Attributes:
        settings: how.
        coders: who was compared; the machine comes last.
        pairs: pairs of coders with time in common.
        figures: the columns of `measures.COLUMNS`.
        coverage: one row a coder: `coder, recordings, seconds, cannot_tell_s, nothing_s`.
        shared: one row a pair: `first, second, recordings, participants, shared_s` (compared),
            `untold_s` (looked at by both, but one could not tell), `first_only_s, second_only_s`.
        confusion: `first, second, first_code, second_code, seconds, of_first`; `of_first` is the
            share of the first coder's time with this code.
        shares: the points of the Bland–Altman charts: see `bland_altman.shares`, with
            `first_coder, second_coder`.
        disagreements: see `measures.DISAGREEMENT_COLUMNS`.
        categories: all codes, in the order of the scheme.
        labels: everything that the coders said about steps of time: nothing, codes, overlaps.
        notes: sentences about what was left out or could not be computed.
    """

    settings: AgreementSettings
    coders: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    figures: pd.DataFrame
    coverage: pd.DataFrame
    shared: pd.DataFrame
    confusion: pd.DataFrame
    shares: pd.DataFrame
    disagreements: pd.DataFrame
    categories: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]

    def figure(self, first: str, second: str, measure: str, category: str = "all") -> Any:
        """One row of `figures` as a mapping; None where there is no such row."""
        table = self.figures
        rows = table[
            (table["first"] == first)
            & (table["second"] == second)
            & (table["measure"] == measure)
            & (table["category"] == category)
        ]
        return rows.iloc[0].to_dict() if len(rows) else None


def compare(
    coding: Coding,
    participants: Mapping[str, str],
    settings: AgreementSettings,
    *,
    events: Coding | None = None,
    origins: Mapping[str, float] | None = None,
) -> Agreement:
    """Compare every pair of coders, and all people together where there are more than two.

    Args:
        coding: all codes.
        participants: recording → who is seen.
        settings: how.
        events: other codes of the same coders to take the events from; None: the same.
        origins: recording → where the grid of its readings begins, in seconds.

    Raises:
        InputError: fewer than two coders, or no two of them share any time.
    """
    coders = _chosen(coding, settings)
    steps = on_steps(coding, coders, participants, settings.rate_hz, origins)
    found = _Found(coding, steps, participants)
    pairs, notes = found.pairs()
    if not pairs:
        raise InputError(
            f"No two of the coders {', '.join(coders)} have finished the same part of a recording: "
            "let a second coder code some of the units of the first."
        )
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        paired = pair_events(
            events or coding, pair, participants, steps.participants, settings.tolerance_s
        )
        rows += figures_of_pair(steps, paired, pair)
    people = tuple(coder for coder in coders if coder != MACHINE)
    rows += figures_of_all(steps, people) if len(people) > 2 else []
    notes += _notes_on_codes(coding, coders, settings)
    return Agreement(
        settings,
        coders,
        tuple(pairs),
        pd.DataFrame(rows, columns=list(COLUMNS)),
        found.coverage(),
        found.shared(pairs),
        _by_pair(pairs, lambda a, b: _confusion(steps, a, b)),
        _by_pair(pairs, lambda a, b: shares(steps, a, b), ("first_coder", "second_coder")),
        disagreements(steps, pairs),
        coding.categories,
        steps.labels,
        (*coding.problems, *notes),
    )


def _chosen(coding: Coding, settings: AgreementSettings) -> tuple[str, ...]:
    """Who is compared: people by name, then the machine."""
    known = coding.coders
    if unknown := [coder for coder in settings.coders if coder not in known]:
        there = ", ".join(known) or "nobody"
        raise InputError(
            f"There are no finished units of the coder {', '.join(unknown)}. There are units of: "
            f"{there}."
        )
    wanted = settings.coders or known
    people = [coder for coder in known if coder in wanted and coder != MACHINE]
    coders = (*people, *([MACHINE] if MACHINE in wanted else []))
    if len(coders) < 2:
        raise InputError(
            "Agreement needs two coders, or one coder and the machine’s readings of the same "
            f"recordings. There are: {', '.join(coders) or 'none'}."
        )
    return coders


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What the tables about coverage are made of."""

    coding: Coding
    steps: Steps
    participants: Mapping[str, str]

    def pairs(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Pairs with time in common, and a sentence for each other pair."""
        pairs, notes = [], []
        for pair in itertools.combinations(self.steps.coders, 2):
            if pair_tables(self.steps, *pair).sum() > 0:
                pairs.append(pair)
            else:
                notes.append(f"{pair[0]} and {pair[1]} have no coded time in common.")
        return pairs, notes

    def coverage(self) -> pd.DataFrame:
        """One row for each coder."""
        rows = []
        for coder in self.steps.coders:
            of = self.coding.of[coder]
            times = np.array([coded_seconds(one) for one in of.values()]).reshape(-1, 3)
            rows.append((coder, len(of), *times.sum(axis=0)))
        names = ["coder", "recordings", "seconds", "cannot_tell_s", "nothing_s"]
        return pd.DataFrame(rows, columns=names)

    def shared(self, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
        """One row for each pair."""
        rows = [(*pair, *self._shared(*pair)) for pair in pairs]
        names = ["first", "second", "recordings", "participants"]
        names += ["shared_s", "untold_s", "first_only_s", "second_only_s"]
        return pd.DataFrame(rows, columns=names)

    def _shared(self, first: str, second: str) -> tuple[int, int, float, float, float, float]:
        own, other = self.coding.of[first], self.coding.of[second]
        empty = Coded([], [], [])
        shared, both, one, two = 0.0, 0.0, 0.0, 0.0
        recordings, people = 0, set()
        for name in sorted({*own, *other}):
            a, b = own.get(name, empty), other.get(name, empty)
            time_s, seen_s = seconds(shared_time(a, b)), seconds(common(a.seen, b.seen))
            shared, both = shared + time_s, both + seen_s
            one += seconds(a.seen) - seen_s
            two += seconds(b.seen) - seen_s
            if time_s:
                recordings += 1
                people.add(self.participants.get(name) or name)
        return recordings, len(people), shared, both - shared, one, two


def _confusion(steps: Steps, first: str, second: str) -> pd.DataFrame:
    table = pair_tables(steps, first, second).sum(axis=0) * steps.step_s
    used = np.flatnonzero(table.sum(0) + table.sum(1))
    sums = table.sum(axis=1)
    rows = [
        (
            steps.labels[i],
            steps.labels[j],
            float(table[i, j]),
            float(table[i, j] / sums[i]) if sums[i] else math.nan,
        )
        for i in used
        for j in used
    ]
    return pd.DataFrame(rows, columns=["first_code", "second_code", "seconds", "of_first"])


def _by_pair(
    pairs: Sequence[tuple[str, str]],
    table: Callable[[str, str], pd.DataFrame],
    names: tuple[str, str] = ("first", "second"),
) -> pd.DataFrame:
    tables = [table(*pair).assign(**dict(zip(names, pair, strict=True))) for pair in pairs]
    return pd.concat(tables, ignore_index=True)


def _notes_on_codes(
    coding: Coding, coders: Sequence[str], settings: AgreementSettings
) -> list[str]:
    """What a reader of the figures must know about the codes."""
    notes = []
    people = [coder for coder in coders if coder != MACHINE]
    if settings.uncoded_as:
        notes.append(f"People’s time without a code counts as {settings.uncoded_as}.")
    if MACHINE not in coders:
        return notes
    used = {c.code for coder in people for one in coding.of[coder].values() for c in one.codes}
    if others := sorted(used - set(EXPRESSIONS)):
        notes.append(
            f"The machine cannot give the codes {', '.join(others)}: where people use them, it "
            "cannot agree."
        )
    if "neutral" not in used:
        notes.append(
            "The machine codes neutral and people do not: let time without a code count as neutral."
        )
    return notes
