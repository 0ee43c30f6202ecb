"""The last minute of every person's readings, for the timeline next to the video."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray, FrameResult
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS

HISTORY_S: Final = 60.0
# Ten readings a second draw a smooth line; more would only travel to the browser.
_STEP_S: Final = 0.1

Reading = tuple[NDArray[np.float64], FloatArray]


class History:
    """Readings of the last `span_s` seconds, at most one each tenth of a second a person.

    Not safe across threads: its owner holds a lock.
    """

    def __init__(self, span_s: float = HISTORY_S, step_s: float = _STEP_S) -> None:
        self._span_s = span_s
        self._step_s = step_s
        self._people: dict[int, deque[tuple[float, FloatArray]]] = {}

    def add(self, result: FrameResult) -> None:
        """Remember the faces seen in a frame; boxes held over a gap do not count."""
        for row, track in enumerate(result.track_ids.tolist()):
            readings = self._people.setdefault(track, deque())
            due = not readings or result.time_s - readings[-1][0] >= self._step_s
            if due and not result.predicted[row]:
                readings.append((result.time_s, result.probs[row]))
        self._forget(result.time_s - self._span_s)

    def _forget(self, before_s: float) -> None:
        for track, readings in list(self._people.items()):
            while readings and readings[0][0] < before_s:
                readings.popleft()
            if not readings:
                del self._people[track]

    def readings(self) -> dict[int, Reading]:
        """Identity → (times (K,) float64 seconds, probabilities (K, 7) float32), oldest first."""
        return {
            track: (
                np.array([time_s for time_s, _ in readings]),
                np.array([probs for _, probs in readings], np.float32).reshape(-1, NUM_EXPRESSIONS),
            )
            for track, readings in self._people.items()
        }

    def clear(self) -> None:
        """Forget everything."""
        self._people.clear()


def readings_csv(people: dict[int, Reading]) -> str:
    """The timeline as CSV text: `track_id, time_s`, then the seven expressions."""
    lines = [",".join(("track_id", "time_s", *EXPRESSIONS))]
    for track, (times, probs) in sorted(people.items()):
        lines += [
            ",".join((str(track), f"{time_s:.3f}", *(f"{p:.4f}" for p in row)))
            for time_s, row in zip(times, probs, strict=True)
        ]
    return "\n".join(lines) + "\n"
