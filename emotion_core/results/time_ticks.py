"""Where a time axis has its ticks, and how times are written next to it."""

import math
from typing import Final

# From this time on, an axis counts minutes.
MINUTES_FROM_S: Final = 60.0
_MOST_TICKS: Final = 15
# Seconds between two ticks.
_STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 10**6)


def time_ticks(span: tuple[float, float]) -> list[float]:
    """At most sixteen round times within a span, in seconds."""
    step = next(s for s in _STEPS_S if (span[1] - span[0]) / s <= _MOST_TICKS)
    first = math.ceil(span[0] / step)
    return [round(i * step, 1) for i in range(first, math.floor(span[1] / step) + 1)]


def counts_minutes(span: tuple[float, float]) -> bool:
    """Whether the ticks of a span are told as minutes and seconds."""
    return span[1] >= MINUTES_FROM_S and all(tick == int(tick) for tick in time_ticks(span))


def time_words(time_s: float, span: tuple[float, float], digits: int = 1) -> str:
    """A time next to a chart of this span, in the unit of its axis: "90.0 s" or "1:30.0"."""
    if not counts_minutes(span):
        return f"{time_s:.{digits}f} s"
    minutes, seconds = divmod(round(time_s, digits), 60)
    return f"{minutes:.0f}:{seconds:0{digits + 3}.{digits}f}"
