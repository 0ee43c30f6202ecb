"""The common grid of a recording's readings, and where the study's events are on it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from emotion_core.datatypes import BoolArray
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import Event, EventKind, Recording, StudySettings
from emotion_core.study.events import on_clock_of

# Times in faces.csv have six decimals: a frame may seem to be this much before its step.
TIME_ERROR_S: Final = 1e-6
# Any finite time may be in an events file; steps must be whole numbers that a table can hold.
_FARTHEST: Final = 2.0**50


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal steps of time; step k covers [origin_s + k / rate_hz, origin_s + (k + 1) / rate_hz).

    Attributes:
        origin_s: start of the first step, seconds on the clock of the video.
        rate_hz: steps a second.
        steps: how many there are.
    """

    origin_s: float
    rate_hz: float
    steps: int

    @property
    def end_s(self) -> float:
        """End of the last step, seconds on the clock of the video."""
        return self.origin_s + self.steps / self.rate_hz

    def times(self) -> Float64Array:
        """(steps,) start of each step, seconds on the clock of the video."""
        return self.origin_s + np.arange(self.steps) / self.rate_hz

    def first_step(self, time_s: float) -> int:
        """First step whose middle is at or after a time; it may be outside of the grid.

        The middle decides, so that a time that differs from a step's start by rounding finds it.
        """
        return math.ceil(self._place(time_s) - 0.5 - 1e-9)

    def nearest_step(self, time_s: float) -> int:
        """The step whose start is nearest to a time; it may be outside of the grid."""
        return round(self._place(time_s))

    def span(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Steps [first, last) whose middles are in [start_s, end_s), not cut to the grid."""
        return self.first_step(start_s), self.first_step(end_s)

    def within(self, spans: Iterable[tuple[float, float]]) -> BoolArray:
        """(steps,) bool: steps whose middle is in one of these intervals, seconds."""
        mask = np.zeros(self.steps, np.bool_)
        for start_s, end_s in spans:
            first, last = self.span(start_s, end_s)
            mask[max(first, 0) : max(last, 0)] = True
        return mask

    def touched(self, spans: Iterable[tuple[float, float]]) -> BoolArray:
        """(steps,) bool: steps of which any part is in one of these intervals, seconds."""
        mask = np.zeros(self.steps, np.bool_)
        for start_s, end_s in spans:
            first = math.floor(self._place(start_s) + 1e-9)
            last = math.ceil(self._place(end_s) - 1e-9)
            mask[max(first, 0) : max(last, 0)] = True
        return mask

    def _place(self, time_s: float) -> float:
        """Steps from the origin to a time; whole numbers of steps stay exact."""
        return min(max((time_s - self.origin_s) * self.rate_hz, -_FARTHEST), _FARTHEST)


def event_span(event: Event, recording: Recording, settings: StudySettings) -> tuple[float, float]:
    """Start and end of an event, seconds on the clock of a recording's video.

    A point stands for the `event_s` seconds after it.
    """
    start_s, end_s = on_clock_of(recording, event)
    return start_s, end_s if event.end_s > event.start_s else start_s + settings.event_s


def spans_of(
    kind: EventKind, events: Iterable[Event], recording: Recording, settings: StudySettings
) -> list[tuple[float, float]]:
    """Start and end of every event of one kind, seconds on the clock of a recording's video.

    Args:
        kind: this kind.
        events: those of the recording, of all kinds.
        recording: the recording.
        settings: how long a point lasts.
    """
    return [event_span(event, recording, settings) for event in events if event.kind is kind]
