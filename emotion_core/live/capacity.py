"""How many streams one machine carries: a new visitor is told so instead of slowing all down."""

import os
import threading
import time
from collections.abc import Callable
from typing import Final

# A seat whose stream has not sent a frame after so long is free again: its connection failed.
CONNECT_S: Final = 15.0


def default_max_streams(cores: int | None = None) -> int:
    """Two streams a core, at least four: what analysis and encoding leave room for."""
    return max(4, 2 * (cores or os.cpu_count() or 1))


class Seat:
    """The right to one live stream, from `Seats.take` until `release`."""

    def __init__(self, taken_s: float) -> None:
        self.taken_s = taken_s
        self.used = self.released = False

    def use(self) -> None:
        """The stream has begun: a frame came."""
        self.used = True

    def release(self) -> None:
        """The stream has ended; harmless when called again."""
        self.released = True


class Seats:
    """Hands out seats, never more than a limit at the same time; safe across threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: list[Seat] = []

    def take(self, limit: int) -> Seat | None:
        """A seat, or None where all are taken."""
        with self._lock:
            if self._count() >= limit:
                return None
            self._taken.append(Seat(self._clock()))
            return self._taken[-1]

    def taken(self) -> int:
        """How many streams run or are about to."""
        with self._lock:
            return self._count()

    def _count(self) -> int:
        old_s = self._clock() - CONNECT_S
        self._taken = [s for s in self._taken if not s.released and (s.used or s.taken_s > old_s)]
        return len(self._taken)


SEATS: Final = Seats()
"""The seats of this process."""


def busy_words(limit: int, running: int | None = None) -> str:
    """A sentence when no further stream fits; "" while one does."""
    running = SEATS.taken() if running is None else running
    if running < limit:
        return ""
    return (
        f"This computer already reads {running} live streams, as many as it can carry. Yours would "
        "slow all of them down: please try again in a while. You can analyse videos and photos now."
    )
