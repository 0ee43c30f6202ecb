"""The video page in a real Chromium: a clip that plays, a timeline that seeks, a job that stays."""

import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.app_server import OpenBrowser, Server, running_server
from browser.pictures import barriers, keep, settle
from playwright.sync_api import BrowserContext, Page, expect

from emotion_core.media.write import repeat_video, sample_video

PLAYER = ".st-key-player video"
RIBBON, TIMELINE = 0, 1
LENGTH_S = 6.0


@pytest.fixture(scope="module")
def video_server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Server]:
    work = tmp_path_factory.mktemp("work")
    folder = tmp_path_factory.mktemp("video_server")
    with running_server(folder, EMOTION_LAB_WORK_DIR=str(work)) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", LENGTH_S, 20.0)


def wait_until(check: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def start(server: Server, context: BrowserContext, path: Path) -> Page:
    page = context.new_page()
    page.goto(f"{server.url}/Video")
    page.locator("[class*=st-key-video_upload] input[type=file]").set_input_files(str(path))
    page.get_by_role("button", name="Analyse video").click()
    return page


def plot(page: Page, chart: int) -> dict[str, float]:
    """The frame around the marks of a chart, once it has stopped moving."""
    script = """chart => {
        const host = document.querySelectorAll('[data-testid=stVegaLiteChart]')[chart]
        host.scrollIntoView({ block: 'center' })
        const plot = host.querySelector('svg .role-frame.root path.background')
        const { x, y, width, height } = plot.getBoundingClientRect()
        return { x, y, width, height }
    }"""
    before: dict[str, float] = {}
    while (now := page.evaluate(script, chart)) != before:
        before = now
        page.wait_for_timeout(200)
    return before


def click(page: Page, chart: int, share: float) -> None:
    box = plot(page, chart)
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def drag(page: Page, chart: int, start: float, end: float) -> None:
    box = plot(page, chart)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"] - 1, y, steps=8)
    page.mouse.up()


def playheads(page: Page) -> list[float]:
    """Where the lines stand in their charts, 0 to 1 from left to right."""
    return list(
        page.evaluate("""() => [...document.querySelectorAll('.lab-playhead')].map(line => {
            const frame = line.parentElement.querySelector('.role-frame.root path.background')
            const plot = frame.getBoundingClientRect()
            return (line.getBoundingClientRect().x + 1 - plot.x) / plot.width
        })""")
    )


def position(page: Page) -> float:
    return float(page.eval_on_selector(PLAYER, "video => video.currentTime"))


def test_the_clip_plays_and_a_click_in_the_timeline_seeks(
    video_server: Server, open_browser: OpenBrowser, clip: Path
) -> None:
    page = start(video_server, open_browser(None), clip)
    page.get_by_role("tab", name="Downloads").wait_for()
    page.wait_for_function(f"document.querySelector('{PLAYER}')?.readyState >= 2")
    page.eval_on_selector(PLAYER, "video => { video.muted = true; return video.play() }")
    wait_until(lambda: position(page) > 0.3)
    page.eval_on_selector(PLAYER, "video => { video.pause(); video.currentTime = 0 }")
    wait_until(lambda: position(page) == 0)

    click(page, TIMELINE, 0.8)
    wait_until(lambda: abs(position(page) - 0.8 * LENGTH_S) < 0.5, 5)
    wait_until(lambda: all(abs(share - 0.8) < 0.05 for share in playheads(page)), 5)
    assert len(playheads(page)) == 2
    click(page, RIBBON, 0.25)
    wait_until(lambda: abs(position(page) - 0.25 * LENGTH_S) < 0.5, 5)
    # A drag looks closer and moves nothing; a click then lands in what is drawn now.
    drag(page, RIBBON, 0.5, 1.0)
    page.get_by_text("click outside the selection").wait_for()
    assert abs(position(page) - 0.25 * LENGTH_S) < 0.5
    wait_until(lambda: len(playheads(page)) == 1)
    click(page, TIMELINE, 0.5)
    wait_until(lambda: abs(position(page) - 0.75 * LENGTH_S) < 0.5, 5)
    click(page, RIBBON, 0.1)
    page.get_by_text("Drag across the coloured bar").wait_for()

    page.get_by_role("button", name="Mark this moment").click()
    page.get_by_text("marker 1").first.wait_for()
    page.set_viewport_size({"width": 1360, "height": 1700})
    page.locator("h1").first.scroll_into_view_if_needed()
    settle(page)
    keep(page, "video_result")
    for tab in ("Key moments", "Share of time", "Markers", "Downloads", "Timeline"):
        page.get_by_role("tab", name=tab).click()
        settle(page, rest_ms=250)
        assert barriers(page) == [], tab
        for chart in page.locator("[data-testid=stVegaLiteChart]:visible").all():
            expect(chart).to_have_attribute("aria-label", re.compile(r"^(?!Vega visualization).+"))
    assert not video_server.errors()


def test_a_job_survives_a_page_change_and_a_reload(
    video_server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    long = repeat_video(sample_video(tmp_path / "piece.mp4", 2.0, 20.0), tmp_path / "long.mp4", 60)
    page = start(video_server, open_browser(None), long)
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_text("frames/s").first.wait_for()
    address = page.url
    assert "job=" in address
    page.get_by_role("link", name="Photo").click()
    page.get_by_text("Every face in a picture").wait_for()
    page.goto(address)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("what was done is kept").first.wait_for()
    page.get_by_text("frames analysed").first.wait_for()
    assert not video_server.errors()


def test_the_list_of_analyses_outlives_the_page_and_is_nobody_elses(
    video_server: Server, open_browser: OpenBrowser, clip: Path
) -> None:
    mine = open_browser(None)
    page = start(video_server, mine, clip)
    page.get_by_role("tab", name="Downloads").wait_for()
    assert page.locator(".st-key-visit").bounding_box() is None, "it takes room"
    page.goto(f"{video_server.url}/Video")
    page.get_by_text("Your analyses").wait_for()
    page.close()
    page = mine.new_page()
    page.goto(f"{video_server.url}/Video")
    page.get_by_test_id("stButton").filter(has_text="Open").locator("button").click()
    page.get_by_role("tab", name="Downloads").wait_for()

    other = open_browser(None).new_page()
    other.goto(f"{video_server.url}/Video")
    other.get_by_text("Faces to read").wait_for()
    settle(other)
    assert not other.get_by_text("Your analyses").count()
    assert not video_server.errors()


def saved(page: Page, label: str) -> tuple[str, bytes]:
    """The name and the bytes of what a button hands out."""
    with page.expect_download() as download:
        page.get_by_role("link", name=label).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_files_come_by_links_below_the_servers_path(
    open_browser: OpenBrowser, clip: Path, tmp_path: Path
) -> None:
    with running_server(tmp_path, STREAMLIT_SERVER_BASE_URL_PATH="lab") as server:
        page = start(server, open_browser(None), clip)
        page.get_by_role("tab", name="Downloads").wait_for()
        page.wait_for_function(f"document.querySelector('{PLAYER}')?.readyState >= 2")
        source = page.eval_on_selector(PLAYER, "video => video.currentSrc")
        assert source.startswith(f"{server.url}/files?id=")
        part = page.request.get(source, headers={"Range": "bytes=4-7"})
        assert (part.status, part.body()) == (206, b"ftyp")
        page.eval_on_selector(PLAYER, "video => { video.currentTime = 4 }")
        wait_until(lambda: abs(position(page) - 4) < 0.1)

        page.get_by_role("tab", name="Downloads").click()
        name, data = saved(page, "Everything")
        assert name == "clip.zip"
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert {"faces.csv", "annotated.mp4", "report.html"} <= set(archive.namelist())
        name, data = saved(page, "Table (CSV)")
        assert (name, data[:6]) == ("clip_faces.csv", b"frame,")
        # Another run of the page must not start the player again.
        page.get_by_role("button", name="Mark this moment").click()
        page.get_by_text("Marked at 4.00 s").wait_for()
        assert page.eval_on_selector(PLAYER, "video => video.currentSrc") == source
        assert abs(position(page) - 4) < 0.1

        for clips in (tmp_path / "work").rglob("annotated.mp4"):
            clips.unlink()
        assert page.request.get(source).status == 404
        assert not server.errors()
