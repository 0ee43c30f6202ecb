"""A slow consumer of a relay sees the newest frame, not the oldest of a growing queue."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from emotion_core.live.relay import keep_newest_only


class Numbers(MediaStreamTrack):
    """Frames whose time stamp is their number, as fast as they are asked for."""

    kind = "video"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.number = count, -1

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.001)
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
        behind = []
        while True:
            try:
                frame = await consumer.recv()
            except MediaStreamError:
                return behind, consumer.readyState == "ended"
            behind.append(camera.number - frame.pts)
            await asyncio.sleep(0.02)

    behind, ended = run_async(consume())
    assert ended
    assert 1 <= len(behind) < 60
    assert max(behind) <= 1
