"""What the server does when it starts, besides serving."""

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


def base_path() -> str:
    """The path below which the server's pages are: "" or as "/lab"."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


@asynccontextmanager
async def opening_browser(_app: st.App) -> AsyncIterator[None]:
    """A lifespan that shows the first page in a browser, as Streamlit does for a plain script.

    Streamlit leaves that out where a script brings its own routes. `server.headless` switches it
    off; it is on where there is no display.
    """
    opened = None
    if not st.get_option("server.headless"):
        opened = asyncio.get_running_loop().run_in_executor(None, webbrowser.open, _first_page())
    yield
    if opened is not None:
        opened.cancel()


def _first_page() -> str:
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    # A wildcard is an address to listen at, not one to go to.
    host = st.get_option("server.address") or "localhost"
    host = "localhost" if host in {"0.0.0.0", "::"} else host
    return f"{scheme}://{host}:{st.get_option('server.port')}{base_path() or '/'}"
