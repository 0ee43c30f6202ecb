"""A study as tables: a row for each signal of each event of each recording, and from it others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from emotion_core.atomic_io import replace_file, write_json
from emotion_core.datatypes import BoolArray
from emotion_core.progress import OnProgress, Progress, ignore_progress
from emotion_core.results.export import output_error
from emotion_core.results.face_table import Float64Array
from emotion_core.study.data_dictionary import dictionary
from emotion_core.study.definitions import SIGNALS, StudySettings
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.measures import MEASURES, Rows, Spans, measure, signals_of
from emotion_core.study.occurrences import Occurrence, occurrences
from emotion_core.study.other_measures import (
    OTHER_MEASURES,
    other_signals_in,
    with_other_signals,
)
from emotion_core.study.quality import exclusions, gate
from emotion_core.study.readings import build_all
from emotion_core.study.statistics.design import VALUE

_EVENT: Final = ("event", "event_kind", "occurrence", "start_s", "end_s")
_GATE: Final = ("included", "reason")
_FILES: Final = ("long", "wide", "cells", "exclusions")
_OF_SIGNALS: Final = tuple(m for m in MEASURES if m.rows is not Rows.EVENT)
_OF_EVENTS: Final = tuple(m.name for m in MEASURES if m.rows is Rows.EVENT)
_DAMAGED: Final = "Its readings cannot be read: delete this file in the folder readings."
# Two batches are computed at the same time; each is a recording or more.
_BATCH_STEPS: Final = 500_000
_WORKERS: Final = 2
# A column of recordings.csv with more values than this does not make cells.
_MOST_CELLS: Final = 20
_DECIMALS: Final = 6


def long_table(study: Study, progress: OnProgress = ignore_progress) -> pd.DataFrame:
    """One row for each recording, event and signal; missing values are NaN, never 0.

    Readings that are not up to date are prepared first.

    Args:
        study: the study.
        progress: told as it goes on; an exception that it raises cancels the rest.

    Returns:
        Columns: participant, recording, the study's variables (one that has the name of another
        column gets "_variable" added), event, event_kind, occurrence, start_s, end_s (seconds on
        the clock of the video), signal, those of `MEASURES`, included, reason. Each recording
        begins with the event "whole recording" of the kind "recording". The signals of OpenFace
        and py-feat follow those of this program where a recording has them.

    Raises:
        OutputError: the readings cannot be written.
    """
    build_all(study, progress)
    rows = occurrences(study)
    measured, damaged = _measured(study, rows, progress)
    reasons = _reasons(rows, measured, damaged, study.settings)
    frame = _events_frame(study, rows)
    count = len(SIGNALS)
    long = frame.loc[frame.index.repeat(count)].reset_index(drop=True)
    long["signal"] = list(SIGNALS) * len(rows)
    for one in MEASURES:
        long[one.name] = measured[one.name].ravel()
    long["included"] = np.repeat([not reason for reason in reasons], count).astype(bool)
    long["reason"] = pd.Series(np.repeat(reasons, count), dtype="str")
    return with_other_signals(study, rows, long)


def _events_frame(study: Study, rows: Sequence[Occurrence]) -> pd.DataFrame:
    """The columns of the long table before `signal`, one row an occurrence."""
    columns: dict[str, Any] = {
        "participant": [row.recording.participant or None for row in rows],
        "recording": [row.recording.recording for row in rows],
    }
    for variable, column in variable_columns(study).items():
        columns[column] = [row.recording.variables.get(variable) or None for row in rows]
    columns["event"] = [row.event for row in rows]
    columns["event_kind"] = [row.kind for row in rows]
    texts = {name: pd.Series(values, dtype="str") for name, values in columns.items()}
    times = [(row.start_s, np.nan if row.end_s is None else row.end_s) for row in rows]
    start_s, end_s = np.array(times, np.float64).reshape(-1, 2).T
    numbers = np.array([row.number for row in rows], np.int64)
    return pd.DataFrame({**texts, "occurrence": numbers, "start_s": start_s, "end_s": end_s})


def variable_columns(study: Study) -> dict[str, str]:
    """The study's variables, in the order of recordings.csv, and their columns in its tables."""
    taken = {"participant", "recording", *_EVENT, "signal", *(m.name for m in MEASURES), *_GATE}
    taken.add(VALUE)
    names = dict.fromkeys(name for r in study.recordings for name in r.variables)
    return {name: f"{name}_variable" if name in taken else name for name in names}


