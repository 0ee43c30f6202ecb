"""When pictures were taken, from RTCP sender reports, over the wrap of RTP's time stamps."""

import inspect
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket
from live_processor_stubs import PLAIN, FakePipeline, draw_red, video_frame, wait_for_frames

from emotion_core.live.capture_times import (
    CaptureTimes,
    TimedProcessor,
    captured_s,
    keep_sender_reports,
)

_NTP_1970 = 2_208_988_800


class Mapper:
    _origin: int | None = None


class Receiver:
    """What is used of aiortc's receiver."""

    def __init__(self) -> None:
        self.handled: list[Any] = []
        self._RTCRtpReceiver__timestamp_mapper = Mapper()

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        self.handled.append(packet)


def report(unix_s: float, stamp: int) -> RtcpSrPacket:
    ntp = int((unix_s + _NTP_1970) * 2**32)
    data = struct.pack("!QLLL", ntp, stamp, 5, 500)
    return RtcpSrPacket(ssrc=1, sender_info=RtcpSenderInfo.parse(data))


@pytest.mark.parametrize(
    ("origin", "pts", "stamp", "after_s"),
    [
        (1000, 0, 1000, 0.0),
        (1000, 90_000, 1000, 1.0),
        (1000, 90_000, 181_000, -1.0),
        (2**32 - 45_000, 90_000, 2**32 - 45_000, 1.0),
        # The stamps began again between the report and the frame, or the other way round.
        (2**32 - 45_000, 90_000, 0, 0.5),
        (1000 - 2**32, 2**32, 46_000, -0.5),
    ],
)
def test_a_frame_is_placed_by_the_newest_report(
    run_async: Callable[[Any], Any], origin: int, pts: int, stamp: int, after_s: float
) -> None:
    class Own(Receiver):
        pass

    keep_sender_reports(Own)
    keep_sender_reports(Own)
    receiver = Own()
    assert captured_s(receiver, pts) is None
    packet = report(1_700_000_000.25, stamp)
    run_async(receiver._handle_rtcp_packet(packet))
    assert receiver.handled == [packet]
    assert captured_s(receiver, pts) is None
    receiver._RTCRtpReceiver__timestamp_mapper._origin = origin
    assert captured_s(receiver, pts) == pytest.approx(1_700_000_000.25 + after_s, abs=1e-5)


def test_aiortc_still_has_what_is_used_of_it() -> None:
    assert hasattr(RTCRtpReceiver, "_handle_rtcp_packet")
    receiver = object.__new__(RTCRtpReceiver)
    names = inspect.getsource(RTCRtpReceiver.__init__)
    assert "self.__timestamp_mapper = TimestampMapper()" in names
    assert captured_s(receiver, 0) is None


def test_a_stream_remembers_arrivals_of_frames_whose_capture_is_known() -> None:
    times = CaptureTimes()
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.pts, frame.time_base = 9, Fraction(1, 90)
    times.note(frame, 5.0)
    receiver = Receiver()
    receiver._RTCRtpReceiver__timestamp_mapper._origin = 0
    receiver.emotion_lab_sender_report = (100.0, 0)  # type: ignore[attr-defined]
    times.watch(receiver)
    times.note(frame, 5.0)
    frame.pts = None
    times.note(frame, 6.0)
    ((arrived_s, taken_s),) = times.frames()
    assert arrived_s == 5.0
    assert taken_s == pytest.approx(100.1)


def test_a_timed_stream_is_read_like_any_other() -> None:
    processor = TimedProcessor(FakePipeline(), draw_red, PLAIN)
    try:
        processor.recv(video_frame())
        wait_for_frames(processor, 1)
        assert processor.capture_times.frames() == []
    finally:
        processor.on_ended()
