"""Every occurrence of an event in every recording of a study."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.study.grid import Grid, event_span
from emotion_core.study.readings import missing_reason
from emotion_core.study.readings_file import read_header

# The event that each recording has without being told, and its kind.
WHOLE: Final = "whole recording"
WHOLE_KIND: Final = "recording"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event in one recording.

    Attributes:
        recording: whose event it is.
        event, kind: its label and kind; the whole recording is one, too.
        number: 1 for the first event of this label and kind in the recording, and so on.
        start_s, end_s: seconds on the clock of the video; None: not known.
        grid: of the recording's readings; None where there are none.
        reason: why there are none; "" if there are.
    """

    recording: Recording
    event: str
    kind: str
    number: int
    start_s: float
    end_s: float | None
    grid: Grid | None
    reason: str


def occurrences(study: Study) -> list[Occurrence]:
    """The occurrences of all recordings, in the order of recordings.csv and of time.

    Each recording begins with the whole of it; events of the kind exclude are left out.
    """
    found: list[Occurrence] = []
    for recording in study.recordings:
        reason = missing_reason(study, recording)
        header = None if reason else read_header(study.readings_file(recording))
        found += _of_recording(study, recording, header.grid if header else None, reason)
    return found


def _of_recording(
    study: Study, recording: Recording, grid: Grid | None, reason: str
) -> list[Occurrence]:
    start_s = grid.origin_s if grid else recording.start_s
    end_s = grid.end_s if grid else recording.end_s
    found = [Occurrence(recording, WHOLE, WHOLE_KIND, 1, start_s, end_s, grid, reason)]
    numbers: Counter[tuple[EventKind, str]] = Counter()
    for event in sorted(study.events_of(recording), key=_in_time):
        if event.kind is EventKind.EXCLUDE:
            continue
        numbers[event.kind, event.label] += 1
        number = numbers[event.kind, event.label]
        span = event_span(event, recording, study.settings)
        found.append(
            Occurrence(recording, event.label, event.kind.value, number, *span, grid, reason)
        )
    return found


def _in_time(event: Event) -> tuple[float, float, str, str]:
    return event.start_s, event.end_s, event.kind, event.label
