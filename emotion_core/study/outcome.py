"""What is asked of a study, and the answer: which events, which measure, which factors; tests and
curves. The page and the report compute it here, so that they cannot disagree."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from emotion_core.errors import InputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import ASKED_KINDS, SIGNALS, Baseline, Space
from emotion_core.study.event_curves import Choice, EventLocked, event_locked, expressing
from emotion_core.study.folder import Study
from emotion_core.study.measures import MEASURES
from emotion_core.study.occurrences import WHOLE
from emotion_core.study.statistics.comparisons import Analysis, analyse
from emotion_core.study.statistics.curves import Cluster, cluster_test, mean_curve
from emotion_core.study.statistics.design import choose_design
from emotion_core.study.statistics.sentences import p_value
from emotion_core.study.tables import cell_columns, cells, variable_columns

CORRECTED: Final = frozenset({"mean_corrected", "area"})
DIMENSIONS: Final = ("valence", "arousal")
CURVE_PERMUTATIONS: Final = 2000
EVERYBODY: Final = "all participants"
ALPHA: Final = 0.05
# A curve of fewer has no interval worth the name.
_LEAST_IN_GROUP: Final = 2


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared; the table [design] of study.toml.

    Attributes:
        events: labels of the events to compare; none: all stimuli, without any all events, and
            without these the whole recordings.
        measure: a name of `MEASURES`; "" takes the mean above baseline where there is a baseline,
            else the mean.
        factors: variables to compare; None: chosen from the columns.
        signal: whose curves the report shows; "" takes the one with the smallest p.
        dimensions: compare valence and arousal, not the seven expressions.
    """

    events: tuple[str, ...] = ()
    measure: str = ""
    factors: tuple[str, ...] | None = None
    signal: str = ""
    dimensions: bool = False

    def to_design(self) -> dict[str, Any]:
        """As study.toml keeps it; what is left to the program is left out."""
        kept: dict[str, Any] = {"events": list(self.events)} if self.events else {}
        kept |= {"measure": self.measure} if self.measure else {}
        kept |= {"factors": list(self.factors)} if self.factors is not None else {}
        kept |= {"signal": self.signal} if self.signal else {}
        return kept | ({"dimensions": True} if self.dimensions else {})


def question_of(design: Mapping[str, Any]) -> Question:
    """The question of a table [design].

    Raises:
        SettingsError: a value cannot be used.
    """
    measure, signal = design.get("measure", ""), design.get("signal", "")
    if measure and measure not in {m.name for m in MEASURES}:
        raise SettingsError(f"study.toml, [design]: there is no measure {measure!r}.")
    if signal and signal not in SIGNALS:
        raise SettingsError(f"study.toml, [design]: there is no signal {signal!r}.")
    factors = design.get("factors")
    return Question(
        _texts("events", design.get("events", ())),
        measure,
        None if factors is None else _texts("factors", factors),
        signal,
        design.get("dimensions") is True,
    )


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise SettingsError(f"study.toml, [design]: {name} must be a list of words.")
    return tuple(value)


def measure_of(question: Question, study: Study) -> str:
    """Name of the measure that is compared."""
    if question.measure:
        return question.measure
    return "mean" if study.settings.baseline is Baseline.NONE else "mean_corrected"


def events_of(question: Question, long: pd.DataFrame) -> list[str]:
    """Labels of the events that are compared, in the order of the table."""
    labels = set(long["event"])
    if chosen := [label for label in question.events if label in labels]:
        return chosen
    for kind in ASKED_KINDS:
        if of_kind := list(dict.fromkeys(long.loc[long["event_kind"] == kind, "event"])):
            return of_kind
    return [WHOLE]


def compared_rows(question: Question, long: pd.DataFrame) -> pd.DataFrame:
    """The rows of the long table that count: included, of the events that are compared."""
    rows = _asked_rows(question, long)
    return rows[rows["included"].astype(bool)]


def _asked_rows(question: Question, long: pd.DataFrame) -> pd.DataFrame:
    """The rows of the events that are compared; not of a baseline that has the same label."""
    rows = long[long["event"].isin(events_of(question, long))]
    asked = rows["event_kind"].isin(ASKED_KINDS)
    return rows[asked] if asked.any() else rows


def answer(question: Question, study: Study, long: pd.DataFrame) -> Analysis:
    """The tests that fit the design.

    Raises:
        InputError: there is nothing that could be compared.
    """
    rows = compared_rows(question, long)
    measure = measure_of(question, study)
    if question.dimensions and measure in {m.name for m in MEASURES if m.expressions_only}:
        raise InputError(f"Valence and arousal have no {measure}: choose another measure.")
    if rows.empty:
        raise InputError("No event is left to compare: see Measures for what was left out.")
    if measure in CORRECTED and study.settings.baseline is Baseline.NONE:
        raise InputError(f"{measure} needs a baseline: choose one in the settings.")
    if not rows[measure].notna().any():
        raise InputError(f"{measure} is missing in every event: is there a baseline?")
    rows = _without_aliases(rows, study)
    design = choose_design(rows, measure=measure, factors=question.factors)
    log_odds = measure in CORRECTED and study.settings.space is Space.LOGIT
    return replace(analyse(rows, design, signals=signals_of(question)), log_odds=log_odds)


