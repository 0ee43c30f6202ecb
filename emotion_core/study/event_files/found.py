"""What all importers share: events whose recording is not known yet."""

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from emotion_core.interchange.document import CODES_OF, OWN_KINDS
from emotion_core.study.definitions import EventKind
from emotion_core.study.problems import Problem

_LONGEST_LABEL: Final = 200
# How a tier goes on where annotations overlap: "Anna: expression (2)".
_REPEATED: Final = re.compile(r" \(\d+\)$")
_WORDS: Final = re.compile(r"[^\W\d_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_KINDS: Final = {
    EventKind.BASELINE: {"baseline", "rest", "resting", "basislinie", "ruhe"},
    EventKind.EXCLUDE: {"exclude", "excluded", "exclusion", "artifact", "artefact", "artefakt"},
    EventKind.STIMULUS: {
        *("stimulus", "stimuli", "stim", "reiz", "film", "clip", "video", "movie", "image"),
        *("picture", "photo", "sound", "audio"),
    },
    EventKind.EVENT: {"key", "keys", "keyboard", "keypress", "mouse", "resp", "response", "click"},
}


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event of a file.

    Attributes:
        start_s, end_s: seconds on the clock of the file.
        label, kind: as in `Event`.
        recording: whose event it is, where the file says so in the words of a study.
        session: what the file calls the recording: the name of an observation.
        media: files that the event was coded from.
        subject: who did it, or to whom it happened.
    """

    start_s: float
    end_s: float
    label: str
    kind: EventKind
    recording: str = ""
    session: str = ""
    media: tuple[str, ...] = ()
    subject: str = ""


@dataclass(slots=True)
class Found:
    """The events of a file, and what could not be read of it.

    Attributes:
        format: what wrote the file: "BORIS".
        on_video: times are those of the video from which the events were coded.
    """

    format: str
    on_video: bool = False
    events: list[FoundEvent] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Mark(Enum):
    """What a line of a log says of an event."""

    POINT = auto()
    START = auto()
    STOP = auto()
    TOGGLE = auto()  # the first starts it, the next stops it


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log: `event` is complete but for its end.

    Attributes:
        where: for a problem.
        key: what a start and its stop have in common.
    """

    where: str
    mark: Mark
    key: Hashable
    event: FoundEvent


def pair_up(found: Found, lines: Iterable[Line]) -> None:
    """Add the events of a log: starts and stops of one key become intervals."""
    running: dict[Hashable, Line] = {}
    for line in sorted(lines, key=lambda line: line.event.start_s):
        started = running.get(line.key)
        if line.mark is Mark.POINT:
            found.events.append(line.event)
        elif started is None and line.mark is not Mark.STOP:
            running[line.key] = line
        elif started is None:
            _unpaired(found, line, "stopped", "never started")
        elif line.mark is Mark.START:
            _unpaired(found, started, "started", "started again before it is stopped")
            running[line.key] = line
        else:
            del running[line.key]
            found.events.append(ended(started.event, line.event.start_s))
    for line in running.values():
        _unpaired(found, line, "started", "never stopped")


def _unpaired(found: Found, line: Line, done: str, fault: str) -> None:
    event = line.event
    words = f'"{event.label}" is {done} at {event.start_s:g} s and {fault}: it is left out.'
    found.problems.append(Problem(line.where, words))


def ended(event: FoundEvent, end_s: float) -> FoundEvent:
    """The event with another end."""
    return FoundEvent(
        event.start_s,
        end_s,
        event.label,
        event.kind,
        event.recording,
        event.session,
        event.media,
        event.subject,
    )


def kind_from(name: str, otherwise: EventKind) -> EventKind:
    """The kind that a name speaks of: "Baseline_1" is a baseline, "stimFilm" a stimulus."""
    words = {word.casefold() for word in _WORDS.findall(_CAMEL.sub(" ", name))}
    return next((kind for kind, names in _KINDS.items() if words & names), otherwise)


def kind_of_tier(name: str) -> EventKind:
    """The kind that a tier's name speaks of; "Film: expression" is about a person called Film."""
    own = _REPEATED.sub("", name.rpartition(": ")[2])
    written_here = own in OWN_KINDS or (": " in name and own.startswith(CODES_OF))
    return EventKind.EVENT if written_here else kind_from(name, EventKind.EVENT)


def label_from(text: str) -> str:
    """A label in one line."""
    return " ".join(text.split())[:_LONGEST_LABEL].strip()
