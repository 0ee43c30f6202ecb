"""What is measured in each event of each recording: definitions, and their computation by DuckDB.

The definitions here are the only ones: the query, the sidecar of the tables and the documentation
come from them.
"""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from glob import escape
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from emotion_core.datatypes import IntArray
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import SIGNALS, StudySettings
from emotion_core.study.readings_file import CORRECTED


class Rows(Enum):
    """What a measure is computed from."""

    STEPS = "steps"  # the valid steps of the event
    EPISODES = "episodes"  # unbroken stretches at or above the threshold, cut to the event
    EVENT = "event"  # all steps of the event; the same for every signal


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a signal in an event.

    Attributes:
        name: of its column.
        label: for people.
        unit: of its values; "signal" is that of the signal.
        formula: how it is computed, in words.
        rows: what it is computed from.
        sql: the aggregate of a group of rows. For STEPS {x} is the signal, {c} the corrected
            signal, {i} its number, `dominant` the number of the largest of the seven and `since_s`
            the time from the event's start; EPISODES have `length_s`, `start_s` (from the event's
            start) and `counts` (long enough); EVENT has `step_s`, `planned_steps`, and whether a
            step is `valid`, `usable` (it has a reading that is not excluded) and `unsure`.
        expressions_only: valence and arousal do not have it.
    """

    name: str
    label: str
    unit: str
    formula: str
    rows: Rows
    sql: str
    expressions_only: bool = False


MEASURES: Final[tuple[Measure, ...]] = (
    Measure("mean", "Mean", "signal", "Mean over the valid steps.", Rows.STEPS, "avg({x})"),
    Measure("median", "Median", "signal", "Median of the valid steps.", Rows.STEPS, "median({x})"),
    Measure(
        "sd",
        "Standard deviation",
        "signal",
        "Square root of the sum of squared deviations from the mean over the valid steps, divided "
        "by their number minus 1; missing with a single step.",
        Rows.STEPS,
        "stddev_samp({x})",
    ),
    Measure("max", "Maximum", "signal", "Largest value of a valid step.", Rows.STEPS, "max({x})"),
    Measure(
        "max_time_s",
        "Time of the maximum",
        "s",
        "Start of the first valid step with the largest value, from the event's start.",
        Rows.STEPS,
        "-max({{'x': {x}, 's': -since_s}}).s",
    ),
    Measure(
        "mean_corrected",
        "Mean above baseline",
        "signal or log-odds",
        "Mean over the valid steps of the signal minus its baseline; missing without a baseline.",
        Rows.STEPS,
        "avg({c})",
    ),
    Measure(
        "area",
        "Area above baseline",
        "signal × s or log-odds × s",
        "Sum over the valid steps of the signal minus its baseline where that is positive, times "
        "the length of a step; missing without a baseline.",
        Rows.STEPS,
        "sum(({c} + abs({c})) / 2) * any_value(step_s)",
    ),
    Measure(
        "dominant_share",
        "Share of time dominant",
        "share",
        "Share of the valid steps in which this expression is the largest of the seven.",
        Rows.STEPS,
        "avg(CAST(dominant = {i} AS INTEGER))",
        expressions_only=True,
    ),
    Measure(
        "episodes",
        "Episodes",
        "count",
        "Number of unbroken stretches of valid steps at or above `episode_threshold` that last at "
        "least `episode_min_s`; a step that is missing or not valid ends a stretch, and so does "
        "the event's start or end.",
        Rows.EPISODES,
        "count(*) FILTER (counts)",
        expressions_only=True,
    ),
    Measure(
        "episodes_per_min",
        "Episodes a minute",
        "1/min",
        "60 times the number of episodes, divided by the valid seconds.",
        Rows.EPISODES,
        "60 * count(*) FILTER (counts) / any_value(valid_s)",
        expressions_only=True,
    ),
    Measure(
        "episode_mean_s",
        "Mean length of an episode",
        "s",
        "Mean length of the episodes; missing where there are none.",
        Rows.EPISODES,
        "avg(length_s) FILTER (counts)",
        expressions_only=True,
    ),
    Measure(
        "onset_s",
        "Onset latency",
        "s",
        "Start of the first valid step at or above `episode_threshold`, from the event's start; "
        "missing where there is none.",
        Rows.EPISODES,
        "min(start_s)",
        expressions_only=True,
    ),
    Measure(
        "valid_share",
        "Valid share",
        "share",
        "Valid steps divided by the steps of the whole event, also those outside of the recording.",
        Rows.EVENT,
        "count(*) FILTER (valid) / any_value(planned_steps)",
    ),
    Measure(
        "valid_s",
        "Valid time",
        "s",
        "Number of valid steps times the length of a step.",
        Rows.EVENT,
        "count(*) FILTER (valid) * any_value(step_s)",
    ),
    Measure(
        "unsure_share",
        "Unsure share",
        "share",
        "Unsure steps divided by all steps with a reading, both outside of excluded time.",
        Rows.EVENT,
        "count(*) FILTER (usable AND unsure) / nullif(count(*) FILTER (usable), 0)",
    ),
)
# More is kept on the disk while it is computed.
_MEMORY: Final = "700MB"


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The events to measure; entry i of each array is one event.

    Attributes:
        file: (G,) int64, place of its recording in the list of files.
        first, last: (G,) int64, steps [first, last) of the recording; they may be outside.
        start_s: (G,) float64, start of the event on the clock of the video.
    """

    file: IntArray
    first: IntArray
    last: IntArray
    start_s: Float64Array


