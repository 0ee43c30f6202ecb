"""No frame waits: a slow consumer sees the newest one, and the last packet hands a frame over."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import pytest
from aiortc.contrib.media import MediaRelay
from aiortc.jitterbuffer import JitterBuffer
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtpPacket

from emotion_core.live.aiortc_patches import hand_over_finished_frames, keep_newest_only


class Numbers(MediaStreamTrack):
    """Frames whose time stamp is their number: some at once, as from a busy browser, then none for
    a millisecond for each."""

    kind = "video"

    def __init__(self, count: int, at_once: int = 1) -> None:
        super().__init__()
        self.count, self.number, self.at_once = count, -1, at_once

    async def recv(self) -> av.VideoFrame:
        if (self.number + 1) % self.at_once == 0:
            await asyncio.sleep(0.001 * self.at_once)
        self.number += 1
        if self.number == self.count:
            self.stop()
            raise MediaStreamError
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts, frame.time_base = self.number, Fraction(1, 1000)
        return frame


def test_a_slow_consumer_is_never_behind(run_async: Callable[[Any], Any]) -> None:
    async def consume() -> tuple[list[int], bool]:
        relay, camera = MediaRelay(), Numbers(60)
        keep_newest_only(relay)
        keep_newest_only(relay)
        consumer = relay.subscribe(camera)
        behind: list[int] = []
        while True:
            try:
                frame = await consumer.recv()
            except MediaStreamError:
                return behind, consumer.readyState == "ended"
            assert frame.pts is not None
            behind.append(camera.number - frame.pts)
            await asyncio.sleep(0.02)

    behind, ended = run_async(consume())
    assert ended
    assert 1 <= len(behind) < 60
    assert max(behind) <= 2


@pytest.mark.parametrize(
    ("at_once", "expected"),
    [(2, [*range(12)]), (4, [2, 3, 6, 7, 10, 11])],
)
def test_of_frames_that_come_at_once_the_newest_two_arrive(
    at_once: int, expected: list[int], run_async: Callable[[Any], Any]
) -> None:
    async def consume() -> list[int | None]:
        relay = MediaRelay()
        keep_newest_only(relay)
        consumer, seen = relay.subscribe(Numbers(12, at_once)), []
        while True:
            try:
                seen.append((await consumer.recv()).pts)
            except MediaStreamError:
                return seen

    assert run_async(consume()) == expected


class Prompt(JitterBuffer):
    """A class of its own, so that the library's stays as it is for other tests."""


def arrivals(packets: list[tuple[int, int, bytes, int]], **options: Any) -> list[bytes | None]:
    """What comes out with each packet (sequence number, timestamp, data, marker) going in."""
    hand_over_finished_frames(Prompt)
    hand_over_finished_frames(Prompt)
    buffer = Prompt(capacity=64, **({"is_video": True} | options))
    out: list[bytes | None] = []
    for number, timestamp, data, marker in packets:
        packet = RtpPacket(sequence_number=number, timestamp=timestamp, marker=marker)
        packet._data = data  # type: ignore[attr-defined]
        frame = buffer.add(packet)[1]
        out.append(frame.data if frame else None)
    return out


@pytest.mark.parametrize(
    ("packets", "frames"),
    [
        pytest.param([(0, 9, b"a", 1)], [b"a"], id="one packet"),
        pytest.param([(0, 9, b"a", 0), (1, 9, b"b", 1)], [None, b"ab"], id="two packets"),
        pytest.param(
            [(0, 9, b"a", 0), (2, 9, b"c", 1), (1, 9, b"b", 0)], [None, None, b"abc"], id="disorder"
        ),
        pytest.param(
            [(65535, 9, b"a", 0), (0, 9, b"b", 1), (1, 12, b"c", 1)],
            [None, b"ab", b"c"],
            id="numbers start again",
        ),
        pytest.param(
            [(0, 9, b"a", 0), (1, 12, b"b", 1), (2, 15, b"c", 1)],
            [None, b"a", b"b"],
            id="a lost marker waits for the next frame, as without us",
        ),
        pytest.param(
            [(0, 9, b"a", 1), (1, 9, b"", 0), (2, 12, b"b", 1), (3, 15, b"c", 1)],
            [b"a", None, b"b", b"c"],
            id="filling is no frame",
        ),
    ],
)
def test_a_frame_is_handed_over_with_its_last_packet(
    packets: list[tuple[int, int, bytes, int]], frames: list[bytes | None]
) -> None:
    assert arrivals(packets) == frames


def test_sound_is_left_alone() -> None:
    assert arrivals([(0, 9, b"a", 1)], is_video=False) == [None]


def test_a_library_without_that_method_is_left_alone() -> None:
    class Other:
        pass

    hand_over_finished_frames(Other)
    assert not hasattr(Other, "_remove_frame")
