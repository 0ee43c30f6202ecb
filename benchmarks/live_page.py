"""The live page measured in a real Chromium: start-up, rates, and latency from glass to glass.

    python benchmarks/live_page.py [--seconds 20] [--json FILE]

The webcam is a clip made in code whose foot carries the number of its frame as black and white
fields. The browser shows it twice: straight from the camera, and as the server sends it back. The
time between the two showings of one number is the whole way: encoding, network, decoding, overlay,
and all of it back. Server and browser share this computer's cores, so a busy one measures itself:
the load is reported.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
# Ten seconds until the clip starts again; nine binary fields hold its frames.
FPS, CLIP_FRAMES, BITS = 30, 300, 9
# Two rows of each frame are copied as they were decoded: drawing them would cost more than the rest
# of the page.
_WATCH = """
async (body, seconds) => {
  const BITS = 9, sent = [], returned = [];
  const numberOf = async (frame) => {
    const { x, y, width, height } = frame.visibleRect;
    const rect = { x, y: y + 2 * Math.round(height * 464 / 960), width: width & ~1, height: 2 };
    const data = new Uint8Array(frame.allocationSize({ rect }));
    await frame.copyTo(data, { rect });
    const bytes = /^(I|NV)/.test(frame.format) ? 1 : 4;
    frame.close();
    let number = 0;
    for (let b = 0; b < BITS; b++)
      if (data[bytes * Math.round((b * 64 + 32) * width / 640)] > 128) number |= 1 << b;
    return number;
  };
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  const [track] = camera.getVideoTracks();
  const frames = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const watchCamera = async () => {
    for (let next; !(next = await frames.read()).done; ) {
      const now = performance.now();
      sent.push([await numberOf(next.value), now]);
    }
  };
  const video = document.querySelector("video");
  const show = async (now) => {
    video.requestVideoFrameCallback(show);
    returned.push([await numberOf(new VideoFrame(video)), now]);
  };
  video.requestVideoFrameCallback(show);
  watchCamera();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  track.stop();
  return { sent, returned };
}
"""


def write_clip(path: Path) -> Path:
    """The moving portrait with the number of each frame in fields at its foot, as y4m."""
    from emotion_core.media.synthetic import sample_frames

    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W640 H480 F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in sample_frames(CLIP_FRAMES / FPS, FPS):
            image = frame.image.copy()
            image[-32:] = 0
            for bit in range(BITS):
                image[-32:, bit * 64 : (bit + 1) * 64] = 255 * (frame.index >> bit & 1)
            file.write(b"FRAME\n" + cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


def lags_ms(sent: list[list[float]], returned: list[list[float]]) -> list[float]:
    """For each returned frame: how long ago the same frame was first shown by the camera."""
    lags = []
    for number, shown_ms in returned:
        ages = [shown_ms - at for other, at in sent if other == number and at <= shown_ms]
        if ages and min(ages) < 1000 * CLIP_FRAMES / FPS / 2:
            lags.append(min(ages))
    return lags


def per_second(frames: list[list[float]]) -> float:
    """Frames a second between the first and the last."""
    return 1000 * (len(frames) - 1) / (frames[-1][1] - frames[0][1]) if len(frames) > 1 else 0.0


@contextmanager
def streamlit_server() -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """(address, process, time of the start); the server may not answer yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "Home.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    begun = time.monotonic()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
    try:
        yield f"http://127.0.0.1:{port}", process, begun
    finally:
        process.terminate()
        process.wait(20)


def frame_of(page: Any) -> Any:
    """The video component's own frame."""
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def button(page: Any, name: str) -> Any:
    """A button of the video component."""
    return frame_of(page).get_by_role("button", name=re.compile(f"^{name}$", re.IGNORECASE))


def seconds_to_start(page: Any, url: str, begun: float) -> float:
    """From `begun` until the START button can be seen."""
    while True:
        try:
            page.goto(f"{url}/Live")
            break
        except Exception:  # the server does not listen yet
            time.sleep(0.05)
    button(page, "START").wait_for(timeout=120_000)
    return time.monotonic() - begun


def visit(browser: Any, url: str, begun: float | None = None) -> float:
    """`seconds_to_start` of a new visitor with an empty cache, who leaves again.

    Without `begun` from the moment the address is entered into an open, empty tab: the browser has
    started the tab's process by then.
    """
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    if begun is None:
        time.sleep(1.0)
        begun = time.monotonic()
    seconds = seconds_to_start(page, url, begun)
    context.close()
    return seconds


def rates(page: Any) -> dict[str, float]:
    """What the page itself says."""
    pairs = [text.split("\n") for text in page.locator(".lab-rates div").all_inner_texts()]
    return {pair[-1].strip(): float(re.sub(r"[^0-9.]", "", pair[0]) or 0) for pair in pairs}


def measure_stream(page: Any, server: psutil.Process, seconds: float) -> dict[str, Any]:
    """Rates and latency of one stream of a page whose START can be seen."""
    # The fields must not be read backwards.
    page.get_by_text("Mirror", exact=True).click()
    button(page, "START").click()
    page.locator(".lab-person").first.wait_for(timeout=60_000)
    time.sleep(10)  # the browser's estimate of the bandwidth grows for some seconds
    server.cpu_percent()
    seen = frame_of(page).locator("body").evaluate(_WATCH, seconds)
    lags = sorted(lags_ms(seen["sent"], seen["returned"]))
    figures = {
        "server_cpu_percent": server.cpu_percent(),
        "page": rates(page),
        "camera_fps": round(per_second(seen["sent"]), 1),
        "display_fps": round(per_second(seen["returned"]), 1),
        "glass_to_glass_ms": round(statistics.median(lags)),
        "glass_to_glass_ms_p90": round(lags[int(0.9 * len(lags))]),
        "frames_compared": len(lags),
        "returned_size": frame_of(page)
        .locator("video")
        .evaluate("v => [v.videoWidth, v.videoHeight]"),
    }
    button(page, "STOP").click()
    button(page, "START").wait_for()
    return figures


def measure(browser: Any, seconds: float, visits: int) -> dict[str, Any]:
    """All figures of one server."""
    with streamlit_server() as (url, process, begun):
        figures: dict[str, Any] = {"cold_start_s": visit(browser, url, begun)}
        warm = [visit(browser, url) for _ in range(visits)]
        figures["warm_new_visitor_s"] = statistics.median(warm)
        page = browser.new_context(permissions=["camera"]).new_page()
        seconds_to_start(page, url, time.monotonic())
        again = []
        for _ in range(visits):
            time.sleep(1.5)
            begun = time.monotonic()
            page.reload()
            button(page, "START").wait_for()
            again.append(time.monotonic() - begun)
        figures["warm_reload_s"] = statistics.median(again)
        time.sleep(2)
        figures |= measure_stream(page, psutil.Process(process.pid), seconds)
    figures["load_average"] = os.getloadavg()[0]
    figures["cores"] = os.cpu_count()
    return figures


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as api:
        clip = write_clip(Path(folder) / "clock.y4m")
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={clip}"]
        browser = api.chromium.launch(executable_path=options.chromium, args=flags)
        figures = measure(browser, options.seconds, options.visits)
        browser.close()
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