def measure(
    files: Sequence[Path], spans: Spans, settings: StudySettings
) -> dict[str, Float64Array]:
    """Every measure of every signal in every event.

    Args:
        files: readings of one rate.
        spans: the events.
        settings: rate and episodes.

    Returns:
        Name of a measure → (G, 9) float64 in the order of `SIGNALS`; NaN is missing.

    Raises:
        duckdb.Error: a file is missing or damaged.
    """
    groups = len(spans.file)
    found = {m.name: np.full((groups, len(SIGNALS)), np.nan) for m in MEASURES}
    if not groups:
        return found
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        # One thread adds up in one order: the same readings give the same last digit.
        connection.execute("SET threads = 1")
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET temp_directory = $1", [spill])
        _prepare(connection, files, spans)
        for rows, query in _queries(settings).items():
            _collect(found, rows, connection.sql(query).to_arrow_table())
    _fill_counts(found)
    return found


def _prepare(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    spans: Spans,
) -> None:
    """The tables `steps` and `events`."""
    names = pa.table({"name": [path.name for path in files], "file": np.arange(len(files))})
    events = {
        "event": np.arange(len(spans.file)),
        "file": spans.file,
        "first": spans.first,
        "last": spans.last,
        "start_s": spans.start_s,
    }
    connection.register("names", names)
    connection.register("given", pa.table(events))
    connection.execute("CREATE TEMP TABLE events AS SELECT * FROM given")
    signals = [f"CAST({name} AS DOUBLE) AS {name}" for name in (*SIGNALS, *CORRECTED)]
    greatest = f"greatest({', '.join(EXPRESSIONS)})"
    whens = " ".join(f"WHEN {name} THEN {i}" for i, name in enumerate(EXPRESSIONS))
    connection.execute(
        f"""
        CREATE TEMP TABLE steps AS
        SELECT names.file, file_row_number AS step, time_s, valid,
            (seen OR held) AND NOT excluded AS usable, unsure,
            CASE {greatest} {whens} END AS dominant, {", ".join(signals)}
        FROM read_parquet($1, filename = true, file_row_number = true) AS readings
        JOIN names ON names.name = parse_filename(readings.filename)
        """,
        [[escape(str(path)) for path in files]],
    )


