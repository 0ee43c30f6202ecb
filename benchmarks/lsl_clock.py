"""How exact times over the Lab Streaming Layer are, both ends on this computer.

    python -m benchmarks.lsl_clock [--flashes 30] [--markers 200]

Readings: a clip that flashes is sent as a browser sends a camera, by WebRTC; the time stamp of the
first sample that shows a flash is compared with the moment at which its first frame was sent. The
delay of a camera and of a browser's encoder comes on top. Markers: the time that a marker gets in a
recording is compared with the recording's own clock at the moment it was sent.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from mne_lsl.lsl import StreamInfo, StreamInlet, StreamOutlet, local_clock, resolve_streams

from benchmarks import live_room
from benchmarks.common import save
from benchmarks.live_client import FPS, Replay
from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame, FrameResult
from emotion_core.live.capacity import Seat
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession
from emotion_core.live.settings import LiveSettings
from emotion_core.lsl.bridge import LslBridge
from emotion_core.lsl.channels import CHANNELS
from emotion_core.model.adaptation import Adaptation
from emotion_core.pipeline.identity_resolution import Resolution
from emotion_core.vision.overlay import draw_overlay

# Frames of darkness, and as many of light.
HALF = FPS // 2
_MACHINE_ONLY = (
    "[multicast]\nResolveScope = machine\nAddressesOverride = {127.0.0.1}\n"
    "[lab]\nKnownPeers = {127.0.0.1}\nSessionID = lsl-clock\n[log]\nlevel = -3\n"
)


class Flashes:
    """A pipeline that finds a face in every bright frame: time stamps are measured, not faces."""

    calibration_progress: dict[int, float] = {}  # noqa: RUF012

    def process(self, frame: Frame) -> FrameResult:
        """One face, or none."""
        if frame.image.mean() < 128:
            return FrameResult.empty(frame.index, frame.time_s)
        probs = np.full((1, 7), 1 / 7, np.float32)
        one, no = np.ones(1), np.zeros(1, bool)
        box: Any = np.array([[0, 0, 9, 9]])
        ids: Any = np.array([1])
        return FrameResult(
            frame.index, frame.time_s, box, ids, probs, probs, one.astype(np.float32), no, no, ((),)
        )

    def update_settings(self, settings: PipelineSettings) -> None:
        """Nothing depends on them."""

    def update_adaptation(self, adaptation: Adaptation | None) -> None:
        """Nothing depends on it."""

    def start_calibration(self, track_id: int | None = None, seconds: float = 3.0) -> None:
        """Nothing is calibrated."""

    def clear_calibration(self, track_id: int | None = None) -> None:
        """Nothing is calibrated."""

    def resolve_identities(self) -> Resolution:
        """Nobody."""
        return Resolution({}, ())


class TimedReplay(Replay):
    """Notes on LSL's clock when it hands over the first frame of each flash."""

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__(packets)
        self.flashed_s: list[float] = []

    async def recv(self) -> "av.Packet[av.stream.Stream]":
        """The next packet, when it is due."""
        packet = await super().recv()
        if (self._count - 1) % (2 * HALF) == HALF:
            self.flashed_s.append(local_clock())
        return packet


def flashing_clip() -> list[bytes]:
    """Half a second of darkness and half a second of light, as VP8 packets that can be looped."""
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 640, 480, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.bit_rate, codec.gop_size = 1_000_000, HALF
    codec.options = {"deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0"}
    packets: list[bytes] = []
    for index in range(2 * HALF):
        image = np.full((480, 640, 3), 30 if index < HALF else 220, np.uint8)
        picture = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
        picture.pts = index
        packets += [bytes(packet) for packet in codec.encode(picture)]
    return packets + [bytes(packet) for packet in codec.encode(None)]


def _processor(
    _classifier: Any, settings: LiveSettings, send_back: bool, seat: Seat | None = None
) -> LiveProcessor:
    return LiveProcessor(Flashes(), draw_overlay, settings, send_back=send_back, seat=seat)


def measure_readings(count: int) -> dict[str, float]:
    """Errors of the time stamps of so many flashes, in milliseconds; positive: stamped too late."""
    setattr(live_room, "build_processor", _processor)  # noqa: B010
    room = live_room.Room()
    track = TimedReplay(flashing_clip())

    async def offered() -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTrack(track)
        await connection.setLocalDescription(await connection.createOffer())
        return connection

    client = room.run(offered())
    made = client.localDescription
    stream, answer = room.open({"sdp": made.sdp, "type": made.type}, False)
    bridge = LslBridge(stream.processor, {}, lambda: None, name="lsl-clock")
    (info,) = resolve_streams(5, name="lsl-clock")
    inlet = StreamInlet(info)
    inlet.open_stream(5)
    room.run(client.setRemoteDescription(RTCSessionDescription(**answer)))
    found = [label for label, *_ in CHANNELS].index("face_found")
    onsets: list[float] = []
    lit = True
    while len(onsets) < count:
        values, stamp = inlet.pull_sample(5)
        now_lit = bool(values[found])
        onsets += [stamp] if now_lit and not lit else []
        lit = now_lit
    bridge.close()
    stream.worker.stop()
    room.run(client.close())
    room.close()
    sent = np.array(track.flashed_s)
    return _errors([stamp - sent[np.argmin(np.abs(sent - stamp))] for stamp in onsets])


def measure_markers(count: int) -> dict[str, float]:
    """Errors of the times of so many markers in a recording, in milliseconds."""
    with tempfile.TemporaryDirectory() as name:
        session = LiveSession(Path(name) / "recording", "none")
        processor = LiveProcessor(Flashes(), draw_overlay)
        bridge = LslBridge(processor, {}, lambda: session)
        outlet = StreamOutlet(StreamInfo("lsl-clock-markers", "Markers", 1, 0, "string", "here"))
        while not bridge.status().streams:
            time.sleep(0.05)
        true_s = []
        for i in range(count):
            true_s.append(session.now_s())
            outlet.push_sample([str(i)], local_clock())
            time.sleep(random.uniform(0.01, 0.05))
        while len(session.edits.markers) < count:
            time.sleep(0.05)
        marks = {int(m.label): m.start_s for m in session.edits.markers}
        bridge.close()
        processor.on_ended()
        session.stop()
    return _errors([marks[i] - true_s[i] for i in range(count)])


def _errors(seconds: list[float]) -> dict[str, float]:
    ms = [1000 * s for s in seconds]
    return {
        "count": len(ms),
        "median_ms": round(statistics.median(ms), 2),
        "median_absolute_ms": round(statistics.median(map(abs, ms)), 2),
        "largest_absolute_ms": round(max(map(abs, ms)), 2),
    }


def main() -> None:
    """Write results/lsl_clock.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--flashes", type=int, default=30)
    parser.add_argument("--markers", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "lsl_api.cfg"
        config.write_text(_MACHINE_ONLY)
        # Read when the library is first used.
        os.environ["LSLAPICFG"] = str(config)
        with suppress(asyncio.CancelledError):
            readings = measure_readings(options.flashes)
        markers = measure_markers(options.markers)
    save("lsl_clock", {"readings": readings, "markers": markers})


if __name__ == "__main__":
    main()
