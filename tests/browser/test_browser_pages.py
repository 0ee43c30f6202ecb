"""Every page in a real browser: it stands, it asks nobody outside, and it can be pictured."""

from pathlib import Path

import pytest
from conftest import OpenBrowser, Server
from live_driver import LivePage
from pictures import keep, settle

from emotion_core.ui.page import PAGES

ROOT = Path(__file__).resolve().parents[2]
NAMES = {path: label.lower() for path, (label, _) in PAGES.items() if (ROOT / path).exists()}


def address(path: str) -> str:
    return "" if path == "Home.py" else path.split("_")[-1].removesuffix(".py")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", list(NAMES))
def test_every_page_stands_and_talks_to_nobody_else(
    path: str, scheme: str, server: Server, open_browser: OpenBrowser
) -> None:
    page = open_browser(None, color_scheme=scheme).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/{address(path)}")
    settle(page)
    assert page.get_by_test_id("stException").count() == 0
    assert page.locator("h1").count() == 1
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:", "ws:"))]
    assert outside == []
    keep(page, f"{NAMES[path]}_{scheme}")


def test_the_sample_on_home_is_read(server: Server, open_browser: OpenBrowser) -> None:
    page = open_browser(None, viewport={"width": 1360, "height": 1500}).new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Read the sample").click()
    page.locator(".lab-person").wait_for()
    page.get_by_text("the whole clip").wait_for()
    settle(page)
    keep(page, "home_sample")
    assert server.errors() == []


def test_the_sample_photo_is_read(server: Server, open_browser: OpenBrowser) -> None:
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Photo")
    page.get_by_text("Sample", exact=True).click()
    page.locator(".lab-person").first.wait_for()
    settle(page)
    keep(page, "photo_sample")
    assert server.errors() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_live_page_at_work(
    scheme: str, server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    context = open_browser(webcam_clip, color_scheme=scheme)
    live = LivePage(context.new_page(), server.url).open()
    live.start()
    live.wait_for_face()
    live.wait_for_points(30)
    keep(live.page, f"live_running_{scheme}")
    live.stop()
    # What was read last stays in view and can be taken away.
    live.page.get_by_text("Download the last minute as CSV").wait_for()