def signals_of(question: Question) -> tuple[str, ...]:
    """The signals that are tested together, and corrected together."""
    return DIMENSIONS if question.dimensions else EXPRESSIONS


def _without_aliases(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows without the label of the event where a variable says the same."""
    for column in variable_columns(study).values():
        pairs = rows[[column, "event"]].drop_duplicates()
        if len(pairs) == rows[column].nunique() == rows["event"].nunique() > 1:
            return rows.drop(columns="event")
    return rows


def counted_cells(study: Study, question: Question, long: pd.DataFrame) -> pd.DataFrame:
    """What is left of the events that are compared, in each cell of the factors."""
    rows = _asked_rows(question, long)
    rows = rows.assign(included=rows["included"].astype(bool))
    wanted = question.factors or cell_columns(study)[:2]
    by = [column for column in dict.fromkeys(wanted) if column in rows]
    return cells(rows, by or ["event"])


def strongest_signal(effects: pd.DataFrame) -> str:
    """The signal with the smallest p of any contrast; happy where there are no tests."""
    known = effects.dropna(subset=["p"]).sort_values("p", kind="stable")
    return str(known["signal"].iloc[0]) if len(known) else "happy"


def ordered_contrasts(analysis: Analysis) -> list[str]:
    """All contrasts: those of the first factor first, and of these the one with most evidence."""
    least: dict[str, float] = {}
    for effect in analysis.effects:
        p = effect.p_holm if math.isfinite(effect.p_holm) else 1.0
        least[effect.contrast] = min(p, least.get(effect.contrast, 1.0))
    first = next(iter(analysis.design.factors), "")
    asked = {c for c in least if c == first or c.startswith((f"{first}:", f"{first} ×"))}
    return sorted(least, key=lambda c: (c not in asked, least[c]))


def p_words(p: float) -> str:
    """A p value as it is printed; "–" where there is none."""
    if math.isnan(p):
        return "–"
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


@dataclass(frozen=True, slots=True, eq=False)
class GroupCurves:
    """Curves of one signal around one event.

    Attributes:
        event, signal: what they show.
        rows: columns time_s, group, mean, low, high, participants.
        clusters: stretches in which the groups differ; none without two groups.
        note: why the groups were not compared; "" where they were, or there is one group.
    """

    event: str
    signal: str
    rows: pd.DataFrame
    clusters: tuple[Cluster, ...] = ()
    note: str = ""

    def significant(self) -> list[tuple[float, float]]:
        """Seconds of the clusters with evidence for a difference."""
        return [(c.start_s, c.end_s) for c in self.clusters if c.p < ALPHA]

    def words(self) -> str:
        """Who is in the groups, and what the cluster test found."""
        counts = self.rows.groupby("group", sort=False)["participants"].max()
        who = ", ".join(f"{group}: {count}" for group, count in counts.items())
        words = f"Means over participants ({who}) with 95% intervals."
        if self.note or len(counts) < 2:
            return f"{words} {self.note}".strip()
        found = [c for c in self.clusters if c.p < ALPHA]
        if not found:
            return f"{words} No stretch differs (cluster-based permutation test, all p ≥ .05)."
        parts = [f"{c.start_s:.1f} to {c.end_s:.1f} s ({p_value(c.p)})" for c in found]
        return (
            f"{words} Grey: they differ, {'; '.join(parts)}, by a cluster-based permutation "
            "test. It does not test where exactly a difference begins or ends."
        )


def groups_of(locked: EventLocked, by: str) -> dict[str, list[str]]:
    """Level of a variable → its participants; everybody in one group where `by` is ""."""
    everybody = list(locked.participants)
    if not by or by not in locked.variables:
        return {EVERYBODY: everybody}
    levels = locked.variables[by].dropna()
    return {str(level): list(levels.index[levels == level]) for level in sorted(levels.unique())}


def event_curves(
    study: Study, long: pd.DataFrame, event: str, signal: str, by: str = ""
) -> GroupCurves:
    """Means over participants around an event, with intervals and the cluster test.

    Args:
        study: with readings that are up to date.
        long: its long table; events that it does not include are left out.
        event: label of an event.
        signal: one of `SIGNALS`.
        by: a variable on which participants differ; "" for one curve.

    Raises:
        InputError: no participant was seen around this event.
    """
    corrected = study.settings.baseline is not Baseline.NONE
    locked = event_locked(study, event, signal, corrected, _included(long))
    return _curves(locked, event, signal, by, test=True)


def _included(long: pd.DataFrame) -> Choice:
    return Choice(long=long.assign(included=long["included"].astype(bool)))


def share_curves(
    study: Study, long: pd.DataFrame, event: str, signal: str, by: str = ""
) -> GroupCurves:
    """Share of participants whose dominant expression is `signal`, around an event.

    Raises:
        InputError: no participant was seen around this event.
    """
    locked = expressing(study, event, signal, _included(long))
    return _curves(locked, event, signal, by, test=False)


def _curves(locked: EventLocked, event: str, signal: str, by: str, *, test: bool) -> GroupCurves:
    place = {name: i for i, name in enumerate(locked.participants)}
    groups = {
        group: locked.values[[place[p] for p in people]]
        for group, people in groups_of(locked, by).items()
    }
    tables = [_mean_rows(locked.times_s, group, values) for group, values in groups.items()]
    rows = pd.concat(tables, ignore_index=True)
    if not np.isfinite(rows["mean"].to_numpy(float)).any():
        raise InputError(f"No participant was seen around “{event}”.")
    clusters: tuple[Cluster, ...] = ()
    note = ""
    if test and len(groups) > 1:
        if min(len(people) for people in groups.values()) < _LEAST_IN_GROUP:
            note = "A group of one participant cannot be compared."
        else:
            clusters = tuple(
                cluster_test(
                    *groups.values(),
                    times_s=locked.times_s,
                    permutations=CURVE_PERMUTATIONS,
                )
            )
    return GroupCurves(event, signal, rows, clusters, note)


def paired_curves(
    study: Study, long: pd.DataFrame, first: str, second: str, signal: str
) -> GroupCurves:
    """The curves around two events of those who have both, and the cluster test of differences.

    Args:
        study, long: as `event_curves`.
        first, second: labels of events.
        signal: one of `SIGNALS`.

    Raises:
        InputError: fewer than two participants have both events.
    """
    corrected, included = study.settings.baseline is not Baseline.NONE, _included(long)
    one = event_locked(study, first, signal, corrected, included)
    other = event_locked(study, second, signal, corrected, included)
    both = [name for name in one.participants if name in other.participants]
    if len(both) < _LEAST_IN_GROUP:
        raise InputError(f"Fewer than two participants have both “{first}” and “{second}”.")
    tables, values = [], []
    for locked in (one, other):
        place = {name: i for i, name in enumerate(locked.participants)}
        values.append(locked.values[[place[name] for name in both]])
        tables.append(_mean_rows(locked.times_s, locked.event, values[-1]))
    clusters = cluster_test(
        values[0] - values[1], times_s=one.times_s, permutations=CURVE_PERMUTATIONS
    )
    rows = pd.concat(tables, ignore_index=True)
    return GroupCurves(f"{first} and {second}", signal, rows, tuple(clusters))


def _mean_rows(times_s: Float64Array, group: str, values: Float64Array) -> pd.DataFrame:
    curve = mean_curve(values)
    columns = {"mean": curve.mean, "low": curve.low, "high": curve.high}
    table = pd.DataFrame({"time_s": times_s, "group": group, **columns})
    return table.assign(participants=curve.participants)


def between_variables(study: Study) -> list[str]:
    """The variables on which participants differ and which make groups of them, in order."""
    found, used = [], study.included
    for name in dict.fromkeys(v for r in used for v in r.variables):
        levels: dict[str, set[str]] = {}
        for row in used:
            if value := row.variables.get(name, ""):
                levels.setdefault(row.participant, set()).add(value)
        values = set().union(*levels.values()) if levels else set()
        # As many levels as participants are names of them, not groups.
        groups = 1 < len(values) < len(levels)
        if groups and all(len(own) == 1 for own in levels.values()):
            found.append(name)
    return found


def curve_unit(study: Study, signal: str) -> str:
    """What the axis of a curve shows."""
    if study.settings.baseline is Baseline.NONE:
        return signal
    log_odds = study.settings.space is Space.LOGIT and signal in EXPRESSIONS
    return f"{signal} above baseline{' (log-odds)' if log_odds else ''}"


def axis_factors(analysis: Analysis) -> list[str]:
    """The first two factors, for a chart: what varies within participants is its axis."""
    return [*analysis.design.within, *analysis.design.between][:2]


def axis_title(analysis: Analysis, signal: str) -> str:
    """What an axis with the measure of an analysis shows."""
    measure = analysis.design.measure
    label = next(m.label for m in MEASURES if m.name == measure)
    title = f"{label} of {signal}" if measure != "mean_corrected" else f"{signal} above baseline"
    return f"{title} (log-odds)" if analysis.log_odds and signal in EXPRESSIONS else title


def curve_events(study: Study) -> list[str]:
    """Labels of the events that curves are drawn around: stimuli first."""
    shown = (event for event in study.events if event.kind in ASKED_KINDS)
    ordered = sorted(shown, key=lambda event: ASKED_KINDS.index(event.kind))
    return list(dict.fromkeys(event.label for event in ordered))
