"""The server's side of live streams as the page builds it, without pages."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiortc import RTCConfiguration, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole, MediaRelay
from aiortc.jitterbuffer import JitterBuffer
from streamlit_webrtc import WebRtcMode
from streamlit_webrtc.webrtc import WebRtcWorker

from benchmarks.live_client import offer
from emotion_core.live.aiortc_patches import hand_over_finished_frames, keep_newest_only
from emotion_core.live.build import build_processor
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings
from emotion_core.model.classify import load_classifier

ROOT = Path(__file__).resolve().parents[1]
_NOT_USED = (
    *("source_video_track", "source_audio_track", "sink_video_track", "sink_audio_track"),
    *("player_factory", "in_recorder_factory", "video_frame_callback", "audio_frame_callback"),
    *("queued_video_frames_callback", "queued_audio_frames_callback", "on_video_ended"),
    *("on_audio_ended", "audio_processor_factory"),
)

Result = TypeVar("Result")


@dataclass
class Stream:
    """One visitor's stream."""

    worker: Any
    processor: LiveProcessor


class Room:
    """An event loop, a relay and the network, shared by all streams as in the app."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="room", daemon=True)
        self._thread.start()
        self._classifier = load_classifier()
        self._relay = self.run(self._made())
        hand_over_finished_frames(JitterBuffer)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of a coroutine on the room's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _made(self) -> MediaRelay:
        relay = MediaRelay()
        keep_newest_only(relay)
        return relay

    def open(self, offer: dict[str, str], send_back: bool) -> tuple[Stream, dict[str, str]]:
        """A stream for a browser's offer, and the answer to it."""
        processor = build_processor(self._classifier, LiveSettings(), send_back)
        worker: Any = WebRtcWorker(
            mode=WebRtcMode.SENDRECV,
            rtc_configuration=RTCConfiguration(iceServers=[]),
            out_recorder_factory=None if send_back else MediaBlackhole,
            video_processor_factory=lambda: processor,
            async_processing=False,
            video_receiver_size=4,
            audio_receiver_size=4,
            sendback_video=send_back,
            sendback_audio=False,
            loop=self._loop,
            relay=self._relay,
            **dict.fromkeys(_NOT_USED),
        )
        answer = worker.process_offer(offer["sdp"], offer["type"])
        return Stream(worker, processor), {"sdp": answer.sdp, "type": answer.type}

    def close(self) -> None:
        """End the event loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def near_streams(
    room: Room, packets: list[bytes], count: int, send_back: bool
) -> Iterator[list[Stream]]:
    """So many streams whose clients live in this process too: quick to open, costly to measure."""
    clients = [room.run(offer(packets)) for _ in range(count)]
    opened = []
    try:
        for client in clients:
            made = client.localDescription
            stream, answer = room.open({"sdp": made.sdp, "type": made.type}, send_back)
            opened.append(stream)
            room.run(client.setRemoteDescription(RTCSessionDescription(**answer)))
        yield opened
    finally:
        for stream in opened:
            stream.worker.stop()
        for client in clients:
            room.run(client.close())


@contextmanager
def streams(room: Room, count: int, send_back: bool) -> Iterator[list[Stream]]:
    """So many streams from a process of their own; stopped as the page's STOP does."""
    command = [sys.executable, "-m", "benchmarks.live_client", str(count)]
    client = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin is not None
    assert client.stdout is not None
    opened = []
    try:
        offers = [json.loads(client.stdout.readline())["offer"] for _ in range(count)]
        for offered in offers:
            stream, answer = room.open(offered, send_back)
            opened.append(stream)
            client.stdin.write(json.dumps({"answer": answer}) + "\n")
            client.stdin.flush()
        yield opened
    finally:
        for stream in opened:
            stream.worker.stop()
        client.stdin.close()
        client.wait(20)
