"""Every page in a real browser: it stands, it asks nobody outside, and it can be pictured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from browser.app_server import OpenBrowser, Server
from browser.live_driver import LivePage
from browser.pictures import SHOTS, barriers, keep, keep_whole, settle, sticking_out
from playwright.sync_api import ConsoleMessage, Error, Page, ViewportSize, expect

from emotion_core.ui.common.page_list import PAGES

ROOT = Path(__file__).resolve().parents[2]
NAMES = {path: label.lower() for path, (label, _) in PAGES.items() if (ROOT / path).exists()}


def address(path: str) -> str:
    return "" if path == "Home.py" else path.split("_")[-1].removesuffix(".py")


SIZES = {"desktop": (1360, 900), "phone": (390, 844)}
MODEL_TABS = (
    *("Scores", "Other faces", "Confusions", "Confidence", "Trade-offs", "Robustness"),
    *("Labels", "Training", "Network", "Card"),
)


@pytest.fixture
def visit(open_browser: OpenBrowser) -> Callable[..., Page]:
    """visit(scheme, size) gives a page."""

    def start(scheme: Literal["light", "dark"], size: str) -> Page:
        width, height = SIZES[size]
        viewport: ViewportSize = {"width": width, "height": height}
        return open_browser(None, color_scheme=scheme, viewport=viewport).new_page()

    return start


@contextmanager
def complaints_of(page: Page, url: str) -> Iterator[list[str]]:
    """A list that fills with the errors of the page's console, less Streamlit's own two.

    On an address such as /Model Streamlit first asks for its health below that address, finds
    nothing there, and then asks at the root.
    """
    told: list[str] = []
    streamlits = (f"{url}/_stcore/health", f"{url}/_stcore/host-config")

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and message.location.get("url") not in streamlits:
            told.append(f"{message.text} ({message.location.get('url')})")

    def fail(error: Error) -> None:
        told.append(str(error))

    page.on("console", listen)
    page.on("pageerror", fail)
    yield told
    page.remove_listener("console", listen)
    page.remove_listener("pageerror", fail)


@pytest.mark.parametrize(("scheme", "size"), [("light", "desktop"), ("dark", "phone")])
def test_every_page_stands_fits_and_talks_to_nobody_else(
    scheme: str, size: str, server: Server, visit: Callable[..., Page]
) -> None:
    page = visit(scheme, size)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path, name in NAMES.items():
        url = f"{server.url}/{address(path)}"
        with complaints_of(page, url) as told:
            page.goto(url)
            settle(page)
        assert page.get_by_test_id("stException").count() == 0, name
        assert page.locator("h1").count() == 1, name
        assert told == [], name
        keep_whole(page, f"{name}_{scheme}_{size}")
        assert sticking_out(page) == [], name
        assert barriers(page) == [], name
    outside = [u for u in asked if not u.startswith((server.url, "data:", "blob:", "ws:"))]
    assert outside == []
    assert server.errors() == []


@pytest.mark.parametrize(("scheme", "size"), [("light", "desktop"), ("dark", "phone")])
def test_every_tab_of_the_model_page_stands_and_fits(
    scheme: str, size: str, server: Server, visit: Callable[..., Page]
) -> None:
    page, url = visit(scheme, size), f"{server.url}/Model"
    with complaints_of(page, url) as told:
        page.goto(url)
        settle(page)
        for tab in MODEL_TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            page.wait_for_timeout(150)
            settle(page, rest_ms=250)
            assert page.get_by_test_id("stException").count() == 0, tab
            keep_whole(page, f"model_{tab.lower()}_{scheme}_{size}")
            assert sticking_out(page) == [], tab
            assert barriers(page) == [], tab
            for chart in page.get_by_test_id("stVegaLiteChart").all():
                assert chart.get_attribute("aria-label"), f"{tab}: a chart without words"
    assert told == []
    assert server.errors() == []


def test_a_square_of_the_confusion_matrix_opens_by_a_click_and_by_keys(
    server: Server, visit: Callable[..., Page]
) -> None:
    page = visit("light", "desktop")
    page.goto(f"{server.url}/Model")
    settle(page)
    # By keys alone: the row of tabs is walked with the arrows.
    page.get_by_role("tab", name="Scores", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("The images of one square").wait_for()
    settle(page)
    page.locator("text[aria-label*='truth: fear'][aria-label*='answer: surprise']").click()
    saw = page.get_by_role("combobox", name="people saw")
    page.wait_for_function("(menu) => menu.value === 'fear'", arg=saw.element_handle())
    assert page.get_by_role("combobox", name="the network said").input_value() == "surprise"
    assert server.errors() == []


def test_the_sample_on_home_is_read(server: Server, open_browser: OpenBrowser) -> None:
    page = open_browser(None, viewport={"width": 1360, "height": 1500}).new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Play the sample").click()
    page.locator(".lab-playhead").first.wait_for()
    # The clip plays by itself, and the timeline's line goes with it.
    place = "() => document.querySelector('.lab-playhead').style.left"
    first = page.evaluate(place)
    page.wait_for_function(f"(before) => ({place})() !== before", arg=first)
    settle(page)
    keep(page, "home_sample")
    assert server.errors() == []


def test_the_sample_photo_is_read(server: Server, open_browser: OpenBrowser) -> None:
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Photo")
    page.get_by_text("Sample", exact=True).click()
    card, box = page.locator(".lab-person").first, page.locator(".lab-face-box")
    card.hover()
    expect(box).not_to_have_css("box-shadow", "none")
    page.locator("h1").hover()
    expect(box).to_have_css("box-shadow", "none")
    # By keys: the box says whose it is, and marks the card that belongs to it.
    page.get_by_role("button", name="Face #1: show its reading").focus()
    expect(card).to_have_css("outline-style", "solid")
    settle(page)
    keep(page, "photo_sample")
    assert barriers(page) == []
    assert server.errors() == []


@pytest.mark.alone
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_live_page_at_work(
    scheme: str, server: Server, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    context = open_browser(webcam_clip, color_scheme=scheme)
    live = LivePage(context.new_page(), server.url).open()
    live.start()
    live.wait_for_face()
    live.wait_for_points(30 if SHOTS else 8)
    keep(live.page, f"live_running_{scheme}")
    live.stop()
    # What was read last stays in view and can be taken away.
    live.page.get_by_text("Download the last minute as CSV").wait_for()
