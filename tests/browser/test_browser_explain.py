"""A face is explained in a process of its own, while the server goes without tensorflow."""

import sys
from pathlib import Path

import pytest
from browser.app_server import OpenBrowser, Server
from browser.pictures import keep
from playwright.sync_api import expect


def loaded_files(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_explain_a_face_of_the_sample(server: Server, open_browser: OpenBrowser) -> None:
    page = open_browser(None, viewport={"width": 1360, "height": 2100}).new_page()
    page.goto(f"{server.url}/Photo")
    page.get_by_text("Sample", exact=True).click()
    page.get_by_role("button", name="Explain face #1").click()
    # On a quick machine the answer may be there before the progress bar is.
    heading = page.get_by_text("Face #1: why happy?")
    page.get_by_role("progressbar").or_(heading).first.wait_for()
    heading.wait_for()
    pictures = page.locator(".lab-figures img")
    expect(pictures).to_have_count(3)
    texts = [pictures.nth(i).get_attribute("alt") or "" for i in range(3)]
    assert "48×48 pixels" in texts[0]
    assert "evidence for happy" in texts[1]
    before = pictures.nth(1).get_attribute("src")
    page.get_by_role("radio", name="sad").or_(page.get_by_role("button", name="sad")).first.click()
    page.get_by_text("Where the evidence for sad lies").wait_for()
    assert pictures.nth(1).get_attribute("src") != before
    # Another page and back: what was explained is still there.
    page.get_by_role("link", name="Model").first.click()
    page.get_by_text("Measured scores").wait_for()
    page.get_by_role("link", name="Photo").first.click()
    page.get_by_text("Sample", exact=True).click()
    page.get_by_text("Face #1: why happy?").wait_for()
    page.wait_for_timeout(500)
    keep(page, "explain")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Explain face #1").wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert server.errors() == []
    if not sys.platform.startswith("linux"):
        pytest.skip("what a process has loaded is read from /proc")
    assert "tensorflow" not in loaded_files(server.process.pid)
