"""The live page in a real Chromium, with a clip made in code as its webcam."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from browser.app_server import OpenBrowser, Server, write_y4m
from browser.live_driver import LivePage
from browser.pictures import keep
from numpy.typing import NDArray

from emotion_core import Frame, Pipeline
from emotion_core.config import DetectionSettings
from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.live.processor import THREAD_PREFIX
from emotion_core.media.synthetic import sample_frames
from emotion_core.vision.detector import HaarDetector

pytestmark = pytest.mark.alone


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.2)


def stream_threads(server: Server) -> list[str]:
    """Threads of the server that belong to a running stream: ours, and the decoder of aiortc."""
    return [n for n in server.threads() if n.startswith((THREAD_PREFIX, "video-decoder"))]


# Remembers what the camera gives, so that a test can pull its plug.
_PLUG = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.cameraTracks = [];
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  window.cameraTracks.push(...stream.getTracks());
  return stream;
};
window.pullThePlug = () => {
  for (const track of window.cameraTracks) {
    track.stop();
    track.dispatchEvent(new Event("ended"));
  }
};
"""


def test_a_visitors_way_through_the_live_page(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    context = open_browser(webcam_clip)
    context.add_init_script(_PLUG)
    live = LivePage(context.new_page(), server.url).open()
    wait_until(lambda: not stream_threads(server), "earlier streams to end")

    live.start()
    assert live.wait_for_face() in EXPRESSIONS
    wait_until(lambda: live.rates().get("Faces") == "1", "the face to be counted")
    wait_until(lambda: int(live.rates().get("Analysis fps", 0)) > 0, "frames to be read")
    wait_until(lambda: int(live.rates().get("Display fps", 0)) > 0, "frames to be shown")
    wait_until(lambda: live.rates().get("Latency in the server", "").endswith("ms"), "the latency")
    assert len([n for n in stream_threads(server) if n.startswith(THREAD_PREFIX)]) == 1

    # The timeline grows, and goes on growing.
    points = live.wait_for_points(3)
    live.wait_for_points(points)

    # A control changes while the same stream goes on.
    stream, shown_s = live.video("v.srcObject.id"), live.video("v.currentTime")
    slider = live.page.get_by_role("slider").first
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    live.choose("Mirror")
    wait_until(lambda: live.page.get_by_text("0.70").count() > 0, "the slider to show 0.70")
    points = live.timeline_points()
    live.wait_for_points(points)
    assert live.video("v.srcObject.id") == stream
    wait_until(lambda: live.video("v.currentTime") > shown_s, "the picture to go on")
    assert not live.video("v.paused")

    live.stop()
    wait_until(lambda: not stream_threads(server), "the worker to end after STOP")

    # Leave the page while the camera runs, come back, start again.
    live.start()
    live.wait_for_face()
    live.page.get_by_test_id("stPageLink").get_by_text("Home", exact=True).click()
    live.page.get_by_text("Try a sample").wait_for()
    wait_until(lambda: not stream_threads(server), "the worker to end after a page change")
    live.page.get_by_test_id("stPageLink").get_by_text("Live", exact=True).click()
    live.button("START").wait_for()
    live.start()
    assert live.wait_for_face() in EXPRESSIONS

    live.frame.locator("body").evaluate("() => window.pullThePlug()")
    live.page.get_by_text("No picture comes from the camera any more").wait_for()

    # Close the tab without a farewell.
    live.page.close()
    wait_until(lambda: not stream_threads(server), "the worker to end after the tab was closed")
    assert server.errors() == []


def udp_sockets(server: Server) -> int:
    return len(psutil.Process(server.process.pid).net_connections("udp"))


@contextmanager
def cut_off() -> Iterator[None]:
    """Nothing comes from the browser any more, not even a farewell: all of it stands still."""
    family = psutil.Process().children(recursive=True)
    browser = [process for process in family if "chrom" in process.name()]
    assert browser
    for process in browser:
        process.suspend()
    try:
        yield
    finally:
        for process in browser:
            process.resume()


def test_a_cut_network_ends_cleanly_is_said_and_leaves_the_recording(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    context = open_browser(webcam_clip, viewport={"width": 1360, "height": 1600})
    page = context.new_page()
    live = LivePage(page, server.url).open()
    wait_until(lambda: not stream_threads(server), "earlier streams to end")
    wait_until(lambda: not udp_sockets(server), "their sockets to close")
    live.start()
    live.wait_for_face()
    page.get_by_role("button", name="Record").click()
    page.get_by_text("Recording 0:0").wait_for()
    wait_until(lambda: len(stream_threads(server)) == 2, "stream and recording to have a thread")
    assert udp_sockets(server)

    # Sooner than ICE's half a minute, and without anybody looking at the page.
    with cut_off():
        wait_until(lambda: not stream_threads(server), "the threads to end", 20)
        wait_until(lambda: not udp_sockets(server), "the sockets to close", 5)
    page.get_by_text("No picture comes from the camera any more").wait_for()
    live.button("START").wait_for()
    # What was recorded is kept.
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("Your recording").wait_for()
    page.locator(".st-key-live_delete_menu button").click()
    page.locator(".st-key-live_delete button").click()
    page.get_by_text("Your recording").wait_for(state="detached")
    assert server.errors() == []


def expected_box(clip: list[NDArray[np.uint8]]) -> tuple[int, int, int, int]:
    """Where this program's own pipeline boxes the face of a still clip."""
    pipeline = Pipeline.load()
    for index in range(30):
        result = pipeline.process(Frame(clip[0], index, index / 30))
    assert len(result) == 1
    left, top, right, bottom = result.boxes[0].round().astype(int).tolist()
    return left, top, right, bottom


def edge_share(picture: NDArray[np.uint8], box: tuple[int, int, int, int], colour: str) -> float:
    """Share of the box's outline that has a colour within a few pixels; video codecs blur both."""
    height, width = picture.shape[:2]
    scale = width / 640
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.int32)
    near = (np.abs(picture.astype(np.int32) - wanted).max(axis=2) < 60).astype(np.uint8)
    left, top, right, bottom = (round(v * scale) for v in box)
    reach = 6
    rows = slice(max(0, top - reach), min(height, bottom + reach + 1))
    columns = slice(max(0, left - reach), min(width, right + reach + 1))
    upper = near[max(0, top - reach) : top + reach, left:right].any(axis=0)
    lower = near[bottom - reach : bottom + reach, left:right].any(axis=0)
    west = near[top:bottom, max(0, left - reach) : left + reach].any(axis=1)
    east = near[top:bottom, right - reach : right + reach].any(axis=1)
    assert near[rows, columns].size
    return float(np.concatenate([upper, lower, west, east]).mean())


def test_the_overlays_colour_is_at_the_boxs_edge_and_goes_with_the_overlay(
    server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    frames = [frame.image for frame in sample_frames(1.0, 30, scenario="still")]
    box = expected_box(frames)
    clip = write_y4m(tmp_path / "still.y4m", 1.0, scenario="still")
    live = LivePage(open_browser(clip).new_page(), server.url).open()
    live.choose("Mirror")
    live.choose("Expression")
    live.start()
    colour = COLOURS[live.wait_for_face()]
    wait_until(lambda: live.video("v.videoWidth") > 0, "the returned video")
    wait_until(lambda: edge_share(live.picture(), box, colour) > 0.8, "the box in the video")

    live.choose("Boxes")
    wait_until(lambda: edge_share(live.picture(), box, colour) < 0.35, "the box to go")
    live.stop()


def test_hidden_faces_are_hidden_in_the_picture_that_comes_back(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    live = LivePage(open_browser(webcam_clip).new_page(), server.url).open()
    live.page.get_by_text("More settings", exact=True).click()
    live.choose("Hide faces")
    live.start()
    assert live.wait_for_face() in EXPRESSIONS, "the readings go on"
    wait_until(lambda: live.video("v.videoWidth") > 0, "the returned video")
    detector = HaarDetector(DetectionSettings(thorough=True))
    for _ in range(5):
        picture = np.ascontiguousarray(live.picture()[..., ::-1])
        detector.reset()
        assert not (detector.update(picture, 0.0).agreement > 0).any()
        live.page.wait_for_timeout(300)
    # A picture, not the panel that stands in for one.
    wait_until(lambda: len(np.unique(live.picture()[..., 1])) > 60, "a checked picture")
    keep(live.page, "live_hidden")
    live.stop()


def test_nobody_in_view_is_said(server: Server, open_browser: OpenBrowser, tmp_path: Path) -> None:
    clip = write_y4m(tmp_path / "empty.y4m", 1.0, scenario="empty")
    live = LivePage(open_browser(clip).new_page(), server.url).open()
    live.start()
    live.page.get_by_text("No face in view").wait_for()
    wait_until(lambda: live.rates().get("Faces") == "0", "nobody to be counted")


def test_analysis_only_reads_and_sends_nothing_back(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    live = LivePage(open_browser(webcam_clip).new_page(), server.url).open()
    live.page.get_by_text("More settings", exact=True).click()
    live.choose("Analysis only")
    live.start()
    assert live.wait_for_face() in EXPRESSIONS
    live.page.get_by_text("no picture is sent back").wait_for()
    assert "Display fps" not in live.rates()
    assert live.frame.locator("video").count() == 0 or live.video("v.videoWidth") == 0
    live.stop()
    wait_until(lambda: not stream_threads(server), "the worker to end")


def test_a_refused_camera_is_explained(server: Server, open_browser: OpenBrowser) -> None:
    live = LivePage(open_browser(None, allow=False).new_page(), server.url).open()
    # The probe sees it before START is pressed, and the way out stands open.
    live.page.get_by_text("The browser does not let this page use the camera").wait_for()
    live.page.get_by_text("allow the camera, and reload").wait_for()
    live.page.get_by_role("button", name="Check the camera").click()
    live.page.get_by_text("Take a snapshot instead").wait_for()
    # The same word above and in the list of steps, whose later ones were not tried.
    live.page.get_by_text("Not tried: a step before failed").first.wait_for()
    assert live.page.get_by_text("NotAllowedError").count() == 2


def test_a_working_camera_is_confirmed(server: Server, open_browser: OpenBrowser) -> None:
    live = LivePage(open_browser(None).new_page(), server.url).open()
    live.page.get_by_text("No picture? Check the camera").click()
    live.page.get_by_role("button", name="Check the camera").click()
    live.page.get_by_text("The camera gives a picture: ").wait_for()
    live.page.get_by_text("The browser found: this network").wait_for()
    live.page.get_by_text("Press START to try it").wait_for()


def test_a_missing_camera_is_explained(server: Server, open_browser: OpenBrowser) -> None:
    context = open_browser(None, device=False)
    live = LivePage(context.new_page(), server.url).open()
    live.page.get_by_text("The browser finds no camera").wait_for()
    live.page.get_by_text("Plug a camera in").wait_for()


def test_a_snapshot_is_read_without_a_stream(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    live = LivePage(open_browser(webcam_clip).new_page(), server.url).open()
    live.page.get_by_text("No picture? Check the camera").click()
    live.choose("Take a snapshot instead")
    # The button stands before the camera's first picture: pressed at once it takes a black one.
    live.page.wait_for_function(
        "[...document.querySelectorAll('video')].some(v => v.currentTime > 0)"
    )
    take, taken = (live.page.get_by_role("button", name=n) for n in ("Take Photo", "Clear photo"))

    def pressed() -> bool:
        # The widget drops a press that comes while it is drawn anew: a person presses again.
        if take.is_visible():
            take.click()
            time.sleep(2)
        return bool(taken.is_visible())

    wait_until(pressed, "the snapshot to be taken")
    assert live.wait_for_face() in EXPRESSIONS


def test_the_server_never_loads_tensorflow(server: Server, open_browser: OpenBrowser) -> None:
    live = LivePage(open_browser(None).new_page(), server.url).open()
    live.page.get_by_text("How it works").wait_for()
    maps = Path(f"/proc/{server.process.pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not list what a process has loaded")
    loaded = maps.read_text()
    assert "/site-packages/ai_edge_litert/" in loaded
    assert "/site-packages/tensorflow/" not in loaded


def test_a_recording_outlives_a_reload_and_ends_in_a_result(
    server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    page = open_browser(webcam_clip, viewport={"width": 1360, "height": 1900}).new_page()
    live = LivePage(page, server.url).open()
    live.start()
    live.wait_for_face()
    page.get_by_role("button", name="Record").click()
    page.get_by_text("Recording 0:0").wait_for()
    page.get_by_placeholder("What happens now").fill("smile")
    # With what is being typed, which nobody has confirmed.
    page.get_by_placeholder("What happens now").press("Alt+m")
    page.get_by_text("s smile").wait_for()
    assert page.get_by_placeholder("What happens now").input_value() == ""
    page.get_by_text("Keep video", exact=True).click()
    page.get_by_text("The picture is being kept").wait_for()

    # The reload takes the stream away; the recording is still there and goes on with the next one.
    page.reload()
    live.button("START").wait_for()
    page.locator(".lab-rec").wait_for()
    live.start()
    live.wait_for_face()
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("Your recording").wait_for()
    page.get_by_role("tab", name="Downloads").click()
    page.get_by_role("link", name="Clip", exact=True).wait_for()
    clip = page.locator(".st-key-player video")
    clip.wait_for()
    wait_until(lambda: clip.evaluate("v => v.duration > 0 && v.videoWidth > 0"), "the kept video")
    assert "smile" not in server.log.read_text()
    token = page.url.split("recording=")[1]
    assert len(token) == 22

    # Nobody else finds it: another token leads to nothing.
    other = page.context.new_page()
    other.goto(f"{server.url}/Live?recording={token[::-1]}")
    other.locator(".st-key-live_record").wait_for()
    assert other.get_by_text("Your recording").count() == 0
    other.close()

    page.locator(".st-key-live_delete_menu button").click()
    page.locator(".st-key-live_delete button").click()
    page.get_by_text("Your recording").wait_for(state="detached")
    live.stop()
    assert server.errors() == []
