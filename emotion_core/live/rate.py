"""Rates and typical values over the last moments."""

from collections import deque
from statistics import median
from typing import Final

WINDOW_S: Final = 2.0


class RateCounter:
    """Events a second over the last `window_s` seconds.

    Not safe across threads: its owner holds a lock.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._events: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, value: float = 0.0) -> None:
        """Count one event at `now_s` (any steady clock), with a value to take the median of."""
        self._events.append((now_s, value))
        self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        while self._events and self._events[0][0] < now_s - self._window_s:
            self._events.popleft()

    def per_second(self, now_s: float) -> float:
        """Events a second; 0 when the window holds fewer than two."""
        self._forget(now_s)
        if len(self._events) < 2:
            return 0.0
        # From the first event to now: a stream that stops is seen to slow down at once.
        return (len(self._events) - 1) / max(now_s - self._events[0][0], 1e-6)

    def median_value(self, now_s: float) -> float | None:
        """Median of the values in the window; None without one."""
        self._forget(now_s)
        return median(value for _, value in self._events) if self._events else None
