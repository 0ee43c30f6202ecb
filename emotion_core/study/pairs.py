"""Two recordings, or pairs of them, on one clock: what synchrony is computed from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import InputError
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.readings_file import read_readings
from emotion_core.study.statistics.synchrony import aligned


@dataclass(frozen=True, slots=True, eq=False)
class PairSignals:
    """One signal of two people at the same moments.

    Attributes:
        times_s: (T,) seconds on the clock of the events.
        first, second: (T,) float64; NaN where no reading is valid.
        rate_hz: moments a second.
    """

    times_s: Float64Array
    first: Float64Array
    second: Float64Array
    rate_hz: float


def pair_signals(study: Study, first: Recording, second: Recording, signal: str) -> PairSignals:
    """The time that two recordings share, on the clock of the events.

    Two people of one video are two recordings of it.

    Raises:
        InputError: a recording has no readings, or they do not overlap.
    """
    rate_hz = study.settings.rate_hz
    start_a, a = _signal(study, first, signal)
    start_b, b = _signal(study, second, signal)
    x, y = aligned(a, b, rate_hz, start_b - start_a)
    times = max(start_a, start_b) + np.arange(len(x)) / rate_hz
    return PairSignals(times, x, y, rate_hz)


def _signal(study: Study, recording: Recording, signal: str) -> tuple[float, Float64Array]:
    """Start on the clock of the events, and the valid readings from there on."""
    path = study.readings_file(recording)
    if not path.is_file():
        raise InputError(f"{recording.recording} has no readings: compute the results first.")
    table = read_readings(path, ["time_s", "valid", signal])
    if table.empty:
        raise InputError(f"{recording.recording} has no readings.")
    values = table[signal].to_numpy(np.float64, na_value=np.nan)
    values[~table["valid"].to_numpy(bool)] = np.nan
    return float(table["time_s"].iloc[0]) + recording.clock_offset_s, values


def pairs_of(study: Study, column: str) -> tuple[dict[str, tuple[Recording, Recording]], list[str]]:
    """Value of a column → its two recordings, in the order of recordings.csv; others are named.

    Args:
        study: the study.
        column: a variable that both recordings of a pair have the same value of.
    """
    members: dict[str, list[Recording]] = {}
    for row in study.recordings:
        if row.include and (value := _value(row.variables, column)):
            members.setdefault(value, []).append(row)
    pairs = {name: (rows[0], rows[1]) for name, rows in members.items() if len(rows) == 2}
    return pairs, [name for name, rows in members.items() if len(rows) != 2]


def _value(variables: Mapping[str, str], column: str) -> str:
    return variables.get(column, "").strip()
