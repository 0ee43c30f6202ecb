"""Read any file of events, and find out to which recording of a study each of them belongs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emotion_core.errors import InputError
from emotion_core.interchange.textgrid import is_textgrid
from emotion_core.interchange.webvtt import is_webvtt
from emotion_core.results.paths import safe_name
from emotion_core.study.definitions import EVERY_RECORDING, Event, Recording
from emotion_core.study.event_files import boris, eprime, psychopy, tables
from emotion_core.study.event_files.annotations import read_textgrid_events, read_webvtt_events
from emotion_core.study.event_files.elan import read_elan
from emotion_core.study.event_files.found import Found, FoundEvent
from emotion_core.study.problems import Problem, in_order, listed
from emotion_core.study.recordings import stem_of
from emotion_core.study.text_files import clean, read_text, table_of

_UNDERSTOOD: Final = (
    "Files of BORIS (.boris, and exported tables), ELAN (.eaf), Praat (.TextGrid), PsychoPy (.csv, "
    ".log) and E-Prime (.txt) are understood, subtitles (.vtt), and tables with the columns "
    "start_s, end_s and label, or BIDS events."
)
_UNKNOWN_CLOCK: Final = (
    "Of some events it is not known which recording they are of: their times are taken as those of "
    "the events' clock."
)


@dataclass(frozen=True, slots=True)
class Imported:
    """The events of a file.

    Attributes:
        format: what wrote the file: "BORIS", "ELAN", "Praat", "WebVTT", "PsychoPy", "E-Prime" or
            "table".
        events: in the order of the file.
        problems: what could not be read, and events whose recording is not known.
    """

    format: str
    events: tuple[Event, ...]
    problems: tuple[Problem, ...]


def read_event_file(
    path: Path, *, recording: str = EVERY_RECORDING, offset_s: float = 0.0
) -> list[Event]:
    """The events of a file; see `import_events`.

    Raises:
        InputError: the file cannot be read, or holds no events of a kind that is understood.
    """
    return list(import_events(path, recording=recording, offset_s=offset_s).events)


def import_events(
    path: Path,
    *,
    recording: str = EVERY_RECORDING,
    offset_s: float = 0.0,
    recordings: Sequence[Recording] = (),
    labels_from: str = "",
) -> Imported:
    """Read the events of BORIS, ELAN, Praat, PsychoPy, E-Prime, WebVTT, or of a table.

    One file may hold the events of many recordings. The recording of an event is the one that has
    the name of its observation, of the file, or of its media file; if there is none, the one whose
    participant it names; if that is not known either, `recording`.

    Args:
        path: the file.
        recording: see above; a name, "*", or `column=value`.
        offset_s: added to every time of the file: the clock of events.csv minus that of the file.
            Times of BORIS, ELAN, Praat, WebVTT and BIDS are those of the video: `clock_offset_s` of
            the recording is added to them, too.
        recordings: of the study.
        labels_from: a column (PsychoPy, E-Prime, tables) that says what was shown.

    Raises:
        InputError: the file cannot be read, holds no events of a kind that is understood, or has
            no such column.
    """
    found = _read(path, labels_from)
    owners = _Owners(recordings, recording, found, path.name)
    clocks = {r.recording: r.clock_offset_s for r in recordings if found.on_video}
    clocks_differ = any(clocks.values())
    events, problems = [], found.problems
    for event in found.events:
        names, problem = owners.of(event)
        problems += [Problem(path.name, problem)] if problem else []
        for name in names:
            of_video = name in clocks
            if not of_video and clocks_differ:
                problems.append(Problem(path.name, _UNKNOWN_CLOCK))
            shift_s = offset_s + (clocks[name] if of_video else 0.0)
            start_s, end_s = event.start_s + shift_s, event.end_s + shift_s
            try:
                events.append(Event(name, event.kind, event.label, start_s, end_s))
            except InputError as error:
                problems.append(Problem(path.name, str(error)))
    return Imported(found.format, tuple(events), in_order(problems))


def _read(path: Path, labels_from: str) -> Found:
    name, lower = path.name, path.name.lower()
    if lower.endswith((".boris", ".boris.gz")):
        return boris.read_project(path)
    if lower.endswith(".eaf"):
        return read_elan(path)
    text = read_text(path)
    if is_textgrid(text.text):
        return read_textgrid_events(name, text.text)
    if is_webvtt(text.text):
        return read_webvtt_events(name, text.text)
    if eprime.is_log(text):
        return eprime.read_eprime_log(name, text, labels_from)
    if psychopy.is_log(text):
        return psychopy.read_psychopy_log(name, text)
    if (above := eprime.header_line(text)) is not None:
        return eprime.read_eprime_table(name, text, above, labels_from)
    if (above := boris.header_line(text)) is not None:
        return boris.read_table_of_boris(name, text, above)
    table = table_of(text)
    if psychopy.is_table(table):
        return psychopy.read_psychopy_table(name, table, labels_from)
    if tables.is_table(table):
        return tables.read_event_table(name, table, labels_from)
    raise InputError(f"{name} holds no events that can be read. {_UNDERSTOOD}")


class _Owners:
    """To which recordings the events of a file belong.

    Args:
        recordings: of the study.
        otherwise: for events that name none of them.
        found: in the file.
        file: its name.
    """

    def __init__(
        self, recordings: Sequence[Recording], otherwise: str, found: Found, file: str
    ) -> None:
        self._named: dict[str, list[Recording]] = defaultdict(list)
        self._seen: dict[str, list[Recording]] = defaultdict(list)
        for recording in recordings:
            for key in {_key(recording.recording), _key(stem_of(recording.file))}:
                self._named[key].append(recording)
            self._seen[recording.participant.casefold()].append(recording)
        self._otherwise = otherwise
        self._many = len({event.session for event in found.events}) > 1
        own = (r.recording for r in recordings if _key(r.recording) == _key(stem_of(file)))
        self._own = next(own, "") if found.on_video else ""
        self._file = file if found.on_video else ""
        self._told = bool(recordings)

    def of(self, event: FoundEvent) -> tuple[list[str], str]:
        """Names of recordings, and what is to be told about them."""
        if event.recording:
            return [event.recording], ""
        if self._own and not event.session:
            return [self._own], ""
        subject = clean(event.subject)
        for hint in filter(None, (event.session, *event.media, self._file)):
            found = self._named.get(_key(hint)) or self._named.get(_key(stem_of(hint)))
            if found:
                own = [r for r in found if r.participant.casefold() == subject.casefold()]
                return [r.recording for r in own or found], ""
        seen = self._seen.get(subject.casefold(), []) if subject else []
        if len(seen) == 1:
            return [seen[0].recording], ""
        if seen:
            names = listed([r.recording for r in seen])
            words = f"Events of {subject} count for every recording of this participant: {names}."
            return [f"participant={seen[0].participant}"], words
        if self._many and self._otherwise == EVERY_RECORDING and event.session:
            name = safe_name(clean(event.session))
            words = f'No recording is called "{event.session}": its events are kept under "{name}".'
            return [name], words if self._told else ""
        return [self._otherwise], ""


def _key(name: str) -> str:
    """What a recording's name, a file and an observation have in common."""
    return safe_name(clean(name)).casefold()
