"""E-Prime: the text files that it writes while it runs, and tables exported by E-DataAid."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from emotion_core.errors import InputError
from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files.found import Found, FoundEvent, kind_from, label_from
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import Text, table_of

_MS: Final = 1000.0
_FRAME: Final = re.compile(r"\*\*\* (Header|LogFrame) (Start|End) \*\*\*")
# E-DataAid adds the level of a list: "Stim.OnsetTime[Block]".
_ONSET: Final = re.compile(r"(.{1,200})\.OnsetTime(\[[^\[\]]*\])?")
_LINES_ABOVE: Final = 10
_NUMBER: Final = re.compile(r"-?\d{1,12}(?:[.,]\d+)?")


@dataclass(slots=True)
class _Frame:
    where: str
    cells: dict[str, str] = field(default_factory=dict)


def is_log(text: Text) -> bool:
    """Whether a text is the file that an experiment writes while it runs."""
    return bool(_FRAME.search(text.text[:100_000]))


def header_line(text: Text) -> int | None:
    """How many lines are above the header of an exported table; None: there is no such table."""
    for above, line in enumerate(text.text.split("\n", _LINES_ABOVE)[:_LINES_ABOVE]):
        if ".OnsetTime" in line and "Subject" in line:
            return above
    return None


def read_eprime_log(name: str, text: Text, labels_from: str) -> Found:
    """A text file of log frames: an event for each object with an onset, and for each response.

    Args:
        name: of the file.
        text: its text.
        labels_from: an attribute that says what was shown; "": the object's name is the label.
    """
    frames = list(_frames(name, text))
    subject = next((f.cells["Subject"] for f in frames if f.cells.get("Subject")), "")
    for frame in frames:
        frame.cells.setdefault("Subject", subject)
    return _found(name, frames, labels_from)


def read_eprime_table(name: str, text: Text, above: int, labels_from: str) -> Found:
    """A table exported by E-DataAid; `above` and `labels_from`: see above."""
    table = table_of(text, above)
    frames = [_Frame(f"{name}, row {row.number}", dict(row.cells)) for row in table.rows]
    return _found(name, frames, labels_from)


def _frames(name: str, text: Text) -> Iterator[_Frame]:
    frame: _Frame | None = None
    for number, line in enumerate(text.text.split("\n"), 1):
        if border := _FRAME.search(line):
            if frame is not None:
                yield frame
            starts = border[2] == "Start"
            frame = _Frame(f"{name}, line {number}") if starts else None
        elif frame is not None and ":" in line:
            key, _, value = line.partition(":")
            frame.cells[key.strip()] = value.strip()
    if frame is not None:
        yield frame


def _found(name: str, frames: list[_Frame], labels_from: str) -> Found:
    if labels_from and not any(labels_from in frame.cells for frame in frames):
        raise InputError(f'{name} has no attribute "{labels_from}".')
    found, seen = Found("E-Prime"), set[FoundEvent]()
    for frame in frames:
        for column in frame.cells:
            if not (onset := _ONSET.fullmatch(column)):
                continue
            try:
                events = list(_events_of(frame.cells, onset[1], onset[2] or "", labels_from))
            except InputError as error:
                found.problems.append(Problem(frame.where, f"{onset[1]}: {error}."))
                continue
            # An exported table repeats what belongs to a block in each of its rows.
            found.events += [event for event in events if event not in seen]
            seen.update(events)
    return found


def _events_of(
    cells: Mapping[str, str], name: str, level: str, labels_from: str
) -> Iterator[FoundEvent]:
    start_s = _seconds(cells.get(f"{name}.OnsetTime{level}", ""))
    if start_s is None:
        return
    subject = cells.get("Subject", "")
    ends = (_seconds(cells.get(f"{name}.{end}{level}", "")) for end in _ENDS)
    end_s = next((end for end in ends if end is not None), start_s)
    if end_s < start_s:
        raise InputError("it ends before it starts, and is left out")
    kind = kind_from(name, EventKind.STIMULUS)
    label = label_from(cells.get(labels_from, "")) if labels_from else ""
    yield FoundEvent(start_s, end_s, label or name, kind, subject=subject)
    answered_s = _seconds(cells.get(f"{name}.RTTime{level}", ""))
    if answered_s is not None:
        answer = label_from(f"{name} response {cells.get(f'{name}.RESP{level}', '')}")
        yield FoundEvent(answered_s, answered_s, answer, EventKind.EVENT, subject=subject)


_ENDS: Final = ("OffsetTime", "FinishTime")


def _seconds(text: str) -> float | None:
    """Milliseconds of the experiment in seconds; None where it did not happen (empty or 0).

    Raises:
        InputError: it is not a number.
    """
    text = text.strip()
    if not text or text.casefold() in ("null", "?"):
        return None
    if not _NUMBER.fullmatch(text):
        raise InputError(f'"{text[:40]}" is not a time in milliseconds, and it is left out')
    return float(text.replace(",", ".")) / _MS or None
