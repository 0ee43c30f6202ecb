"""Several live streams at once: what each of them gets, and what the server spends.

    python -m benchmarks.live_load [--streams 4] [--seconds 20] [--send-back]

The clients replay a stream encoded beforehand (640×480, 30 frames a second) from a process of their
own, over real WebRTC. Analysis only, unless the picture is sent back too.
"""

import argparse
import os
import time
from typing import Any

import psutil

from benchmarks.common import save
from benchmarks.live_room import Room, Stream, streams

WARM_UP_S = 4.0


def measure(count: int, seconds: float, send_back: bool) -> dict[str, Any]:
    """Rates of each stream over the given time, and the server's share of a core."""
    room, server = Room(), psutil.Process()
    with streams(room, count, send_back) as opened:
        _wait_until_read(opened)
        time.sleep(WARM_UP_S)
        server.cpu_percent()
        before = [stream.processor.reading() for stream in opened]
        begun = time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - begun
        after = [stream.processor.reading() for stream in opened]
        cpu = server.cpu_percent()
    room.close()
    pairs = list(zip(before, after, strict=True))
    return {
        "streams": count,
        "seconds": round(spent, 1),
        "sent_back": send_back,
        "analysis_fps_each": [round((b.frames_read - a.frames_read) / spent, 1) for a, b in pairs],
        "camera_fps_each": [round((b.frames_in - a.frames_in) / spent, 1) for a, b in pairs],
        "latency_in_server_ms_each": [round(b.latency_ms or 0.0, 1) for b in after],
        "faces_each": [0 if b.result is None else len(b.result) for b in after],
        "server_cpu_percent": cpu,
        "load_average": os.getloadavg()[0],
    }


def _wait_until_read(opened: list[Stream], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not all(stream.processor.reading().frames_read for stream in opened):
        if time.monotonic() > deadline:
            raise SystemExit("No frame was read: does WebRTC work between processes here?")
        time.sleep(0.05)


def main() -> None:
    """Write results/live_load.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--send-back", action="store_true")
    options = parser.parse_args()
    save("live_load", measure(options.streams, options.seconds, options.send_back))


if __name__ == "__main__":
    main()
