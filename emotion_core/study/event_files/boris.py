"""BORIS (Friard & Gamba 2016, doi 10.1111/2041-210X.12584): exported tables and project files."""

import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json
from emotion_core.errors import InputError
from emotion_core.interchange.boris import OVERLAP
from emotion_core.interchange.document import OWN_KINDS
from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files.found import (
    Found,
    FoundEvent,
    Line,
    Mark,
    kind_from,
    label_from,
    pair_up,
)
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import (
    Row,
    Table,
    Text,
    column_key,
    decoded,
    read_text,
    seconds_of,
    sniffed,
    split_cells,
    table_of,
)

# Above the table, earlier versions write what was observed; it rarely has more lines.
_LINES_ABOVE: Final = 300
_MOST_BYTES: Final = 256_000_000
_MARKS: Final = {"point": Mark.POINT, "start": Mark.START, "stop": Mark.STOP}
_NO_SUBJECT: Final = frozenset({"", "no focal subject", "na"})
_EXACT: Final = frozenset(map(str, EventKind))
_NOTHING: Final = frozenset({"", "none", "na"})


def header_line(text: Text) -> int | None:
    """How many lines are above the header of an exported table; None: there is no such table."""
    for above, line in enumerate(text.text.split("\n", _LINES_ABOVE)[:_LINES_ABOVE]):
        keys = {column_key(cell.strip()) for cell in split_cells(line, sniffed(line))}
        if "behavior" in keys and keys & {"time", "start_(s)"}:
            return above
    return None


def read_table_of_boris(name: str, text: Text, above: int) -> Found:
    """Exported "tabular events" or "aggregated events", with or without lines above them."""
    found = Found("BORIS", on_video=True)
    session, media = _observed(text.text.split("\n", above)[:above])
    table = table_of(text, above)
    lines = []
    for row in _rows(table):
        where = f"{name}, row {row.number}"
        try:
            line = _line_of(where, row.cells, session, media)
        except InputError as error:
            found.problems.append(Problem(where, f"{error}. The row is left out."))
            continue
        if isinstance(line, Line):
            lines.append(line)
        else:
            found.events.append(line)
    pair_up(found, lines)
    return found


def _rows(table: Table) -> Iterator[Row]:
    yield from table.with_columns({c: column_key(c) for c in table.columns}).rows


def _observed(lines: list[str]) -> tuple[str, tuple[str, ...]]:
    """The observation and its media files, as the lines above a table name them."""
    session, media = "", []
    for line in lines:
        cells = [cell.strip() for cell in split_cells(line, sniffed(line))]
        key = column_key(cells[0]) if cells else ""
        value = next((cell for cell in cells[1:] if cell), "")
        if key == "observation_id":
            session = value
        elif value and (key.startswith("player") or key == "media_file(s)"):
            media.append(value)
    return session, tuple(media)


def _line_of(
    where: str, cells: Mapping[str, str], session: str, media: tuple[str, ...]
) -> Line | FoundEvent:
    behavior = label_from(cells.get("behavior", ""))
    if not behavior:
        raise InputError("It names no behavior")
    kind = _kind(cells.get("behavioral_category", ""), behavior)
    modifiers = [cell for key, cell in cells.items() if key.startswith("modifier")]
    start_s = seconds_of(cells.get("start_(s)") or cells.get("time", ""))
    event = FoundEvent(
        start_s,
        start_s,
        _label(behavior, modifiers),
        kind,
        session=cells.get("observation_id") or session,
        media=_media(cells) or media,
        subject=_subject(cells.get("subject", "")),
    )
    if "start_(s)" in cells:
        stop = cells.get("stop_(s)", "")
        end_s = start_s if stop.casefold() in _NOTHING else seconds_of(stop)
        return _interval(event, end_s)
    said = (cells.get("behavior_type") or cells.get("status") or "point").casefold()
    if said not in _MARKS:
        raise InputError(f'"{said}" is neither a point nor the start or stop of a state')
    return Line(where, _MARKS[said], (event.session, event.subject, event.label), event)


def _kind(category: str, behavior: str) -> EventKind:
    """A category that is a kind itself decides; else the words of both do."""
    if category in _EXACT:
        return EventKind(category)
    if category in OWN_KINDS:
        return EventKind.EVENT
    return kind_from(f"{category} {behavior}", EventKind.EVENT)


