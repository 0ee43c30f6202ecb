"""The machine as a coder: its codes of a recording, from the study's readings."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
import pandas as pd

from emotion_core.datatypes import IntArray
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.agreement.coding import Code, Coded, Coding
from emotion_core.study.agreement.intervals import Interval, merged
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.problems import listed
from emotion_core.study.readings_file import read_header, read_readings

MACHINE: Final = "machine"
_COLUMNS: Final = ["time_s", "unsure", "excluded", "valid", *EXPRESSIONS]
# States of a step besides the seven expressions.
_NOTHING, _UNSURE, _OUT = 7, 8, 9


def machine_codings(
    study: Study, recordings: Iterable[str], min_s: Sequence[float]
) -> tuple[Coding, ...]:
    """What the machine codes: the expression with the largest probability of each step.

    A step that is unsure cannot be told. A step in an event of the kind exclude is not looked at.
    A step without a valid reading for any other reason is coded as nothing: the machine missed what
    a person may have seen.

    Args:
        study: with readings.
        recordings: names of those to read.
        min_s: shorter stretches of one expression or without a reading are joined to the
            expression before: readings at ten steps a second flicker where two expressions are
            equally likely, and a face may be lost for a moment. Where there is none before, a
            shorter stretch of an expression is not coded.

    Returns:
        A coding for each of `min_s`, all from reading the files once.
    """
    rows = {r.recording: r for r in study.recordings}
    made: list[dict[str, Coded]] = [{} for _ in min_s]
    missing = []
    for name in recordings:
        read = _readings(study, rows.get(name))
        if read is None:
            missing.append(name)
            continue
        for of, least_s in zip(made, min_s, strict=True):
            of[name] = _coded(*read, least_s)
    told = (f"The machine has no readings of {listed(missing)}.",) if missing else ()
    return tuple(Coding({MACHINE: of} if of else {}, EXPRESSIONS, told) for of in made)


def _readings(study: Study, recording: Recording | None) -> tuple[pd.DataFrame, float] | None:
    """Readings and the seconds of a step; None where there are none."""
    if recording is None:
        return None
    path = study.readings_file(recording)
    try:
        header, frame = read_header(path), read_readings(path, _COLUMNS)
    except InputError:
        return None
    return (frame, 1 / header.rate_hz) if header is not None and len(frame) else None


def _coded(frame: pd.DataFrame, step_s: float, min_s: float) -> Coded:
    states = _states(frame)
    times = frame["time_s"].to_numpy(np.float64)
    least = math.ceil(min_s / step_s - 1e-9)
    runs = _without_flicker(_runs(states), least)
    short = _too_short(runs, least)

    def spans(wanted: Iterable[int]) -> list[Interval]:
        these = set(wanted)
        return merged(_span(times, step_s, a, b) for a, b, s in runs if s in these)

    codes = [
        Code(*_span(times, step_s, a, b), EXPRESSIONS[s])
        for a, b, s in runs
        if s < _NOTHING and (a, b, s) not in short
    ]
    return Coded(spans(range(_OUT)), spans([_UNSURE]), codes)


def _span(times: Any, step_s: float, first: int, last: int) -> Interval:
    return float(times[first]), float(times[last - 1]) + step_s


def _states(frame: pd.DataFrame) -> IntArray:
    """(N,) the index of an expression, `_NOTHING`, `_UNSURE` or `_OUT`."""
    probs = frame[list(EXPRESSIONS)].to_numpy(np.float64)
    known = np.isfinite(probs).all(axis=1)
    states = np.where(known, np.nan_to_num(probs, nan=-1.0).argmax(axis=1), _NOTHING)
    flags = {name: frame[name].fillna(False).to_numpy(bool) for name in ("unsure", "excluded")}
    states[~frame["valid"].fillna(False).to_numpy(bool)] = _NOTHING
    states[flags["unsure"] & known] = _UNSURE
    states[flags["excluded"]] = _OUT
    return states.astype(np.int64)


def _runs(states: IntArray) -> list[tuple[int, int, int]]:
    """(first step, step after the last, state) of each run of equal states."""
    edges = np.flatnonzero(np.diff(states)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(states)]
    return [(a, b, int(states[a])) for a, b in zip(starts, ends, strict=True)]


def _without_flicker(runs: list[tuple[int, int, int]], least: int) -> list[tuple[int, int, int]]:
    """Too short runs of expressions, or of nothing, are joined to the expression before."""
    found: list[tuple[int, int, int]] = []
    for first, last, state in runs:
        before = found[-1] if found else None
        short = last - first < least and state <= _NOTHING
        if before is not None and before[2] < _NOTHING and (short or before[2] == state):
            found[-1] = (before[0], last, before[2])
        else:
            found.append((first, last, state))
    return found


def _too_short(runs: Sequence[tuple[int, int, int]], least: int) -> frozenset[tuple[int, int, int]]:
    """Runs of expressions of fewer steps than `least`; those of one expression count together where
    the machine only could not tell in between."""
    short: set[tuple[int, int, int]] = set()
    told = [run for run in runs if run[2] != _UNSURE]
    for state, group in groupby(told, key=lambda run: run[2]):
        of_one = list(group)
        if state < _NOTHING and sum(last - first for first, last, _ in of_one) < least:
            short.update(of_one)
    return frozenset(short)