def _queries(settings: StudySettings) -> dict[Rows, str]:
    """One query for each kind of rows; its columns are `event`, perhaps `signal`, and measures."""
    step_s = 1 / settings.rate_hz
    inside = "steps.file = events.file AND step >= first AND step < last"
    of_steps = [
        f"{m.sql.format(x=name, c=f'{name}_corrected', i=i)} AS {name}_{m.name}"
        for m in MEASURES
        if m.rows is Rows.STEPS
        for i, name in enumerate(signals_of(m))
    ]
    steps = f"""
        SELECT event, {", ".join(of_steps)}
        FROM (
            SELECT steps.*, event, greatest(time_s - start_s, 0) AS since_s, {step_s!r} AS step_s
            FROM steps JOIN events ON {inside} WHERE valid
        ) GROUP BY event
    """
    of_events = [f"{m.sql} AS {m.name}" for m in MEASURES if m.rows is Rows.EVENT]
    whole = f"""
        SELECT event, {", ".join(of_events)}
        FROM (
            SELECT events.event, coalesce(valid, false) AS valid, coalesce(usable, false) AS usable,
                unsure, {step_s!r} AS step_s, nullif(last - first, 0) AS planned_steps
            FROM events LEFT JOIN steps ON {inside}
        ) GROUP BY event
    """
    return {Rows.STEPS: steps, Rows.EVENT: whole, Rows.EPISODES: _episodes(settings)}


def _episodes(settings: StudySettings) -> str:
    """Gaps and islands: in an unbroken stretch, the step minus its rank does not change."""
    # Readings are single precision: 0.7 must reach a threshold of 0.7.
    threshold, step_s = float(np.float32(settings.episode_threshold)), 1 / settings.rate_hz
    least = math.ceil(settings.episode_min_s * settings.rate_hz - 1e-9)
    stretches = " UNION ALL ".join(
        f"""
        SELECT file, {i} AS signal, min(step) AS begins, max(step) + 1 AS ends,
            min(time_s) AS time_s
        FROM (
            SELECT file, step, time_s,
                step - row_number() OVER (PARTITION BY file ORDER BY step) AS island
            FROM steps WHERE valid AND {name} >= {threshold!r}
        ) GROUP BY file, island
        """
        for i, name in enumerate(EXPRESSIONS)
    )
    measures = [f"{m.sql} AS {m.name}" for m in MEASURES if m.rows is Rows.EPISODES]
    return f"""
        WITH stretches AS ({stretches}),
        seconds AS (
            SELECT event, count(*) * {step_s!r} AS valid_s
            FROM events JOIN steps
                ON steps.file = events.file AND step >= first AND step < last
            WHERE valid GROUP BY event
        ),
        pieces AS (
            SELECT events.event, signal, valid_s,
                least(ends, last) - greatest(begins, first) AS length,
                greatest(time_s + greatest(first - begins, 0) * {step_s!r} - start_s, 0) AS start_s
            FROM stretches
            JOIN events ON stretches.file = events.file AND begins < last AND ends > first
            JOIN seconds ON seconds.event = events.event
        )
        SELECT event, signal, {", ".join(measures)}
        FROM (SELECT *, length * {step_s!r} AS length_s, length >= {least} AS counts FROM pieces)
        GROUP BY event, signal
    """


def signals_of(one: Measure) -> tuple[str, ...]:
    """The signals that have a measure."""
    return EXPRESSIONS if one.expressions_only else SIGNALS


def _collect(found: dict[str, Float64Array], rows: Rows, answer: Any) -> None:
    """Put the rows of an answer where they belong."""

    def column(name: str) -> Float64Array:
        values = answer[name].to_numpy(zero_copy_only=False)
        return np.asarray(values, np.float64)

    event = answer["event"].to_numpy()
    for one in MEASURES:
        if one.rows is not rows:
            continue
        if rows is Rows.EPISODES:
            found[one.name][event, answer["signal"].to_numpy()] = column(one.name)
        elif rows is Rows.EVENT:
            found[one.name][event] = column(one.name)[:, None]
        else:
            for i, name in enumerate(signals_of(one)):
                found[one.name][event, i] = column(f"{name}_{one.name}")


def _fill_counts(found: dict[str, Float64Array]) -> None:
    """Where there are valid steps and no stretch, the number of episodes is 0, not missing."""
    for name in ("episodes", "episodes_per_min"):
        counts = found[name][:, :NUM_EXPRESSIONS]
        valid = found["valid_s"][:, :NUM_EXPRESSIONS] > 0
        counts[np.isnan(counts) & valid] = 0
