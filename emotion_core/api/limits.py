"""How much the interface takes from its callers: sizes, rates, and work at the same time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from emotion_core.api.refusals import RefusedError

_MB: Final = 1_000_000
# Of the addresses that gave a wrong token, so many are remembered.
_MOST_ADDRESSES: Final = 1024


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What one server accepts. Sizes are in bytes, times in seconds."""

    # Requests a minute, over all callers: they have one token.
    rate: int = 1200
    # Wrong tokens a minute from one address that are answered as such.
    wrong_tokens: int = 10
    frame_bytes: int = 10 * _MB
    photo_bytes: int = 50 * _MB
    upload_bytes: int = 500 * _MB
    json_bytes: int = 64_000
    # Frames, photos and videos that are received, wait or are read at the same time.
    frames: int = 64
    photos: int = 8
    uploads: int = 2
    # Callers that are refused for their number or their token wait so long for the answer: asking
    # again at once, without a pause, would take the time of the live streams.
    pause_s: float = 1.0
    # A picture or a JSON body must be complete after this time.
    body_s: float = 20.0
    # In an upload no longer pause may occur; a stream without a frame is ended.
    idle_s: float = 30.0
    # A client that does not take an answer of a stream for this long is let go.
    send_s: float = 10.0


class RateLimit:
    """So many requests a minute, also all at once after a quiet time (token bucket).

    Safe across threads.
    """

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._left = float(a_minute), float(a_minute)
        self._clock, self._last_s = clock, clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """0.0 where the request may be answered, else the seconds to wait."""
        with self._lock:
            now_s = self._clock()
            grown = self._left + (now_s - self._last_s) * self._most / 60
            self._left, self._last_s = min(self._most, grown), now_s
            if self._left < 1:
                return (1 - self._left) * 60 / self._most
            self._left -= 1
            return 0.0


class RateLimits:
    """A `RateLimit` for each of the addresses that came last. Safe across threads."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_minute, self._clock = a_minute, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, RateLimit] = OrderedDict()

    def take(self, address: str) -> float:
        """As `RateLimit.take`, for one address."""
        with self._lock:
            limit = self._known.pop(address, None) or RateLimit(self._a_minute, self._clock)
            self._known[address] = limit
            if len(self._known) > _MOST_ADDRESSES:
                self._known.popitem(last=False)
        return limit.take()


class Places:
    """So many at the same time, and a refusal for the next. Safe across threads."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._taken = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place for the block.

        Raises:
            RefusedError: 429, all are taken.
        """
        with self._lock:
            if self._taken >= self._most:
                raise RefusedError(
                    429,
                    f"{self._most} {self._what} are being worked on. Try again in a moment.",
                    retry_s=1,
                )
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
