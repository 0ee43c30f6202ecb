"""PsychoPy (Peirce et al. 2019, doi 10.3758/s13428-018-01193-y): tables and logs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from emotion_core.errors import InputError
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
from emotion_core.study.text_files import Table, Text, seconds_of

_STARTED: Final = ".started"
_STOPPED: Final = ".stopped"
_NOTHING: Final = frozenset({"", "none", "null", "nan", "undefined"})
_LEVELS: Final = "DATA|EXP|INFO|DEBUG|WARNING|ERROR|CRITICAL"
_LOG_LINE: Final = re.compile(rf"\s*(-?\d+\.?\d*)\s*\t\s*({_LEVELS})\s*\t\s?(.*)")
_SETS: Final = re.compile(r"(.{1,200}?): (\w+) = (.*)")
_KEY: Final = re.compile(r"Key(?:press|down)?: (.+)")
_FILES: Final = frozenset({"image", "movie", "filename", "sound", "texture"})
_OURS: Final = re.compile(r"Created |Loaded |Imported |Window|window|New trial|Set |unnamed ")


def is_table(table: Table) -> bool:
    """Whether a table has times of components."""
    return any(column.endswith(_STARTED) for column in table.columns)


def read_psychopy_table(name: str, table: Table, labels_from: str) -> Found:
    """A data file: an event for each component in each row, on the clock of the experiment.

    Args:
        name: of the file.
        table: its rows.
        labels_from: a column that says what was shown; "": the component's name is the label.

    Raises:
        InputError: there is no such column.
    """
    if labels_from and labels_from not in table.columns:
        raise InputError(f'{name} has no column "{labels_from}".')
    components = [c.removesuffix(_STARTED) for c in table.columns if c.endswith(_STARTED)]
    found = Found("PsychoPy")
    for row in table.rows:
        for component in components:
            try:
                event = _event_of(row.cells, component, labels_from)
            except InputError as error:
                where = f"{name}, row {row.number}"
                found.problems.append(Problem(where, f"{component}: {error}. It is left out."))
            else:
                found.events += [event] if event else []
    return found


def _event_of(cells: Mapping[str, str], component: str, labels_from: str) -> FoundEvent | None:
    started = cells.get(f"{component}{_STARTED}", "")
    if started.casefold() in _NOTHING:
        return None
    start_s = seconds_of(started)
    stopped = cells.get(f"{component}{_STOPPED}", "")
    # What was still there at the end of its routine has no time of its own.
    end_s = start_s if stopped.casefold() in _NOTHING else seconds_of(stopped)
    if end_s < start_s:
        raise InputError("it stops before it starts")
    kind = kind_from(component, EventKind.STIMULUS)
    label = cells.get(labels_from, "") if labels_from and kind is not EventKind.EVENT else ""
    subject = cells.get("participant", "")
    return FoundEvent(start_s, end_s, label_from(label) or component, kind, subject=subject)


def is_log(text: Text) -> bool:
    """Whether a text is a log: time, level and message in each line."""
    lines = [line for line in text.text[:20_000].split("\n") if line.strip()][:50]
    return sum(bool(_LOG_LINE.match(line)) for line in lines) > len(lines) / 2


def read_psychopy_log(name: str, text: Text) -> Found:
    """A log: what was drawn from when to when, keys that were pressed, and messages of one's own.

    What is drawn is named after its file where the log tells it, otherwise after the component.
    """
    found = Found("PsychoPy")
    pair_up(found, _log_lines(name, text))
    return found


def _log_lines(name: str, text: Text) -> Iterator[Line]:
    shows: dict[str, str] = {}
    drawn: dict[str, str] = {}
    for number, line in enumerate(text.text.split("\n"), 1):
        parts = _LOG_LINE.match(line)
        if not parts or parts[2] not in ("EXP", "DATA"):
            continue
        time_s, message, where = float(parts[1]), parts[3].strip(), f"{name}, line {number}"
        if sets := _SETS.fullmatch(message):
            component, attribute, value = sets.groups()
            if attribute.casefold() in _FILES and value[:1] in "'\"":
                path = PurePosixPath(value.strip("'\"").replace("\\\\", "/").replace("\\", "/"))
                shows[component] = path.stem
            elif attribute == "autoDraw":
                on = value == "True"
                if on or component in drawn:
                    label = shows.get(component, component) if on else drawn.pop(component)
                    drawn |= {component: label} if on else {}
                    yield _drawn(where, time_s, component, label, on)
        elif label := _message(parts[2], message):
            event = FoundEvent(time_s, time_s, label, kind_from(label, EventKind.EVENT))
            yield Line(where, Mark.POINT, label, event)


def _drawn(where: str, time_s: float, component: str, label: str, on: bool) -> Line:
    kind = kind_from(component, EventKind.STIMULUS)
    event = FoundEvent(time_s, time_s, label_from(label), kind)
    return Line(where, Mark.START if on else Mark.STOP, component, event)


def _message(level: str, message: str) -> str:
    """The label of a message that is an event; "" if it is not."""
    if key := _KEY.fullmatch(message):
        return label_from(f"key {key[1]}")
    return "" if not message or (level == "EXP" and " = " in message) else _own(message)


def _own(message: str) -> str:
    return "" if _OURS.match(message) else label_from(message)
