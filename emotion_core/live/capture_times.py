"""When a camera's pictures were taken, as far as the sender tells: by RTCP sender reports.

A frame carries an RTP time stamp (90 kHz, an origin of its own). About once a second, a browser
reports which time of its wall clock belongs to which stamp (RFC 3550, section 6.4.1). From both
follows when each frame was taken, and with the arrival how long it was on its way.
"""

import functools
import threading
from collections import deque
from typing import Any, Final

import av

from emotion_core.live.processor import LiveProcessor

_RATE_HZ: Final = 90_000
_WRAP: Final = 1 << 32
# Between 1900, where NTP counts from, and 1970.
_NTP_UNIX_S: Final = 2_208_988_800
# Half an hour at 30 frames a second.
_MOST_FRAMES: Final = 54_000
_REPORT: Final = "emotion_lab_sender_report"


def keep_sender_reports(receiver_class: Any) -> None:
    """Make aiortc's `RTCRtpReceiver` class keep the newest sender report, which it only counts.

    Calling this again changes nothing; without the method nothing is kept, and delays stay unknown.

    Args:
        receiver_class: the class `aiortc.RTCRtpReceiver`.
    """
    original = getattr(receiver_class, "_handle_rtcp_packet", None)
    if original is None or hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    async def handle(self: Any, packet: Any) -> None:
        info = getattr(packet, "sender_info", None)
        if info is not None:
            setattr(self, _REPORT, (_unix_s(info.ntp_timestamp), int(info.rtp_timestamp)))
        await original(self, packet)

    receiver_class._handle_rtcp_packet = handle


def _unix_s(ntp_timestamp: int) -> float:
    return float(ntp_timestamp / _WRAP - _NTP_UNIX_S)


def captured_s(receiver: Any, pts: int) -> float | None:
    """When a frame was taken, in Unix seconds of the sender's clock; None where that is unknown.

    Args:
        receiver: an `aiortc.RTCRtpReceiver` whose class keeps sender reports.
        pts: of a frame, in 1/90000 s since the first one.
    """
    report = getattr(receiver, _REPORT, None)
    mapper = getattr(receiver, "_RTCRtpReceiver__timestamp_mapper", None)
    origin = getattr(mapper, "_origin", None)
    if report is None or origin is None:
        return None
    at_s, stamp = report
    behind = (origin + pts - stamp) % _WRAP
    # Before or after the report: the nearer one.
    behind -= _WRAP if behind > _WRAP // 2 else 0
    return float(at_s + behind / _RATE_HZ)


class CaptureTimes:
    """Arrival and capture of each frame of a stream. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receiver: Any = None
        self._frames: deque[tuple[float, float]] = deque(maxlen=_MOST_FRAMES)

    def watch(self, receiver: Any) -> None:
        """Take the times of capture from this receiver."""
        with self._lock:
            self._receiver = receiver

    def note(self, frame: av.VideoFrame, arrived_s: float) -> None:
        """A frame arrived, `arrived_s` on the server's steady clock."""
        with self._lock:
            if self._receiver is None or frame.pts is None or frame.time_base is None:
                return
            pts = round(frame.pts * frame.time_base * _RATE_HZ)
            if (taken_s := captured_s(self._receiver, pts)) is not None:
                self._frames.append((arrived_s, taken_s))

    def frames(self) -> list[tuple[float, float]]:
        """(arrival on the server's steady clock, capture on the sender's wall clock), seconds."""
        with self._lock:
            return list(self._frames)


class TimedProcessor(LiveProcessor):
    """A live stream that also knows when its frames were taken."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.capture_times = CaptureTimes()

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """As of `LiveProcessor`."""
        self.capture_times.note(frame, self._clock())
        return super().recv(frame)
