"""A server on loopback, and a webcam made in code."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from playwright.sync_api import BrowserContext

from emotion_core.media.synthetic import sample_frames

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # Without one, imitating it costs more than drawing without it.
    "--disable-gpu",
    "--no-first-run",
)
# Long enough for a computer that has other work to do.
WAIT_MS = 60_000

# open_browser(clip, allow=True, device=True, **options) gives the context of a new visitor.
OpenBrowser = Callable[..., BrowserContext]


def write_y4m(path: Path, seconds: float = 6.0, fps: int = 30, **options: Any) -> Path:
    """A clip of the moving portrait in the format that Chromium plays as a webcam."""
    width, height = options.setdefault("size", (640, 480))
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in sample_frames(seconds, fps, **options):
            file.write(b"FRAME\n")
            file.write(cv2.cvtColor(frame.image, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


@dataclass
class Server:
    """One running app."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    threads_file: Path

    def threads(self) -> list[str]:
        """Names of the server's threads now."""
        self.threads_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 20
        while not self.threads_file.exists():
            assert time.monotonic() < deadline, "the server does not answer SIGUSR1"
            time.sleep(0.05)
        return list(json.loads(self.threads_file.read_text()))

    def errors(self) -> list[str]:
        """Lines of the log that tell of a failure of this program."""
        words = ("ERROR", "Error:", "emotion_core", "/pages/", "Home.py")
        text = _without_closed_tabs(self.log.read_text())
        return [line for line in text.splitlines() if any(word in line for word in words)]


def _without_closed_tabs(log: str) -> str:
    """The log less Streamlit's own tracebacks when a browser goes without a farewell."""
    kept, block = [], []
    for line in log.splitlines():
        inside = line.startswith(("Traceback", " ", "During handling", "starlette.")) or not line
        if line.startswith("Exception in ASGI application"):
            block = [line]
        elif block and inside:
            block.append(line)
        else:
            kept += [] if "WebSocketDisconnected" in "".join(block) else block
            block = []
            kept.append(line)
    return "\n".join(kept + ([] if "WebSocketDisconnected" in "".join(block) else block))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(folder: Path, **environment: str) -> Iterator[Server]:
    """The app on 127.0.0.1, on a free port or the one in the environment, ended with the block."""
    port = int(environment.get("STREAMLIT_SERVER_PORT") or free_port())
    log, threads = folder / "server.log", folder / "threads.json"
    command = [
        sys.executable,
        str(Path(__file__).parent / "serve.py"),
        "Home.py",
        *("--server.headless", "true", "--server.address", "127.0.0.1"),
        *("--server.port", str(port), "--server.fileWatcherType", "none"),
    ]
    environment = {
        **os.environ,
        "THREADS_FILE": str(threads),
        "PYTHONPATH": str(ROOT),
        # What an earlier run has worked out must not answer for this one.
        "EMOTION_LAB_WORK_DIR": str(folder / "work"),
    } | environment
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    base = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    server = Server(f"http://127.0.0.1:{port}/{base}".rstrip("/"), process, log, threads)
    try:
        _wait_for_health(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_health(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {server.log.read_text()}")
