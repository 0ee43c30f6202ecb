"""Tables of events: events.csv, markers.csv, and those of other programs with usual names."""

from dataclasses import replace
from typing import Final

from emotion_core.errors import InputError
from emotion_core.interchange.bids import MISSING as _MISSING
from emotion_core.interchange.document import OWN_KINDS
from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files.found import Found, FoundEvent
from emotion_core.study.events import events_of
from emotion_core.study.text_files import Row, Table, column_key, seconds_of

# The Brain Imaging Data Structure (BIDS) says onset, duration and trial_type. Its onsets count from
# the beginning of the recording.
_OF_BIDS: Final = "_events.tsv"
_NAMES: Final = {
    "start_s": ("start_s", "start", "onset", "onset_s", "start_(s)", "begin", "time", "time_s"),
    "end_s": ("end_s", "end", "stop", "stop_s", "stop_(s)", "end_(s)"),
    "duration": ("duration", "duration_s", "duration_(s)"),
    "label": ("label", "trial_type", "event", "name", "code", "stimulus", "description"),
    "kind": ("kind",),
    "recording": ("recording",),
    "participant": ("participant", "participant_id", "subject", "person"),
}


def is_table(table: Table) -> bool:
    """Whether a table has a column that is known to hold the starts of events."""
    return bool({column_key(c) for c in table.columns} & set(_NAMES["start_s"]))


def read_event_table(name: str, table: Table, labels_from: str) -> Found:
    """The events of a table; a `duration` may take the place of the end.

    Args:
        name: of the file.
        table: its rows.
        labels_from: the column of the labels; "": that with the usual name.

    Raises:
        InputError: there is no such column.
    """
    if {"frame", "track_id"} <= set(table.columns):
        raise InputError(f"{name} is a table of readings: its recording is added, not its events.")
    if labels_from and labels_from not in table.columns:
        raise InputError(f'{name} has no column "{labels_from}".')
    table = _with_ends(_plain(table.with_columns(_renamed(table, labels_from))))
    read = events_of(table, name)
    found = Found("table", on_video=name.lower().endswith(_OF_BIDS))
    found.problems += [
        replace(problem, message=problem.message.partition(" The row is kept")[0])
        for problem in read.problems
    ]
    own = "recording" in table.columns
    for event, row in zip(read.events, read.rows, strict=True):
        found.events.append(
            FoundEvent(
                event.start_s,
                event.end_s,
                event.label,
                event.kind,
                recording=event.recording if own else "",
                subject=row.cells.get("participant", ""),
            )
        )
    return found


def _renamed(table: Table, labels_from: str) -> dict[str, str]:
    keys = {column_key(column): column for column in table.columns}
    names = {column: column for column in table.columns}
    for ours, theirs in _NAMES.items():
        column = next((keys[name] for name in theirs if name in keys), None)
        if ours == "label" and labels_from:
            column = labels_from
        if column is not None:
            # Whatever had this name before gets out of the way.
            names |= {c: f"{n} (column)" for c, n in names.items() if n == ours and c != column}
            names[column] = ours
    return names


def _with_ends(table: Table) -> Table:
    if "duration" not in table.columns or "end_s" in table.columns:
        return table
    rows = tuple(map(_with_end, table.rows))
    return replace(table, columns=(*table.columns, "end_s"), rows=rows)


def _plain(table: Table) -> Table:
    """Without the "n/a" of BIDS, and without kinds that only this program's exports have."""
    rows = []
    for row in table.rows:
        cells = {c: "" if cell == _MISSING else cell for c, cell in row.cells.items()}
        if cells.get("kind") in OWN_KINDS:
            cells["kind"] = str(EventKind.EVENT)
        rows.append(replace(row, cells=cells))
    return replace(table, rows=tuple(rows))


def _with_end(row: Row) -> Row:
    try:
        start_s, length_s = (seconds_of(row.cells.get(c, "")) for c in ("start_s", "duration"))
    except InputError:
        # A start that is not a time is told later; an event without a duration is a point.
        return row
    return replace(row, cells={**row.cells, "end_s": repr(start_s + length_s)})
