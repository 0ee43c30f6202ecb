"""Readings around an event: one curve for each participant."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import ASKED_KINDS, SIGNALS, Baseline, Recording
from emotion_core.study.folder import Study
from emotion_core.study.occurrences import WHOLE, Occurrence, occurrences
from emotion_core.study.readings_file import read_readings

_MOST_STEPS: Final = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class EventLocked:
    """A signal around an event, the mean over a participant's occurrences and recordings.

    Attributes:
        event: label of the event.
        signal: which one; for `expressing`, the share of occurrences in which it is dominant.
        corrected: the baseline was subtracted.
        times_s: (T,) seconds from the start of the event.
        values: (P, T) float64, one row a participant; NaN where no reading is valid.
        participants: P names, in the order of recordings.csv.
        variables: one row a participant, indexed by name, with the columns of recordings.csv; a
            variable that differs between the recordings used is missing.
    """

    event: str
    signal: str
    corrected: bool
    times_s: Float64Array
    values: Float64Array
    participants: tuple[str, ...]
    variables: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Which occurrences a curve is made of, and how much around them it shows.

    Attributes:
        where: only recordings with these values in these columns of recordings.csv.
        long: only occurrences that this long table includes; None: all with readings.
        before_s, after_s: seconds before and after the event's start; None takes the settings of
            the study, and the longest recording for the event "whole recording".
    """

    where: Mapping[str, str] | None = None
    long: pd.DataFrame | None = None
    before_s: float | None = None
    after_s: float | None = None


def event_locked(
    study: Study, label: str, signal: str, corrected: bool = True, choice: Choice | None = None
) -> EventLocked:
    """One signal around an event; see `event_locked_all`.

    Raises:
        InputError: there is no such signal.
    """
    if signal not in SIGNALS:
        raise InputError(f"There is no signal {signal}. There are: {', '.join(SIGNALS)}.")
    return _locked(study, label, [signal], corrected, choice or Choice())[signal]


def event_locked_all(
    study: Study, label: str, corrected: bool = True, choice: Choice | None = None
) -> dict[str, EventLocked]:
    """Every signal around an event; valid steps of prepared readings, nothing interpolated.

    An occurrence is aligned to the step that begins nearest to its start. Recordings without a
    participant are left out.

    Args:
        study: with readings that are up to date (see `readings.build_all`).
        label: of the event, of any kind (of several, stimuli and events go before); "whole
            recording" aligns to the recordings' starts.
        corrected: subtract the baseline, where the study has one.
        choice: which occurrences; None: all.

    Raises:
        InputError: the readings of a recording are damaged, or the curve would be too long.
    """
    return _locked(study, label, SIGNALS, corrected, choice or Choice())


def expressing(study: Study, label: str, signal: str, choice: Choice | None = None) -> EventLocked:
    """For each participant, the share of occurrences in which an expression is dominant.

    Raises:
        InputError: it is not an expression; else as `event_locked_all`.
    """
    if signal not in EXPRESSIONS:
        raise InputError(f"There is no expression {signal}. There are: {', '.join(EXPRESSIONS)}.")
    curves = _locked(study, label, EXPRESSIONS, False, choice or Choice(), dominant=True)
    return curves[signal]


def share_expressing(
    study: Study, signal: str, label: str = WHOLE, choice: Choice | None = None
) -> pd.DataFrame:
    """Share of participants whose dominant expression is `signal` at each time.

    A participant with several occurrences counts with the share of them. Raises as `expressing`.

    Returns:
        Columns: time_s, share (NaN without any valid reading), participants (with a valid one).
    """
    curve = expressing(study, label, signal, choice)
    there = ~np.isnan(curve.values)
    participants = there.sum(axis=0)
    sums = np.where(there, curve.values, 0).sum(axis=0)
    share = np.where(participants > 0, sums / np.maximum(participants, 1), np.nan)
    return pd.DataFrame({"time_s": curve.times_s, "share": share, "participants": participants})


