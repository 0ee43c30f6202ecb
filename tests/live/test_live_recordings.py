"""Short versions of benchmarks/live_soak.py and live_load.py: real WebRTC, without a browser."""

import gc
import math
from collections.abc import Iterator

import pytest
from aiortc import RTCPeerConnection

from benchmarks.live_client import encoded_clip
from benchmarks.live_room import Room, near_streams
from benchmarks.live_soak import camera, long_session, many_sessions, wait_read
from emotion_core.live.processor import LiveProcessor, live_threads


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return encoded_clip(0.5)


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


def test_one_session_goes_on_and_on() -> None:
    figures = long_session(0.05, math.inf, camera(0.3))
    assert figures["minutes_of_the_session"] == 0.1
    assert figures["faces_read"] > 30


def test_sessions_leave_nothing_behind(room: Room, packets: list[bytes]) -> None:
    figures = many_sessions(2, room, packets, warm_up=1)
    assert figures["new_threads"] == []
    assert figures["live_threads_after"] == 0
    gc.collect()
    left = [o for o in gc.get_objects() if isinstance(o, RTCPeerConnection | LiveProcessor)]
    assert [one for one in left if _of_this_module(one)] == []


def _of_this_module(one: object) -> bool:
    """Other tests of the same run may still hold processors with pipelines of their own making."""
    if isinstance(one, RTCPeerConnection):
        return True
    return type(one._pipeline).__name__ == "Pipeline"  # type: ignore[attr-defined]


def test_sessions_at_the_same_time_have_their_own_pipelines(
    room: Room, packets: list[bytes]
) -> None:
    with near_streams(room, packets, 2, send_back=False) as opened:
        one, other = (stream.processor for stream in opened)
        for processor in (one, other):
            frames, faces = 0, 0
            while not faces:
                # Raises after half a minute without a further frame.
                reading = wait_read(processor, frames + 1)
                frames, faces = reading.frames_read, len(reading.result)
                assert frames < 300
            assert faces == 1
        assert one._pipeline is not other._pipeline
        assert len(live_threads()) == 2
