"""Fifty live sessions one after another, then half an hour of one: memory and threads.

    python -m benchmarks.live_soak [--minutes 30] [--sessions 50] [--at-most SECONDS]   (0: none)

The half hour is pushed through the processor faster than real time, each frame as soon as the one
before was read, on a clock that runs with the frames: timeline, tracker and recording see thirty
minutes of a camera at 30 frames a second. The aiortc codecs take no part in it; they do in the
sessions opened and closed, which come over real WebRTC from a client in the same process: what
that leaves behind is counted too.
"""

import argparse
import gc
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2

from benchmarks.common import save
from benchmarks.live_client import encoded_clip
from benchmarks.live_room import Room, near_streams
from emotion_core.live.processor import LiveProcessor, live_threads
from emotion_core.live.recording import LiveSession
from emotion_core.live.settings import LiveSettings
from emotion_core.media.synthetic import SCENARIOS, sample_frames
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.pipeline.profiling import resident_mb
from emotion_core.vision.overlay import draw_overlay

FPS = 30
# Sessions until the decoder's and encoder's threads have given the allocator its size.
WARM_UP = 6
SETTLE_S = 3.0


def camera(seconds: float = 3.0) -> list[av.VideoFrame]:
    """Decoded frames as WebRTC hands them over, of every made scenario."""
    frames = []
    for scenario in SCENARIOS:
        for made in sample_frames(seconds, FPS, scenario=scenario):
            planes = cv2.cvtColor(made.image, cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")  # type: ignore[arg-type]
            frame.time_base = Fraction(1, FPS)
            frames.append(frame)
    return frames


def long_session(minutes: float, at_most_s: float, frames: list[av.VideoFrame]) -> dict[str, Any]:
    """One recorded session; memory at the end of each minute of its own time."""
    now, resident = [0.0], []
    processor = LiveProcessor(
        Pipeline.load(), draw_overlay, LiveSettings(), clock=lambda: now[0], idle_end_s=60.0
    )
    begun, faces, index = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        session = LiveSession(Path(folder) / "soak", "default", clock=lambda: now[0])
        processor.listen(session.begin_stream())
        for index in range(round(minutes * 60 * FPS)):
            now[0] = index / FPS
            processor.recv(frames[index % len(frames)])
            reading = wait_read(processor, index + 1)
            faces += len(reading.result)
            if index % (10 * FPS) == 0:
                processor.history()  # what the page asks for
            if (index + 1) % (60 * FPS) == 0:
                resident.append(round(resident_mb(), 1))
            if time.monotonic() - begun > at_most_s:
                break
        session.stop()
    processor.on_ended()
    return {
        "minutes_of_the_session": round((index + 1) / FPS / 60, 1),
        "minutes_it_took": round((time.monotonic() - begun) / 60, 1),
        "faces_read": faces,
        "resident_mb_each_minute": resident,
        "growth_after_the_first_minute_mb": round(max(resident) - resident[0], 1)
        if resident
        else None,
    }


def wait_read(processor: LiveProcessor, count: int) -> Any:
    """The reading once so many frames were read."""
    deadline = time.monotonic() + 30
    while (reading := processor.reading()).frames_read < count:
        if reading.error or time.monotonic() > deadline:
            raise SystemExit(f"Frame {count} was not read: {reading.error or 'it took too long'}")
        time.sleep(0.0005)
    return reading


def many_sessions(
    count: int, room: Room, packets: list[bytes], warm_up: int = WARM_UP
) -> dict[str, Any]:
    """Sessions opened, read and stopped one after another; what they leave behind."""
    for _ in range(warm_up):
        _one_session(room, packets)
    _settle()
    before_mb, threads = resident_mb(), _threads()
    resident = [round(before_mb, 1)]
    for number in range(1, count + 1):
        _one_session(room, packets)
        if number % 10 == 0 or number == count:
            _settle()
            resident.append(round(resident_mb(), 1))
    return {
        "sessions": count,
        "sessions_before": warm_up,
        "resident_mb_each_ten": resident,
        "left_behind_mb": round(resident[-1] - before_mb, 1),
        "threads_before": len(threads),
        "threads_after": len(_threads()),
        "new_threads": sorted(set(_threads()) - set(threads)),
        "live_threads_after": len(live_threads()),
    }


def _one_session(room: Room, packets: list[bytes]) -> None:
    with near_streams(room, packets, 1, send_back=True) as (stream,):
        wait_read(stream.processor, 10)
    deadline = time.monotonic() + 10
    while live_threads() and time.monotonic() < deadline:
        time.sleep(0.02)


def _settle() -> None:
    """Until an ended session has let go of everything."""
    gc.collect()
    time.sleep(SETTLE_S)


def _threads() -> list[str]:
    """Names of all threads less the event loop's pool, which grows to its size and stays."""
    pool = ("asyncio_", "ThreadPoolExecutor")
    return [t.name for t in threading.enumerate() if not t.name.startswith(pool)]


def main() -> None:
    """Write results/live_sessions.json, then results/live_soak.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--at-most", type=float, default=3600.0)
    options = parser.parse_args()
    if options.sessions:
        # First, while the allocator knows nothing of half an hour of frames.
        room = Room()
        save("live_sessions", many_sessions(options.sessions, room, encoded_clip()))
        room.close()
    if options.minutes:
        save("live_soak", long_session(options.minutes, options.at_most, camera()))


if __name__ == "__main__":
    main()
