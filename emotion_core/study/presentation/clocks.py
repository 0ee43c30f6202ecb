"""Two clocks compared over a network, as the Network Time Protocol does it (RFC 5905, section 8).

The browser sends a message at t0 of its clock; the server receives it at s1 and answers at s2 of
its own; the answer arrives at t1. The offset is exact where both ways take equally long, and off by
at most half of the time that the messages were under way. Of several exchanges the one with the
shortest way is taken, and between two groups of exchanges the offset is interpolated: two clocks
may drift apart by some 50 ms in half an hour.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# Exchanges of one group are at most so far apart.
_GROUP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message and its answer; all times in seconds.

    Attributes:
        sent_s, answered_s: on the browser's clock.
        received_s, returned_s: on the server's clock.
    """

    sent_s: float
    received_s: float
    returned_s: float
    answered_s: float

    @property
    def delay_s(self) -> float:
        """How long the messages were under way."""
        return (self.answered_s - self.sent_s) - (self.returned_s - self.received_s)

    @property
    def offset_s(self) -> float:
        """Server's clock minus browser's clock."""
        return ((self.received_s - self.sent_s) + (self.returned_s - self.answered_s)) / 2


@dataclass(frozen=True, slots=True)
class Offset:
    """Server's clock minus browser's clock at one time.

    Attributes:
        at_s: on the browser's clock.
        offset_s: the estimate.
        uncertainty_s: it cannot be off by more.
        exchanges: from how many it was chosen.
    """

    at_s: float
    offset_s: float
    uncertainty_s: float
    exchanges: int


def offsets_of(exchanges: Iterable[Exchange]) -> list[Offset]:
    """The best estimate of each group of exchanges, by time; impossible exchanges are left out."""
    groups: list[list[Exchange]] = []
    for one in sorted((e for e in exchanges if _possible(e)), key=lambda e: e.sent_s):
        if groups and one.sent_s - groups[-1][0].sent_s <= _GROUP_S:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [_best(group) for group in groups]


def _possible(one: Exchange) -> bool:
    times = (one.sent_s, one.received_s, one.returned_s, one.answered_s)
    # Browsers round their clocks to 0.1 ms or 1 ms.
    return all(map(math.isfinite, times)) and one.delay_s >= -0.002


def _best(group: Sequence[Exchange]) -> Offset:
    best = min(group, key=lambda e: e.delay_s)
    return Offset(best.sent_s, best.offset_s, max(best.delay_s, 0.0) / 2, len(group))


def server_time(offsets: Sequence[Offset], browser_s: float) -> float:
    """A time of the browser's clock on the server's clock.

    Args:
        offsets: of `offsets_of`, at least one.
        browser_s: seconds.
    """
    place = bisect_right(offsets, browser_s, key=lambda offset: offset.at_s)
    one, two = offsets[max(place - 1, 0)], offsets[min(place, len(offsets) - 1)]
    if one is two:
        return browser_s + one.offset_s
    share = (browser_s - one.at_s) / (two.at_s - one.at_s)
    return browser_s + one.offset_s + share * (two.offset_s - one.offset_s)