def curves_table(curves: Sequence[EventLocked]) -> pd.DataFrame:
    """Curves as one tidy table.

    Returns:
        Columns: event, signal, corrected, participant, the study's variables (one that has the
        name of another column gets "_variable" added), time_s, value.
    """
    columns = ["event", "signal", "corrected", "participant", "time_s", "value"]
    frames = []
    for curve in curves:
        people, times = curve.values.shape
        taken = {name: f"{name}_variable" for name in columns}
        of_people = curve.variables.rename(columns=taken).reset_index(names="participant")
        frame = of_people.loc[of_people.index.repeat(times)].reset_index(drop=True)
        frame.insert(0, "event", curve.event)
        frame.insert(1, "signal", curve.signal)
        frame.insert(2, "corrected", curve.corrected)
        frame["time_s"] = np.tile(curve.times_s, people)
        frame["value"] = curve.values.ravel()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _locked(
    study: Study,
    label: str,
    signals: Sequence[str],
    corrected: bool,
    choice: Choice,
    dominant: bool = False,
) -> dict[str, EventLocked]:
    rate_hz = study.settings.rate_hz
    corrected = corrected and study.settings.baseline is not Baseline.NONE
    picked = _picked(study, label, choice)
    before, after = _steps(study, label, picked, choice)
    names = dict.fromkeys(row.recording.participant for row in picked)
    people = {name: i for i, name in enumerate(names)}
    if max(len(people), 1) * (before + after) > _MOST_STEPS:
        raise InputError(
            f"Curves of {len(people)} participants over {(before + after) / rate_hz:g} s are too "
            "long: choose a shorter time around the event, or a lower rate."
        )
    times_s = np.arange(-before, after) / rate_hz
    shape = (len(people), len(times_s), len(signals))
    sums, counts = np.zeros(shape), np.zeros(shape[:2], np.int64)
    columns = [f"{name}_corrected" if corrected else name for name in signals]
    for row in picked:
        values, valid = _around(study, row, columns, before, after, dominant)
        place = people[row.recording.participant]
        sums[place] += np.where(valid[:, None], values, 0)
        counts[place] += valid
    means = np.where(counts[..., None] > 0, sums / np.maximum(counts, 1)[..., None], np.nan)
    some = np.flatnonzero(counts.any(axis=1))
    kept = [list(people)[i] for i in some]
    variables = _variables(kept, [row.recording for row in picked])
    return {
        name: EventLocked(
            label, name, corrected, times_s, means[some, :, i], tuple(kept), variables
        )
        for i, name in enumerate(signals)
    }


def _picked(study: Study, label: str, choice: Choice) -> list[Occurrence]:
    included: set[tuple[str, str, str, int]] | None = None
    if choice.long is not None:
        rows = choice.long[choice.long["included"]]
        key = [rows[name] for name in ("recording", "event_kind", "event", "occurrence")]
        included = set(zip(*key, strict=True))
    where = dict(choice.where or {})
    found = [
        row
        for row in occurrences(study)
        if row.event == label
        and row.grid is not None
        and row.recording.participant
        and all(row.recording.variables.get(name) == value for name, value in where.items())
        and (
            included is None
            or (row.recording.recording, row.kind, row.event, row.number) in included
        )
    ]
    # A baseline may be called as the stimulus is.
    return [row for row in found if row.kind in ASKED_KINDS] or found


def _steps(
    study: Study, label: str, picked: Sequence[Occurrence], choice: Choice
) -> tuple[int, int]:
    settings = study.settings
    before_s, after_s = settings.before_s, settings.after_s
    if label == WHOLE:
        longest = max((row.grid.steps for row in picked if row.grid), default=1)
        before_s, after_s = 0.0, longest / settings.rate_hz
    before_s = before_s if choice.before_s is None else choice.before_s
    after_s = after_s if choice.after_s is None else choice.after_s
    if not (math.isfinite(before_s) and math.isfinite(after_s) and before_s >= 0 and after_s > 0):
        raise InputError("The time before an event must be 0 s or more, the time after it more.")
    return round(before_s * settings.rate_hz), max(1, round(after_s * settings.rate_hz))


def _around(
    study: Study,
    row: Occurrence,
    columns: Sequence[str],
    before: int,
    after: int,
    dominant: bool,
) -> tuple[Float64Array, NDArray[np.bool_]]:
    """(T, C) values of the steps around an event's start, and (T,) which of them are valid."""
    frame = read_readings(study.readings_file(row.recording), [*columns, "valid"])
    values = frame[list(columns)].to_numpy(np.float64)
    valid = frame["valid"].to_numpy(bool) & ~np.isnan(values[:, 0])
    grid = row.grid
    assert grid is not None
    start = grid.nearest_step(row.start_s) - before
    steps = np.arange(start, start + before + after)
    inside = (steps >= 0) & (steps < len(values))
    steps = np.clip(steps, 0, max(len(values) - 1, 0))
    if dominant:
        largest = np.where(np.isnan(values), -1, values).argmax(axis=1)
        values = np.eye(len(columns))[largest]
    return values[steps], valid[steps] & inside


def _variables(people: Sequence[str], recordings: Sequence[Recording]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for r in recordings for name in r.variables))
    table: dict[str, list[str | None]] = {name: [] for name in names}
    by_person: dict[str, list[Recording]] = {}
    for recording in recordings:
        by_person.setdefault(recording.participant, []).append(recording)
    for person in people:
        for name in names:
            values = {r.variables.get(name) or None for r in by_person[person]}
            table[name].append(values.pop() if len(values) == 1 else None)
    index = pd.Index(list(people), dtype="str", name="participant")
    return pd.DataFrame(
        {name: pd.Series(column, index=index, dtype="str") for name, column in table.items()},
        index=index,
    )
