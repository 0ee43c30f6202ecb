"""One live stream and LSL: its readings go out, markers come into its recording."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession, SessionState
from emotion_core.lsl.inlet import ReceivedMarker, StreamKind
from emotion_core.lsl.marker_file import append_marker, append_note
from emotion_core.lsl.marker_streams import MARKERS, MarkerStreams
from emotion_core.lsl.outlet import NAME, ReadingsOutlet

PURPOSE: Final = "lsl"
_MOST_NOTES: Final = 4


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """What a page shows.

    Attributes:
        sent: samples sent.
        has_consumers: another program receives them.
        streams: event streams that are received.
        markers: kept in recordings.
        unkept: markers that came while nothing was recorded.
        notes: what befell the streams, newest last.
    """

    sent: int
    has_consumers: bool
    streams: tuple[StreamKind, ...]
    markers: int
    unkept: int
    notes: tuple[str, ...]


class LslBridge:
    """Sends a live stream's readings and receives markers until `close` or the stream's end.

    All methods may be called from any thread.

    Args:
        processor: the live stream.
        acquisition: how the readings are made, for the outlet's meta-data.
        recording: gives the recording that runs at the moment, into which markers go.
        name: of the outlet.
        marker_type, marker_name: of the event streams that are received; "" takes any.
    """

    def __init__(
        self,
        processor: LiveProcessor,
        acquisition: Mapping[str, str],
        recording: Callable[[], LiveSession | None],
        *,
        name: str = NAME,
        marker_type: str = MARKERS,
        marker_name: str = "",
    ) -> None:
        self._processor, self._session = processor, recording
        self._lock = threading.Lock()
        self._markers = self._unkept = 0
        self._notes: deque[str] = deque(maxlen=_MOST_NOTES)
        source_id = f"{NAME}-{secrets.token_hex(6)}"
        self._outlet = ReadingsOutlet(source_id, acquisition, name)
        self._streams = MarkerStreams(
            self._receive,
            self._note,
            stype=marker_type,
            name=marker_name,
            source_id_not=source_id,
            goes_on=self._goes_on,
        )
        processor.listen(self._outlet.send, PURPOSE)

    def status(self) -> BridgeStatus:
        """What has happened so far; never waits for the network."""
        with self._lock:
            markers, unkept, notes = self._markers, self._unkept, tuple(self._notes)
        return BridgeStatus(
            self._outlet.sent,
            self._outlet.has_consumers,
            self._streams.streams,
            markers,
            unkept,
            notes,
        )

    def close(self) -> None:
        """End both directions; harmless when called again."""
        self._processor.listen(None, PURPOSE)
        self._streams.close()
        self._outlet.close()

    def _goes_on(self) -> bool:
        ended = self._processor.reading().ended
        if ended:
            # Nobody may be left who could press a button.
            self._outlet.close()
        return not ended

    def _recording(self) -> LiveSession | None:
        session = self._session()
        finished = session is None or session.state is SessionState.FINISHED
        return None if finished else session

    def _receive(self, marker: ReceivedMarker) -> None:
        session = self._recording()
        if session is None:
            with self._lock:
                self._unkept += 1
            return
        time_s, note = session.now_s() - (time.monotonic() - marker.moment_s), ""
        try:
            time_s = session.mark_at(marker.moment_s, marker.label).start_s
            with self._lock:
                self._markers += 1
        except InputError:
            note = "before the recording"
            self._tell(
                f"The marker “{marker.label}” is {-time_s:.1f} s older than the recording: it is "
                "kept in lsl_markers.csv only."
            )
        except EmotionCoreError as error:
            note = "not among the markers"
            self._tell(f"The marker “{marker.label}” could not be kept: {error}")
        self._write(lambda: append_marker(session.folder, marker, time_s, note))

    def _note(self, note: str) -> None:
        self._tell(note)
        session = self._recording()
        if session is not None:
            self._write(lambda: append_note(session.folder, note, session.now_s()))

    def _write(self, action: Callable[[], None]) -> None:
        try:
            action()
        except EmotionCoreError as error:
            self._tell(str(error))

    def _tell(self, note: str) -> None:
        with self._lock:
            self._notes.append(note)
