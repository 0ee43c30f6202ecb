"""The signals of OpenFace and py-feat in the tables of a study."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from emotion_core.errors import InputError
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import SIGNALS
from emotion_core.study.folder import Study
from emotion_core.study.measures import MEASURES, Measure, Rows
from emotion_core.study.occurrences import Occurrence
from emotion_core.study.other_signals import is_other_signal
from emotion_core.study.readings_file import read_header, read_readings

# Baselines, dominance and episodes are those of expressions.
_NAMES: Final = ("mean", "median", "sd", "max", "max_time_s")
OTHER_MEASURES: Final[tuple[Measure, ...]] = tuple(m for m in MEASURES if m.name in _NAMES)
_PLACE: Final = "_place"


def other_signals_in(long: pd.DataFrame) -> list[str]:
    """The signals of other programs in a long table, in their order."""
    return [name for name in dict.fromkeys(long["signal"]) if is_other_signal(name)]


def with_other_signals(
    study: Study, rows: Sequence[Occurrence], long: pd.DataFrame
) -> pd.DataFrame:
    """The long table with rows for the signals of other programs, after those of each event.

    A valid step of such a signal is a valid step of the recording in which the signal has a value;
    valid_s and valid_share count these. Whether an event is included is decided by the recording.

    Args:
        study: the study.
        rows: its occurrences.
        long: with a row for each of `SIGNALS` of each occurrence, in their order.
    """
    found = [row for place in _places(rows) for row in _rows_of(study, rows, place, long)]
    if not found:
        return long
    more = pd.DataFrame(found)
    # The same kinds of columns: text stays text where a value is missing.
    more = more.astype({c: long[c].dtype for c in long.columns})
    both = pd.concat([long.assign(**{_PLACE: np.repeat(np.arange(len(rows)), len(SIGNALS))}), more])
    both = both.sort_values(_PLACE, kind="stable").reset_index(drop=True)
    return both[long.columns]


def _places(rows: Sequence[Occurrence]) -> Iterator[list[int]]:
    """Places of the occurrences with readings, those of one recording together."""
    places: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.grid is not None and row.end_s is not None:
            places.setdefault(row.recording.recording, []).append(i)
    yield from places.values()


def _rows_of(
    study: Study, rows: Sequence[Occurrence], places: Sequence[int], long: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    path = study.readings_file(rows[places[0]].recording)
    header = read_header(path)
    names = header.others if header else ()
    if not names:
        return
    try:
        readings = read_readings(path, ["time_s", "valid", *names])
    except InputError:
        return  # told with the recording's own signals
    times = readings["time_s"].to_numpy()
    values = readings[list(names)].to_numpy(np.float64, copy=True)
    values[~readings["valid"].to_numpy()] = np.nan
    for place in places:
        row = rows[place]
        if row.grid is None or row.end_s is None:
            continue
        first, last = row.grid.span(row.start_s, row.end_s)
        inside = slice(max(first, 0), max(last, 0))
        step_s = 1 / row.grid.rate_hz
        about: dict[Any, Any] = long.iloc[place * len(SIGNALS)].to_dict()
        missing = {m.name: np.nan for m in MEASURES if m.rows is not Rows.EVENT}
        since = np.maximum(times[inside] - row.start_s, 0)
        for k, name in enumerate(names):
            counts = _measured(values[inside, k], since)
            valid = counts.pop("valid")
            share = valid / (last - first) if last > first else np.nan
            counts |= {"valid_share": share, "valid_s": valid * step_s}
            yield {**about, **missing, "signal": name, **counts, _PLACE: place}


def _measured(values: Float64Array, since_s: Float64Array) -> dict[str, float]:
    """`OTHER_MEASURES` of the values that are there, and how many these are."""
    there = ~np.isnan(values)
    x = values[there]
    if not len(x):
        return {"valid": 0.0}
    return {
        "valid": float(len(x)),
        "mean": float(x.mean()),
        "median": float(np.median(x)),
        "sd": float(x.std(ddof=1)) if len(x) > 1 else np.nan,
        "max": float(x.max()),
        "max_time_s": float(since_s[there][x.argmax()]),
    }
