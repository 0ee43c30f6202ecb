"""Browsers without a browser: connections that replay a clip encoded beforehand.

    python -m benchmarks.live_client COUNT

Speaks JSON lines: writes {"offer": {...}} for each connection, reads {"answer": {...}} for each,
then plays until its input ends. Encoding costs nothing while it plays, so that a load test measures
the server and not its clients.
"""

import asyncio
import json
import sys
import time
from fractions import Fraction
from typing import Any

import av
import cv2
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from emotion_core.media.synthetic import sample_frames

FPS = 30
_CLOCK = Fraction(1, 90_000)


def encoded_clip(seconds: float = 3.0) -> list[bytes]:
    """The moving portrait, 640×480 at 30 frames a second, as VP8 packets that can be looped."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 640, 480, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.bit_rate, codec.gop_size = 1_000_000, FPS
    codec.options = {"deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0"}
    packets: list[bytes] = []
    for frame in sample_frames(seconds, FPS):
        planes = cv2.cvtColor(frame.image, cv2.COLOR_BGR2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")  # type: ignore[arg-type]
        picture.pts = frame.index
        packets += [bytes(packet) for packet in codec.encode(picture)]
    return packets + [bytes(packet) for packet in codec.encode(None)]


class Replay(MediaStreamTrack):
    """A camera that hands encoded packets over, each at its time."""

    kind = "video"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self._packets, self._count = packets, 0
        self._begun_s = 0.0

    async def recv(self) -> "av.Packet[av.stream.Stream]":
        """The next packet, when it is due."""
        self._begun_s = self._begun_s or time.monotonic()
        await asyncio.sleep(max(0.0, self._begun_s + self._count / FPS - time.monotonic()))
        packet = av.Packet(self._packets[self._count % len(self._packets)])
        packet.pts, packet.time_base = self._count * 90_000 // FPS, _CLOCK
        self._count += 1
        return packet


async def offer(packets: list[bytes]) -> RTCPeerConnection:
    """A connection that wants to send a camera and to receive a picture."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTrack(Replay(packets))
    await connection.setLocalDescription(await connection.createOffer())
    return connection


async def play(count: int) -> None:
    """Offer, take the answers, play until the input ends."""
    packets = encoded_clip()
    connections = [await offer(packets) for _ in range(count)]
    for connection in connections:
        made = connection.localDescription
        print(json.dumps({"offer": {"sdp": made.sdp, "type": made.type}}), flush=True)
    for connection in connections:
        line = await asyncio.to_thread(sys.stdin.readline)
        await connection.setRemoteDescription(RTCSessionDescription(**json.loads(line)["answer"]))
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(*(connection.close() for connection in connections))


if __name__ == "__main__":
    asyncio.run(play(int(sys.argv[1])))