def _interval(event: FoundEvent, end_s: float) -> FoundEvent:
    if end_s < event.start_s:
        raise InputError("It ends before it starts")
    return FoundEvent(
        event.start_s,
        end_s,
        event.label,
        event.kind,
        session=event.session,
        media=event.media,
        subject=event.subject,
    )


def _label(behavior: str, modifiers: list[str]) -> str:
    given = (m.strip() for text in modifiers for m in text.split("|"))
    said = [m for m in given if m.casefold() not in _NOTHING and not OVERLAP.fullmatch(m)]
    return label_from(f"{behavior} ({', '.join(said)})" if said else behavior)


def _subject(name: str) -> str:
    return "" if name.casefold() in _NO_SUBJECT else name


def _media(cells: Mapping[str, str]) -> tuple[str, ...]:
    names = ("media_file_name", "media_file", "media_file_path", "source")
    text = next((cells[name] for name in names if cells.get(name)), "")
    files = (part.strip() for part in text.split(";"))
    # "player #1:P01.mp4"
    return tuple(f.partition(":")[2] if f.startswith("player #") else f for f in files if f)


def read_project(path: Path) -> Found:
    """A project: all of its observations, each under its name.

    Raises:
        InputError: it is not a BORIS project.
    """
    try:
        data = parse_json(_project_text(path))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is not a project of BORIS: {error}.") from error
    observations = data.get("observations") if isinstance(data, dict) else None
    if not isinstance(observations, dict):
        raise InputError(f"{path.name} is not a project of BORIS: it has no observations.")
    found, behaviors = Found("BORIS", on_video=True), _behaviors(data)
    for session, observation in observations.items():
        lines: list[Line] = []
        for number, entry in enumerate(_list(_dict(observation).get("events")), 1):
            where = f"{path.name}, observation {session}, event {number}"
            try:
                lines.append(_project_line(where, session, _dict(observation), entry, behaviors))
            except (InputError, IndexError, TypeError) as error:
                words = str(error) if isinstance(error, InputError) else "It is incomplete"
                found.problems.append(Problem(where, f"{words}. The event is left out."))
        pair_up(found, lines)
    return found


def _project_text(path: Path) -> str:
    if path.suffix.lower() != ".gz":
        return read_text(path).text
    try:
        with gzip.open(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read: {error}.") from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path.name} unpacks to more than {_MOST_BYTES / 1e6:.0f} MB.")
    return decoded(data).text


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _behaviors(data: Mapping[str, Any]) -> dict[str, tuple[bool, str]]:
    """Code of a behavior → whether it is a state, and its category."""
    rows = [_dict(row) for row in _dict(data.get("behaviors_conf")).values()]
    return {
        str(row.get("code")): (
            str(row.get("type", "")).casefold().startswith("state"),
            str(row.get("category") or ""),
        )
        for row in rows
    }


def _project_line(
    where: str,
    session: str,
    observation: Mapping[str, Any],
    entry: Any,
    behaviors: Mapping[str, tuple[bool, str]],
) -> Line:
    time_s, subject, code = entry[0], str(entry[1] or ""), label_from(str(entry[2] or ""))
    modifiers = str(entry[3] or "") if len(entry) > 3 else ""
    number = isinstance(time_s, int | float) and not isinstance(time_s, bool)
    if not number or not math.isfinite(_float(time_s)):
        raise InputError("It has no time")
    if not code:
        raise InputError("It names no behavior")
    state, category = behaviors.get(code, (False, ""))
    event = FoundEvent(
        _float(time_s),
        _float(time_s),
        _label(code, [modifiers]),
        _kind(category, code),
        session=session,
        media=_project_media(observation),
        subject=_subject(subject),
    )
    mark = Mark.TOGGLE if state else Mark.POINT
    # As BORIS pairs them.
    return Line(where, mark, (event.subject, code, modifiers), event)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _project_media(observation: Mapping[str, Any]) -> tuple[str, ...]:
    players = observation.get("file")
    lists = players.values() if isinstance(players, dict) else [players]
    return tuple(str(file) for files in lists for file in _list(files))
