"""What a study consists of: its recordings, its events, and the settings of its analysis."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from emotion_core.errors import InputError, SettingsError
from emotion_core.labels import EXPRESSIONS

# What is measured: the seven probabilities, and the two dimensions derived from them.
SIGNALS: Final[tuple[str, ...]] = (*EXPRESSIONS, "valence", "arousal")
# An event of every recording.
EVERY_RECORDING: Final = "*"


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of recordings.csv: a video or a live recording of one participant.

    Attributes:
        recording: its name in the study, unique; letters that are safe in a file name.
        file: a video, or a folder of results; relative to the study's folder, or absolute.
        participant: who is seen; the same name in every recording of this person.
        variables: further columns, such as group, condition, stimulus, session; "" is missing.
        start_s: first second that counts, on the clock of the video.
        end_s: where it ends, exclusive; None: at the end of the video.
        clock_offset_s: clock of the events minus clock of the video, in seconds.
        person: which person of the video the participant is: a number or a name; "" takes the one
            who is seen longest.
        include: False leaves the recording out of every result.
        reason: why it is left out.

    Raises:
        InputError: a time is not a number, or the range is empty.
    """

    recording: str
    file: str
    participant: str
    variables: Mapping[str, str] = field(default_factory=dict)
    start_s: float = 0.0
    end_s: float | None = None
    clock_offset_s: float = 0.0
    person: str = ""
    include: bool = True
    reason: str = ""

    def __post_init__(self) -> None:
        end_s = math.inf if self.end_s is None else self.end_s
        if not (math.isfinite(self.start_s) and math.isfinite(self.clock_offset_s)):
            raise InputError(f"Recording {self.recording}: its times must be numbers of seconds.")
        if math.isnan(end_s) or end_s <= self.start_s:
            raise InputError(f"Recording {self.recording}: it must end after it starts.")


class EventKind(StrEnum):
    """What an event is for."""

    STIMULUS = "stimulus"  # something that was shown
    EVENT = "event"  # anything else that happened
    BASELINE = "baseline"  # the participant at rest
    EXCLUDE = "exclude"  # time that no result may use


# The kinds of events that are compared with each other, those asked about first.
ASKED_KINDS: Final = (EventKind.STIMULUS, EventKind.EVENT)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of events.csv: a point (`end_s` equals `start_s`) or an interval.

    Attributes:
        recording: whose event it is: the name of a recording, "*" for all of them, or
            `column=value` for those with this value in a column of recordings.csv.
        kind: what it is for.
        label: what happened; events of one label are compared over participants.
        start_s: seconds on the clock of the events (see `Recording.clock_offset_s`).
        end_s: seconds on the same clock.

    Raises:
        InputError: a time is not a number, or the event ends before it starts.
    """

    recording: str
    kind: EventKind
    label: str
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
            raise InputError(f"Event {self.label}: its times must be numbers of seconds.")
        if self.end_s < self.start_s:
            raise InputError(f"Event {self.label}: it must not end before it starts.")

    def applies_to(self, recording: Recording) -> bool:
        """Whether this is an event of a recording."""
        if self.recording in (EVERY_RECORDING, recording.recording):
            return True
        column, equals, value = self.recording.partition("=")
        known = {**recording.variables, "participant": recording.participant}
        return bool(equals) and known.get(column.strip()) == value.strip()


class Baseline(StrEnum):
    """Where a participant's baseline comes from."""

    NONE = "none"
    EVENT = "event"  # the mean over events of the kind baseline
    START = "start"  # the mean over the first seconds of each recording
    MEDIAN = "median"  # the median over all recordings of the participant


class Space(StrEnum):
    """Where the baseline is subtracted."""

    PROBABILITY = "probability"
    LOGIT = "logit"  # log-odds: a rise from 1 to 2 % counts as much as one from 33 to 50 %


class Smoothing(StrEnum):
    """How readings are smoothed once more, at the study's own rate."""

    NONE = "none"
    EXPONENTIAL = "exponential"
    LOESS = "loess"  # local quadratic regression (Olderbak et al. 2014)


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a study is analysed; kept in study.toml, table [analysis].

    Attributes:
        rate_hz: common rate of all readings, above 0 and at most 60.
        baseline, baseline_s, space: see `Baseline` and `Space`; `baseline_s` is how long START is.
        smoothing, smoothing_s: see `Smoothing`; time constant, or width of the window, in seconds.
        leave_out_unsure, leave_out_speaking: readings that do not count as valid.
        event_s: what a point event stands for: so many seconds from it on.
        before_s, after_s: what curves show around the start of an event.
        episode_threshold, episode_min_s: an episode is a signal above this for at least so long.
            Valence and arousal have none.
        min_valid_share, min_valid_s, max_unsure_share: events with less, or more, are left out.

    Raises:
        SettingsError: a value is outside its range.
    """

    rate_hz: float = 10.0
    baseline: Baseline = Baseline.NONE
    baseline_s: float = 5.0
    space: Space = Space.PROBABILITY
    smoothing: Smoothing = Smoothing.NONE
    smoothing_s: float = 1.0
    leave_out_unsure: bool = False
    leave_out_speaking: bool = False
    event_s: float = 5.0
    before_s: float = 1.0
    after_s: float = 5.0
    episode_threshold: float = 0.5
    episode_min_s: float = 0.5
    min_valid_share: float = 0.5
    min_valid_s: float = 1.0
    max_unsure_share: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise SettingsError(f"{name} must be from {low:g} to {high:g}, not {value}.")


_RANGES: Final = {
    "rate_hz": (0.1, 60.0),
    "baseline_s": (0.1, 3600.0),
    "smoothing_s": (0.05, 600.0),
    "event_s": (0.1, 3600.0),
    "before_s": (0.0, 600.0),
    "after_s": (0.1, 600.0),
    "episode_threshold": (0.01, 0.99),
    "episode_min_s": (0.0, 60.0),
    "min_valid_share": (0.0, 1.0),
    "min_valid_s": (0.0, 3600.0),
    "max_unsure_share": (0.0, 1.0),
}


def settings_from(values: Mapping[str, Any]) -> StudySettings:
    """Settings from the values of a file.

    Raises:
        SettingsError: an unknown name, a value of another kind, or one outside its range.
    """
    known = {f.name: f for f in fields(StudySettings)}
    if unknown := sorted(set(values) - set(known)):
        raise SettingsError(f"Unknown setting of a study: {', '.join(unknown)}.")
    made: dict[str, Any] = {}
    for name, value in values.items():
        kind: Any = type(known[name].default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        right = number if kind is float else isinstance(value, bool if kind is bool else str)
        try:
            made[name] = kind(value) if right else None
        except ValueError:
            made[name] = None
        if made[name] is None:
            raise SettingsError(f"{name} cannot be {value!r} in a study's settings.")
    return StudySettings(**made)
