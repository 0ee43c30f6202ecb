"""Sets of time as sorted, disjoint intervals [start, end), in seconds."""

from collections.abc import Iterable, Sequence
from typing import Final

Interval = tuple[float, float]
# Ends that are this close to each other are the same moment: times have six decimals at most.
SAME_S: Final = 1e-6


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as disjoint intervals in order; empty intervals are dropped."""
    found: list[Interval] = []
    for start, end in sorted(i for i in intervals if i[1] > i[0]):
        if found and start <= found[-1][1] + SAME_S:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def common(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """The time in both of two results of `merged`."""
    found: list[Interval] = []
    i = j = 0
    while i < len(first) and j < len(second) and second[j][0] < first[-1][1]:
        start = max(first[i][0], second[j][0])
        end = min(first[i][1], second[j][1])
        if end > start:
            found.append((start, end))
        if first[i][1] <= second[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """The time of the first result of `merged` that is not in the second."""
    found: list[Interval] = []
    for interval in intervals:
        start, end = interval
        for low, high in removed:
            if high <= start or low >= end:
                continue
            if low > start:
                found.append((start, low))
            start = max(start, high)
        if end > start:
            found.append((start, end))
    return found


def seconds(intervals: Iterable[Interval]) -> float:
    """How long disjoint intervals are in all."""
    return sum(end - start for start, end in intervals)


def holds(intervals: Iterable[Interval], time_s: float) -> bool:
    """Whether a moment is in one of the intervals; both ends count."""
    return any(start - SAME_S <= time_s <= end + SAME_S for start, end in intervals)
