"""How long a visitor waits for each page of a warm server, in a real Chromium.

    python benchmarks/page_start.py [--visits 3]

Each visit is a new visitor with an empty cache. The clock runs from the moment the address is
entered into an open, empty tab until the page's heading can be seen, and until what the page is
for can be seen: its upload, its START button, its scores. Every page was visited once before.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import save  # noqa: E402
from benchmarks.live_page import FLAGS, button, seconds_to_start, streamlit_server  # noqa: E402

# What each page is for, in words of Playwright.
CONTENT: dict[str, Callable[[Any], Any]] = {
    "Home": lambda page: page.get_by_role("button", name="Play the sample"),
    "Live": lambda page: button(page, "START"),
    "Video": lambda page: page.get_by_test_id("stFileUploader").first,
    "Photo": lambda page: page.get_by_test_id("stFileUploader").first,
    "Model": lambda page: page.get_by_test_id("stMetric"),
}


def visit(browser: Any, url: str, name: str) -> tuple[float, float]:
    """Seconds until the heading, and until the content, of one new visit."""
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    # The browser has started the tab's process by then.
    time.sleep(1.0)
    begun = time.monotonic()
    page.goto(f"{url}/{'' if name == 'Home' else name}", wait_until="commit")
    page.locator("h1").first.wait_for()
    heading = time.monotonic() - begun
    CONTENT[name](page).first.wait_for()
    content = time.monotonic() - begun
    context.close()
    return heading, content


def measure(browser: Any, url: str, visits: int) -> dict[str, Any]:
    """For each page the median and the slowest of its visits."""
    pages: dict[str, dict[str, Any]] = {}
    for name in CONTENT:
        visit(browser, url, name)
        times = [visit(browser, url, name) for _ in range(visits)]
        for what, seconds in zip(("heading", "content"), zip(*times, strict=True), strict=True):
            pages.setdefault(name, {})[what] = {
                "median_s": round(statistics.median(seconds), 2),
                "slowest_s": round(max(seconds), 2),
            }
    return pages


def main() -> None:
    """Measure, print and keep."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with streamlit_server() as (url, _, begun), sync_playwright() as api:
        browser = api.chromium.launch(executable_path=options.chromium, args=FLAGS)
        page = browser.new_context(permissions=["camera"]).new_page()
        seconds_to_start(page, url, begun)
        page.context.close()
        pages = measure(browser, url, options.visits)
        browser.close()
    save("page_start", {"pages": pages, "visits": options.visits, "load": os.getloadavg()[0]})


if __name__ == "__main__":
    main()
