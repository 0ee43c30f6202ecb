"""events.csv: what happened when, in one recording, in some, or in all of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from emotion_core.errors import InputError
from emotion_core.study.definitions import EVERY_RECORDING, Event, EventKind, Recording
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import (
    Row,
    Table,
    clean,
    column_key,
    range_texts,
    read_table,
    seconds_of,
    written_table,
)

EVENTS: Final = "events.csv"
COLUMNS: Final = ("recording", "kind", "label", "start_s", "end_s")
_KINDS: Final = {"": EventKind.EVENT, **{str(kind): kind for kind in EventKind}}
_NO_TABLE: Final = Table(COLUMNS, ())


@dataclass(frozen=True, slots=True)
class EventsFile:
    """What events.csv holds.

    Attributes:
        events: the rows that can be used, in their order.
        table: the file as it was read.
        rows: the row of each event.
        unread: rows that cannot be used; they are kept when the file is written.
        problems: what is wrong with them.
    """

    events: tuple[Event, ...] = ()
    table: Table = _NO_TABLE
    rows: tuple[Row, ...] = ()
    unread: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_events(path: Path) -> list[Event]:
    """The events of a file like events.csv; rows that cannot be used are left out.

    Raises:
        InputError: the file cannot be read at all.
    """
    return list(read_events_file(path).events)


def read_events_file(path: Path) -> EventsFile:
    """Read events.csv; a row that cannot be used costs only itself.

    Raises:
        InputError: the file cannot be read at all.
    """
    return events_of(read_table(path), path.name)


def events_of(table: Table, where: str = EVENTS) -> EventsFile:
    """The events of a table; `where` is the file's name, for what is told about it."""
    keys = {column: column_key(column) for column in table.columns}
    table = table.with_columns({c: key if key in COLUMNS else c for c, key in keys.items()})
    found, rows, unread, problems = [], [], [], []
    if table.rows and "start_s" not in table.columns:
        words = 'There is no column "start_s": no row can be used.'
        problems.append(Problem(f"{where}, row 1", words))
    for row in table.rows:
        try:
            found.append(_event_of(row))
            rows.append(row)
        except InputError as error:
            unread.append(row)
            hint = " The row is kept as it is, and not used until it is corrected."
            problems.append(Problem(f"{where}, row {row.number}", f"{error}{hint}"))
    return EventsFile(tuple(found), table, tuple(rows), tuple(unread), tuple(problems))


def _event_of(row: Row) -> Event:
    if fault := row.fault():
        raise InputError(fault)
    cells = row.cells
    recording = cells.get("recording", EVERY_RECORDING)
    if not recording:
        raise InputError(f'Write whose event it is: a recording, or "{EVERY_RECORDING}" for all.')
    kind = kind_named(cells.get("kind", ""))
    start_s = _time(cells.get("start_s", ""), "start_s")
    end = cells.get("end_s", "")
    end_s = _time(end, "end_s") if end else start_s
    return Event(recording, kind, cells.get("label") or str(kind), start_s, end_s)


def _time(text: str, column: str) -> float:
    try:
        return seconds_of(text)
    except InputError as error:
        raise InputError(f"{column}: {error}.") from error


def kind_named(name: str) -> EventKind:
    """The kind of this name; "" is an event.

    Raises:
        InputError: there is no such kind.
    """
    kind = _KINDS.get(name.strip().casefold())
    if kind is None:
        kinds = ", ".join(EventKind)
        raise InputError(f'There is no kind "{name}" of event; the kinds are {kinds}.')
    return kind


def written_events(before: EventsFile, events: Sequence[Event]) -> bytes:
    """events.csv with other events; further columns and unread rows of the file stay."""
    further: dict[Event, list[Row]] = defaultdict(list)
    for event, row in zip(before.events, before.rows, strict=True):
        further[event].append(row)
    columns = [*before.table.columns, *(c for c in COLUMNS if c not in before.table.columns)]
    rows = []
    for event in events:
        kept = further[event].pop(0).cells if further.get(event) else {}
        start, end = range_texts(event.start_s, event.end_s)
        named = (event.recording, str(event.kind), event.label, start, end)
        rows.append({**kept, **dict(zip(COLUMNS, named, strict=True))})
    return written_table(columns, rows, before.table, before.unread)


def in_order_of_time(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events sorted by recording, start and end."""
    return tuple(sorted(events, key=lambda e: (e.recording, e.start_s, e.end_s, e.label)))


def merge_changes(
    seen: Sequence[Event], wanted: Sequence[Event], now: Sequence[Event]
) -> tuple[Event, ...]:
    """Apply a person's changes to events that others changed in the meantime.

    Args:
        seen: what this person saw.
        wanted: what this person made of it.
        now: what is on disk; its changes since `seen` are kept.
    """
    if list(seen) == list(now):
        return tuple(wanted)
    gone, new = Counter(seen) - Counter(wanted), Counter(wanted) - Counter(seen)
    kept = []
    for event in now:
        if gone[event] > 0:
            gone[event] -= 1
        else:
            kept.append(event)
    return (*kept, *new.elements())


class EventIndex:
    """Which events a recording has, found without comparing each event with each recording."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._named: dict[str, list[Event]] = defaultdict(list)
        self._others: list[Event] = []
        for event in events:
            shared = event.recording == EVERY_RECORDING or "=" in event.recording
            (self._others if shared else self._named[event.recording]).append(event)

    def of(self, recording: Recording) -> list[Event]:
        """The events of a recording, by start."""
        found = list(self._named.get(recording.recording, ()))
        found += [event for event in self._others if event.applies_to(recording)]
        return sorted(found, key=lambda e: (e.start_s, e.end_s))


def on_clock_of(recording: Recording, event: Event) -> tuple[float, float]:
    """Start and end of an event on the clock of a recording's video, in seconds."""
    offset_s = recording.clock_offset_s
    return event.start_s - offset_s, event.end_s - offset_s


def cleaned(event: Event) -> Event:
    """An event as it will be read again: without surrounding blanks."""
    label = clean(event.label) or str(event.kind)
    return replace(event, recording=clean(event.recording), label=label)
