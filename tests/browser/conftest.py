"""The running app, its webcam and a real Chromium, as fixtures."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.app_server import FLAGS, WAIT_MS, OpenBrowser, Server, running_server, write_y4m
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # Live video depends on the clock of a machine that may be busy with something else: its
            # failures count when they come three times in a row. All other failures are real.
            if item.get_closest_marker("alone"):
                item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def chromium() -> str:
    if CHROMIUM is None:
        reason = "Chromium is not installed (Debian, Ubuntu: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return str(CHROMIUM)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def playwright_api() -> Iterator[Playwright]:
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as api:
        yield api


@pytest.fixture(scope="session")
def webcam_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_y4m(tmp_path_factory.mktemp("webcam") / "move.y4m")


def launched(
    api: Playwright, chromium: str, clip: Path | None, *, allow: bool, device: bool
) -> Browser:
    flags = [*FLAGS, *(["--use-fake-device-for-media-stream"] if device else [])]
    if clip is not None:
        flags.append(f"--use-file-for-fake-video-capture={clip}")
    if allow:
        flags.append("--use-fake-ui-for-media-stream")
    return api.chromium.launch(executable_path=chromium, args=flags)


@pytest.fixture(scope="session")
def plain_browser(playwright_api: Playwright, chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests without a film for its webcam."""
    browser = launched(playwright_api, chromium, None, allow=True, device=True)
    yield browser
    browser.close()


@pytest.fixture
def open_browser(
    playwright_api: Playwright, chromium: str, plain_browser: Browser
) -> Iterator[OpenBrowser]:
    """open_browser(clip, allow=True, device=True, **options) gives the context of a new visitor."""
    browsers: list[Browser] = []
    contexts: list[BrowserContext] = []

    def start(
        clip: Path | None, *, allow: bool = True, device: bool = True, **options: Any
    ) -> BrowserContext:
        browser = plain_browser
        if clip is not None or not (allow and device):
            browser = launched(playwright_api, chromium, clip, allow=allow, device=device)
            browsers.append(browser)
        options.setdefault("viewport", {"width": 1360, "height": 1000})
        context = browser.new_context(permissions=["camera"] if allow else [], **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        return context

    yield start
    for context in contexts:
        context.close()
    for browser in browsers:
        browser.close()