def _measured(
    study: Study, rows: Sequence[Occurrence], progress: OnProgress
) -> tuple[dict[str, Float64Array], BoolArray]:
    """Every measure, (G, 9), and (G,) which readings turned out to be damaged."""
    found = {m.name: np.full((len(rows), len(SIGNALS)), np.nan) for m in MEASURES}
    damaged = np.zeros(len(rows), np.bool_)
    batches = list(_batches(rows))
    with ThreadPoolExecutor(_WORKERS) as pool:
        running = [pool.submit(_measure_batch, study, rows, batch) for batch in batches]
        try:
            for done, (batch, future) in enumerate(zip(batches, running, strict=True)):
                progress(Progress("Compute the measures", done, len(batches)))
                values, damaged[batch] = future.result()
                for name, array in values.items():
                    found[name][batch] = array
        finally:
            for future in running:
                future.cancel()
    return found, damaged


def _batches(rows: Sequence[Occurrence]) -> Iterator[list[int]]:
    """Places of occurrences with readings; those of one recording are together."""
    batch: list[int] = []
    steps, last = 0, None
    for i, row in enumerate(rows):
        if row.grid is None:
            continue
        if row.recording is not last:
            if steps + row.grid.steps > _BATCH_STEPS and batch:
                yield batch
                batch, steps = [], 0
            steps, last = steps + row.grid.steps, row.recording
        batch.append(i)
    if batch:
        yield batch


def _measure_batch(
    study: Study, rows: Sequence[Occurrence], batch: Sequence[int]
) -> tuple[dict[str, Float64Array], BoolArray]:
    """The measures of some occurrences; a damaged file costs only its own recording."""
    picked = [rows[i] for i in batch]
    files: dict[Path, int] = {}
    place = [files.setdefault(study.readings_file(r.recording), len(files)) for r in picked]
    spans = [r.grid.span(r.start_s, r.end_s) for r in picked if r.grid and r.end_s is not None]
    first, last = np.array(spans, np.int64).T
    starts = np.array([row.start_s for row in picked])
    try:
        values = measure(
            list(files), Spans(np.array(place, np.int64), first, last, starts), study.settings
        )
    except duckdb.Error:
        if len(files) == 1:
            nothing = np.full((len(batch), len(SIGNALS)), np.nan)
            return {m.name: nothing for m in MEASURES}, np.ones(len(batch), np.bool_)
        cut = [[i for i, p in zip(batch, place, strict=True) if p == n] for n in range(len(files))]
        parts = [_measure_batch(study, rows, part) for part in cut]
        together = {m.name: np.concatenate([p[0][m.name] for p in parts]) for m in MEASURES}
        return together, np.concatenate([part[1] for part in parts])
    return values, np.zeros(len(batch), np.bool_)


def _reasons(
    rows: Sequence[Occurrence],
    measured: dict[str, Float64Array],
    damaged: BoolArray,
    settings: StudySettings,
) -> list[str]:
    """Why each occurrence is left out; "" if it counts."""
    gated = gate({name: measured[name][:, 0] for name in _OF_EVENTS}, settings)
    return [
        row.reason or (_DAMAGED if bad else "Outside of the recording." if _outside(row) else told)
        for row, bad, told in zip(rows, damaged, gated, strict=True)
    ]


def _outside(row: Occurrence) -> bool:
    grid, end_s = row.grid, row.end_s
    return (
        grid is not None
        and end_s is not None
        and (end_s <= grid.origin_s or row.start_s >= grid.end_s)
    )


