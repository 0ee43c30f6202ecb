"""Those who receive each new result of a live stream: its recording, and other programs."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from emotion_core.datatypes import FrameResult, ImageArray
from emotion_core.live.frame_pipeline import Listener

_log = logging.getLogger(__name__)
RECORDING: Final = "recording"


class Listeners:
    """At most one listener for each purpose. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[str, Listener] = {}
        self._failing: set[str] = set()

    def set(self, listener: Listener | None, purpose: str = RECORDING) -> None:
        """Hand every further result to a listener, in place of an earlier one; None: to none."""
        with self._lock:
            self._failing.discard(purpose)
            if listener is None:
                self._all.pop(purpose, None)
            else:
                self._all[purpose] = listener

    def tell(
        self,
        result: FrameResult,
        arrived_s: float,
        picture: Callable[[], ImageArray],
        size: tuple[int, int],
    ) -> None:
        """Call all of them, on this thread; one that fails is asked again for the next result."""
        with self._lock:
            listeners = list(self._all.items())
        for purpose, listener in listeners:
            try:
                listener(result, arrived_s, picture, size)
                self._failing.discard(purpose)
            except Exception:
                if purpose not in self._failing:
                    _log.exception("A listener of the live readings failed")
                self._failing.add(purpose)
