"""The live page measured in a real Chromium: start-up, rates, and latency from glass to glass.

    python benchmarks/live_page.py [--seconds 20] [--json FILE]

The camera is a canvas inside the browser: the portrait with a clock drawn as black and white
fields. What the server sends back shows the clock as it was; the difference to the clock now is the
whole way: capture, encoding, network, decoding, overlay, and all of it back. Server and browser
share this computer's cores, so a busy one measures itself: the load is reported.
"""

import argparse
import base64
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FLAGS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
# Twelve fields of a binary clock in steps of 10 ms: 40 s until it starts again.
BITS, STEP_MS = 12, 10
_CAMERA = """
(() => {
  const draw = (pen, portrait) => {
    const t = performance.now() / 1000;
    pen.fillStyle = '#666'; pen.fillRect(0, 0, 640, 480);
    if (portrait.complete) pen.drawImage(portrait, 160 + 100 * Math.sin(t), 40, 320, 320);
    const now = Math.floor((Date.now() % 40960) / STEP_MS);
    for (let b = 0; b < BITS; b++) {
      pen.fillStyle = (now >> b) & 1 ? '#fff' : '#000';
      pen.fillRect(b * 640 / BITS, 440, 640 / BITS, 40);
    }
  };
  const camera = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 640; canvas.height = 480;
    const pen = canvas.getContext('2d');
    const portrait = new Image(); portrait.src = 'data:image/jpeg;base64,PORTRAIT';
    setInterval(() => draw(pen, portrait), 1000 / 30);
    return canvas.captureStream(30);
  };
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = camera;
})();
"""
_READ = """
async (body, seconds) => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  canvas.width = 640; canvas.height = 480;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const lags = [], end = Date.now() + 1000 * seconds;
  const wait = () => new Promise((next) => {
    video.requestVideoFrameCallback(next);
    setTimeout(next, 2000);
  });
  while (Date.now() < end) {
    await wait();
    pen.drawImage(video, 0, 0, 640, 480);
    const now = Math.floor((Date.now() % 40960) / STEP_MS);
    let then = 0;
    for (let b = 0; b < BITS; b++) {
      const x = Math.floor((b + 0.5) * 640 / BITS);
      if (pen.getImageData(x, 460, 1, 1).data[0] > 128) then |= 1 << b;
    }
    lags.push(((now - then + 4096) % 4096) * STEP_MS);
  }
  return lags;
}
"""


def script(source: str) -> str:
    """JavaScript with the clock's constants and the portrait filled in."""
    portrait = (ROOT / "emotion_core" / "media" / "assets" / "portrait.jpg").read_bytes()
    filled = source.replace("PORTRAIT", base64.b64encode(portrait).decode())
    return filled.replace("STEP_MS", str(STEP_MS)).replace("BITS", str(BITS))


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


def visit(browser: Any, url: str, begun: float) -> float:
    """`seconds_to_start` of a new visitor with an empty cache, who leaves again."""
    context = browser.new_context(permissions=["camera"])
    seconds = seconds_to_start(context.new_page(), url, begun)
    context.close()
    return seconds


def rates(page: Any) -> dict[str, float]:
    """What the page itself says."""
    pairs = [text.split("\n") for text in page.locator(".lab-rates div").all_inner_texts()]
    return {pair[-1].strip(): float(re.sub(r"[^0-9.]", "", pair[0]) or 0) for pair in pairs}


def measure(browser: Any, seconds: float) -> dict[str, Any]:
    """All figures of one server."""
    with streamlit_server() as (url, process, begun):
        figures: dict[str, Any] = {"cold_start_s": visit(browser, url, begun)}
        warm = [visit(browser, url, time.monotonic()) for _ in range(3)]
        figures["warm_start_s"] = statistics.median(warm)
        page = browser.new_context(permissions=["camera"]).new_page()
        page.add_init_script(script(_CAMERA))
        seconds_to_start(page, url, time.monotonic())
        # The clock must not be read backwards.
        page.get_by_text("Mirror", exact=True).click()
        button(page, "START").click()
        page.locator(".lab-person").first.wait_for(timeout=60_000)
        time.sleep(8)  # the browser's estimate of the bandwidth grows for some seconds
        server = psutil.Process(process.pid)
        server.cpu_percent()
        lags = frame_of(page).locator("body").evaluate(script(_READ), seconds)
        figures |= {"server_cpu_percent": server.cpu_percent(), "page": rates(page)}
        figures["returned_fps"] = len(lags) / seconds
        figures["glass_to_glass_ms"] = statistics.median(lags)
        figures["glass_to_glass_ms_p90"] = sorted(lags)[int(0.9 * len(lags))]
        button(page, "STOP").click()
    figures["load_average"] = os.getloadavg()[0]
    figures["cores"] = os.cpu_count()
    return figures


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=options.chromium, args=FLAGS)
        figures = measure(browser, options.seconds)
        browser.close()
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")


if __name__ == "__main__":
    main()