def wide_table(long: pd.DataFrame) -> pd.DataFrame:
    """One row for each recording and event, with a column `<signal>_<measure>` for each.

    Args:
        long: the long table, or some of its rows.
    """
    key = ["recording", "event_kind", "event", "occurrence"]
    columns = long.columns.tolist()
    before = columns[: columns.index("signal")]
    # The first row of an event is one of this program's own signals.
    ids = long[[*before, *_OF_EVENTS, *_GATE]].drop_duplicates(key).set_index(key, drop=False)
    wide: dict[str, Any] = {}
    others = other_signals_in(long)
    for signal in (*SIGNALS, *others):
        rows = long[long["signal"] == signal].set_index(key)
        for one in OTHER_MEASURES if signal in others else _OF_SIGNALS:
            if signal in others or signal in signals_of(one):
                wide[f"{signal}_{one.name}"] = rows[one.name].reindex(ids.index)
    result = pd.concat([ids[before], pd.DataFrame(wide), ids[[*_OF_EVENTS, *_GATE]]], axis=1)
    return result.reset_index(drop=True)


def cell_columns(study: Study) -> list[str]:
    """The columns that divide a study into cells: variables with few values, and the event.

    A variable with a value of its own for every participant describes people, not conditions.
    """
    people = len({r.participant for r in study.recordings})
    columns = []
    for variable, column in variable_columns(study).items():
        values = {r.variables.get(variable, "") for r in study.recordings} - {""}
        if 0 < len(values) <= _MOST_CELLS and (len(values) < people or people < 3):
            columns.append(column)
    return [*columns, "event"]


def cells(long: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """What is left in each cell of the design.

    Args:
        long: the long table.
        by: columns; a cell is a combination of their values that occurs, a missing one included.

    Returns:
        One row for each cell: `by`, then participants, recordings and events that count,
        mean_valid_share of these, and events_left_out.
    """
    rows = long[long["signal"] == SIGNALS[0]]
    kept = rows["included"].to_numpy()
    parts = {
        "participants": rows["participant"].where(kept),
        "recordings": rows["recording"].where(kept),
        "events": kept,
        "mean_valid_share": rows["valid_share"].where(kept),
        "events_left_out": ~kept,
    }
    how = ("nunique", "nunique", "sum", "mean", "sum")
    keys = [rows[name].rename(f"by_{i}") for i, name in enumerate(by)]
    frame = pd.concat([*keys, pd.DataFrame(parts, index=rows.index)], axis=1)
    grouped = frame.groupby([key.name for key in keys], dropna=False, sort=False)
    found = grouped.agg(dict(zip(parts, how, strict=True))).reset_index()
    found.columns = pd.Index([*by, *parts])
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The tables that `write_tables` wrote: see there."""

    long: pd.DataFrame
    wide: pd.DataFrame
    cells: pd.DataFrame
    exclusions: pd.DataFrame


def write_tables(study: Study, progress: OnProgress = ignore_progress) -> Tables:
    """Write long.csv, wide.csv, cells.csv, exclusions.csv and long.json to the results folder.

    UTF-8, commas, a point as the decimal sign, numbers to six decimals, an empty cell for a missing
    value, 1 and 0 for `included`. The same study gives the same bytes.

    Raises:
        OutputError: the disk is full or the folder is not writable.
    """
    long = long_table(study, progress)
    tables = Tables(
        long, wide_table(long), cells(long, cell_columns(study)), exclusions(study, long)
    )
    folder = study.folder / RESULTS
    try:
        folder.mkdir(exist_ok=True)
        for name in _FILES:
            replace_file(folder / f"{name}.csv", csv_bytes(getattr(tables, name)))
        columns = {f"{name}.csv": getattr(tables, name).columns.tolist() for name in _FILES}
        write_json(folder / "long.json", dictionary(study, columns, other_signals_in(long)))
    except OSError as error:
        raise output_error(folder, error) from error
    return tables


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV, as `write_tables` describes it."""
    written = frame.copy()
    for name in frame.select_dtypes(["bool"]):
        written[name] = frame[name].astype(np.int8)
    for name in frame.select_dtypes(["float64"]):
        # Plus 0: a tiny negative number is not to become "-0.0".
        written[name] = frame[name].round(_DECIMALS) + 0.0
    return written.to_csv(index=False, lineterminator="\n").encode()
