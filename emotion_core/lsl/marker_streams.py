"""All event streams of one name or type: found, received, and missed when they disappear."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from mne_lsl.lsl import resolve_streams

from emotion_core.errors import InputError
from emotion_core.lsl.inlet import MarkerInlet, ReceivedMarker, StreamKind

_log = logging.getLogger(__name__)
MARKERS: Final = "Markers"
# Between two searches, and how long one lasts: LSL's own advice is at least half a second.
SEARCH_EVERY_S: Final = 1.0
SEARCH_S: Final = 0.6
# Between two looks at the inlets. A marker's time is that of its stamp, not that of the look.
PULL_EVERY_S: Final = 0.02
# A stream that so many searches in a row did not find has disappeared.
MISSES: Final = 3
_MOST_RECENT: Final = 4096


class MarkerStreams:
    """Receives the markers of every event stream that fits, also of those that come later.

    Args:
        on_marker: called for each marker, on a thread of this object.
        on_note: called with a sentence when a stream appears, disappears, returns or changes.
        stype: type of the streams; "" takes any.
        name: of the streams; "" takes any.
        source_id_not: a source of our own, which is not listened to.
        goes_on: asked now and then; False ends everything.
    """

    def __init__(
        self,
        on_marker: Callable[[ReceivedMarker], None],
        on_note: Callable[[str], None],
        *,
        stype: str = MARKERS,
        name: str = "",
        source_id_not: str = "",
        goes_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._on_marker, self._on_note = on_marker, on_note
        self._stype, self._name, self._not = stype, name, source_id_not
        self._goes_on = goes_on
        self._lock = threading.Lock()
        # Each with the number of searches in a row that did not find it.
        self._inlets: dict[MarkerInlet, int] = {}
        self._recent: dict[tuple[tuple[str, ...], float, str], None] = {}
        # What was taken or refused once: of two streams that look alike, mne-lsl finds one or the
        # other, and they must not replace each other again and again.
        self._known: set[str] = set()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"lsl-{what}", daemon=True)
            for what, work in (("search", self._search), ("receive", self._receive))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def streams(self) -> tuple[StreamKind, ...]:
        """Those that are received now."""
        with self._lock:
            return tuple(i.kind for i, misses in self._inlets.items() if misses < MISSES)

    def close(self) -> None:
        """End all connections; harmless when called again. Any thread."""
        self._ended.set()

    def _search(self) -> None:
        while not self._ended.is_set():
            try:
                if not self._goes_on():
                    self._ended.set()
                    break
                self._compare(self._found())
                self._measure()
            except Exception:
                _log.exception("LSL streams could not be searched for")
            self._ended.wait(SEARCH_EVERY_S)

    def _found(self) -> list[Any]:
        """The streams on the network that fit."""
        found = resolve_streams(
            SEARCH_S, name=self._name or None, stype=self._stype or None, minimum=1024
        )
        return [info for info in found if info.source_id != self._not or not self._not]

    def _compare(self, found: Iterable[Any]) -> None:
        """Take in new streams, and notice which are gone."""
        present = {info.uid: info for info in found}
        for uid in present.keys() - self._known:
            self._take(present[uid])
        with self._lock:
            for inlet, misses in self._inlets.items():
                self._inlets[inlet] = 0 if inlet.uid in present else misses + 1
            gone = [inlet for inlet, misses in self._inlets.items() if misses == MISSES]
        for inlet in gone:
            self._on_note(
                f"The stream “{inlet.kind.name}” has disappeared. Its markers so far are kept; "
                "it is awaited."
            )

    def _take(self, info: Any) -> None:
        """Receive a stream: a new one, one that has returned, or one that returned changed."""
        kind = StreamKind.of(info)
        if info.sfreq:
            self._known.add(info.uid)
            self._on_note(
                f"The stream “{kind.name}” has {info.sfreq:g} samples a second and is not taken: "
                "only event streams (irregular rate) are."
            )
            return
        with self._lock:
            former = next((i for i in self._inlets if i.kind.sender == kind.sender), None)
        inlet = MarkerInlet(info)
        try:
            inlet.open()
        except InputError as error:
            # It is tried again with the next search.
            self._on_note(str(error))
            return
        self._known.add(info.uid)
        with self._lock:
            self._inlets[inlet] = 0
        self._on_note(_arrival_words(kind, former))
        if former is not None:
            self._drop(former)

    def _measure(self) -> None:
        with self._lock:
            inlets = [inlet for inlet, misses in self._inlets.items() if not misses]
        for inlet in inlets:
            # One that is about to disappear keeps the offset that was measured last.
            with contextlib.suppress(TimeoutError, RuntimeError):
                inlet.measure()

    def _receive(self) -> None:
        while not self._ended.wait(PULL_EVERY_S):
            with self._lock:
                inlets = list(self._inlets)
            for inlet in inlets:
                self._pull(inlet)
        with self._lock:
            inlets, self._inlets = list(self._inlets), {}
        for inlet in inlets:
            self._pull(inlet)
            inlet.close()

    def _pull(self, inlet: MarkerInlet) -> None:
        try:
            for marker in inlet.pull():
                if self._is_new(marker):
                    self._on_marker(marker)
        except UnicodeDecodeError:
            self._on_note(
                f"A marker of the stream “{inlet.kind.name}” is not UTF-8 and could not be read."
            )
        except RuntimeError:
            # Lost for good: a stream without a source id. The search finds it as a new one, also
            # where only the network failed and its sender goes on.
            with self._lock:
                self._inlets.pop(inlet, None)
            self._known.discard(inlet.uid)
            self._on_note(
                f"The stream “{inlet.kind.name}” has disappeared. Its markers so far are kept."
            )
        except Exception:
            _log.exception("A marker could not be kept")

    def _is_new(self, marker: ReceivedMarker) -> bool:
        """False where an inlet that LSL connected again has received the same marker."""
        known = (marker.stream.sender, marker.lsl_time_s, marker.label)
        with self._lock:
            new = known not in self._recent
            self._recent[known] = None
            if len(self._recent) > _MOST_RECENT:
                self._recent.pop(next(iter(self._recent)))
        return new

    def _drop(self, inlet: MarkerInlet) -> None:
        """Take what an inlet still holds, and end it."""
        with self._lock:
            if self._inlets.pop(inlet, None) is None:
                return
        # The receiving thread may be in the middle of it.
        time.sleep(2 * PULL_EVERY_S)
        self._pull(inlet)
        inlet.close()


def _arrival_words(kind: StreamKind, former: MarkerInlet | None) -> str:
    if former is None:
        return f"The stream “{kind.name}” of {kind.host} is received."
    if (before := former.kind.channels) != kind.channels:
        return (
            f"The stream “{kind.name}” has changed: {kind.channels} channels instead of {before}. "
            "Its markers are kept; where there are several channels, their values are joined."
        )
    if former.kind.text != kind.text:
        words = ("numbers", "words")
        return (
            f"The stream “{kind.name}” has changed: {words[kind.text]} instead of "
            f"{words[former.kind.text]}. Its markers are kept."
        )
    return f"The stream “{kind.name}” is back."
