"""Ctrl-C and a polite kill as requests that a long command can answer in its own time."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """While open, Ctrl-C and a polite kill ask for an end instead of forcing one.

    A second Ctrl-C within the same run forces it. Outside the main thread nothing is changed.
    """
    asked = {"at": 0.0}

    def ask(number: int, _: object) -> None:
        if asked["at"] and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked["at"] = time.monotonic()

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            with contextlib.suppress(ValueError):  # not in the main thread
                before[name] = signal.signal(getattr(signal, name), ask)
    try:
        yield lambda: asked["at"] > 0
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
