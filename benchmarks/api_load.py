"""What 200 requests at once to the interface for programs cost the live streams.

    python -m benchmarks.api_load [--streams 2] [--at-once 200] [--seconds 8] [--rounds 4]

Quiet and busy stretches take turns in one run; a stream's rate in the busy ones is given as a share
of its rate in the quiet ones. The interface and the streams share one event loop, as in the app.
The clients run on the same cores, those of the interface at the lowest priority.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import uvicorn
from starlette.applications import Starlette

from benchmarks.common import save
from benchmarks.live_room import ROOT, Room, Stream, streams
from emotion_core.api.limits import ApiLimits
from emotion_core.api.routes import ApiParts, api_routes
from emotion_core.config import MODELS_DIR
from emotion_core.jobs.store import JobStore
from emotion_core.media.synthetic import sample_photo

TOKEN = "a-token-of-this-benchmark-0123456789"
WARM_UP_S = 4.0


class Server:
    """The interface on a free port, on the event loop of the room."""

    def __init__(self, room: Room, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        parts = ApiParts(
            TOKEN,
            MODELS_DIR,
            folder,
            lambda: JobStore(folder, 1.0, MODELS_DIR),
            4,
            ApiLimits(rate=1_000_000),
        )
        app = Starlette(routes=api_routes(parts))
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=self.port, log_level="warning", access_log=False)
        )
        self._done = asyncio.run_coroutine_threadsafe(self._server.serve(), room._loop)
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._done.result(10)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Rates in quiet and in busy stretches, and how the requests were answered."""
    room = Room()
    answers: Counter[str] = Counter()
    shares, latencies = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = folder / "portrait.jpg"
        cv2.imwrite(str(picture), sample_photo())
        server = Server(room, folder)
        command = [sys.executable, "-m", "benchmarks.api_client", str(server.port), TOKEN]
        client = subprocess.Popen(
            [*command, str(options.at_once), str(picture)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdout.readline()
        with streams(room, options.streams, send_back=False) as opened:
            time.sleep(WARM_UP_S)
            for _ in range(options.rounds):
                quiet, quiet_ms = _rates(opened, options.seconds)
                client.stdin.write(f"{options.seconds}\n")
                client.stdin.flush()
                busy, busy_ms = _rates(opened, options.seconds)
                answers.update(json.loads(client.stdout.readline()))
                shares.append([b / q for q, b in zip(quiet, busy, strict=True)])
                latencies.append((quiet_ms, busy_ms))
        client.stdin.close()
        client.wait(20)
        server.close()
    room.close()
    return {
        "streams": options.streams,
        "requests_at_once": options.at_once,
        "answers": dict(answers),
        "share_of_the_quiet_rate_median": round(statistics.median(map(min, shares)), 3),
        "share_of_the_quiet_rate_each": [[round(s, 3) for s in one] for one in shares],
        "latency_ms_quiet_and_busy": [[round(ms, 1) for ms in pair] for pair in latencies],
        "load_average": os.getloadavg()[0],
    }


def _rates(opened: list[Stream], seconds: float) -> tuple[list[float], float]:
    """Analysed frames a second of each stream, and the largest latency in milliseconds."""
    before = [stream.processor.reading().frames_read for stream in opened]
    begun_s = time.monotonic()
    time.sleep(seconds)
    spent_s = time.monotonic() - begun_s
    after = [stream.processor.reading() for stream in opened]
    rates = [(b.frames_read - a) / spent_s for a, b in zip(before, after, strict=True)]
    return rates, max(reading.latency_ms or 0.0 for reading in after)


def main() -> None:
    """Write results/api_load.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=4)
    save("api_load", measure(parser.parse_args()))


if __name__ == "__main__":
    main()
