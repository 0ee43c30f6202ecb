"""Keeps frames from waiting between the camera, the processor and the encoder."""

import asyncio
import functools
from typing import Any, Final

# Frames come from the network in bunches: of two that come at once both are wanted, and the second
# waits a few milliseconds for the first. Where three wait, somebody is behind.
WAITING_FRAMES: Final = 2


class _Newest(asyncio.Queue[Any]):
    """Holds the newest items only; the oldest makes room."""

    def put_nowait(self, item: Any) -> None:
        while self.qsize() >= WAITING_FRAMES:
            self.get_nowait()
        super().put_nowait(item)


def keep_newest_only(relay: Any) -> None:
    """Make an aiortc `MediaRelay` hand each subscriber the newest two frames at most.

    streamlit-webrtc subscribes with aiortc's default, an unbounded queue before the processor and
    another before the encoder: on a busy computer encoding falls behind the camera, and the picture
    with it, by more every second. aiortc's own remedy, `buffered=False` (its pull request 498),
    keeps one frame and so loses every second one of those that come in pairs, as a third of a
    browser's do. Calling this again for the same relay changes nothing.
    """
    if getattr(relay.subscribe, "newest_only", False):
        return
    subscribe = relay.subscribe

    def newest(track: Any, buffered: bool = True) -> Any:
        del buffered
        proxy = subscribe(track, buffered=True)
        proxy._queue = _Newest()
        return proxy

    newest.newest_only = True  # type: ignore[attr-defined]
    relay.subscribe = newest


def hand_over_finished_frames(jitter_buffer: Any) -> None:
    """Make aiortc's `JitterBuffer` class hand a video frame over with its last packet.

    It waits for the first packet of the frame after, one frame of delay for every picture (33 ms at
    30 frames a second, more from a slow camera); but the last packet of a frame carries the marker
    bit (RFC 7741, section 4.1, and RFC 6184, section 5.1). Calling this again changes nothing.

    Args:
        jitter_buffer: the class `aiortc.jitterbuffer.JitterBuffer`.
    """
    original = getattr(jitter_buffer, "_remove_frame", None)
    if original is None or hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def remove_frame(self: Any, sequence_number: int) -> Any:
        frame = original(self, sequence_number)
        # Packets that only fill the line carry no data: nothing to decode.
        if self._is_video and (frame is None or not frame.data):
            frame = _finished_frame(self)
        return frame

    jitter_buffer._remove_frame = remove_frame


def _finished_frame(buffer: Any) -> Any:
    """The oldest frame, taken out, if all its packets are here up to the marked one; else None."""
    from aiortc.jitterbuffer import JitterFrame

    data, timestamp = [], None
    for count in range(buffer.capacity):
        packet = buffer._packets[(buffer._origin + count) % buffer.capacity]
        if packet is None or timestamp not in (None, packet.timestamp):
            return None
        timestamp = packet.timestamp
        data.append(packet._data)
        if packet.marker:
            buffer.remove(count + 1)
            return JitterFrame(data=b"".join(data), timestamp=timestamp)
    return None
