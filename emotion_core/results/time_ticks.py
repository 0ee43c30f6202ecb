"""Where a time axis has its ticks, and what they are called: on the pages and in the report."""

import math
from collections.abc import Callable
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


def tick_words(span: tuple[float, float]) -> Callable[[float], str]:
    """How to write a tick of this span: "90" or "1:30"."""
    if counts_minutes(span):
        return lambda tick: f"{int(tick) // 60}:{int(tick) % 60:02}"
    return lambda tick: f"{tick:g}"
