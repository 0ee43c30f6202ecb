"""The server shows its first page in a browser, unless it was started without one."""

import asyncio
import time
import webbrowser

import pytest
import streamlit as st
from streamlit.web.server.app_discovery import discover_asgi_app

from emotion_core.config import PROJECT_ROOT
from emotion_core.ui.common import server


def opened(monkeypatch: pytest.MonkeyPatch, **options: object) -> list[str]:
    """What is opened while a server with these options runs."""
    given = {"server.port": 8501} | {f"server.{name}": value for name, value in options.items()}
    addresses: list[str] = []
    monkeypatch.setattr(st, "get_option", given.get)
    monkeypatch.setattr(webbrowser, "open", addresses.append)

    async def serve() -> None:
        async with server.opening_browser(st.App("Home.py")):
            end = time.monotonic() + 20
            while not (addresses or options.get("headless")) and time.monotonic() < end:
                await asyncio.sleep(0.01)

    asyncio.run(serve())
    return addresses


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({}, "http://localhost:8501/"),
        ({"address": "0.0.0.0", "baseUrlPath": "/lab/"}, "http://localhost:8501/lab"),
        ({"address": "10.1.2.3", "sslCertFile": "cert.pem"}, "https://10.1.2.3:8501/"),
    ],
)
def test_the_first_page_is_opened_once(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], address: str
) -> None:
    assert opened(monkeypatch, **options) == [address]


def test_a_server_without_a_display_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(monkeypatch, headless=True) == []


def test_streamlit_run_finds_the_server_in_home() -> None:
    found = discover_asgi_app(PROJECT_ROOT / "Home.py")
    assert found.import_string == "Home:app"
