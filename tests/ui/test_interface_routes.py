"""The interface on the pages' server: closed by default, and where its token is bad."""

import subprocess
import sys

import pytest
import streamlit as st
from starlette.routing import Route, WebSocketRoute

from emotion_core.config import PROJECT_ROOT
from emotion_core.ui.common.api_door import interface_routes


@pytest.mark.parametrize(
    ("token", "is_open"), [("", False), ("short", False), ("x" * 24 + "ä", False), ("x" * 24, True)]
)
@pytest.mark.parametrize("base", ["", "lab"])
def test_it_is_open_only_with_a_token_that_cannot_be_guessed(
    token: str, is_open: bool, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_API_TOKEN", token)
    true_option = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: base if name == "server.baseUrlPath" else true_option(name)
    )
    routes = interface_routes()
    paths = [route.path for route in routes if isinstance(route, Route | WebSocketRoute)]
    prefix = f"/{base}/api/v1" if base else "/api/v1"
    # The last one answers 404 to everything.
    assert paths[-1] == prefix + "/{path:path}"
    assert (prefix + "/frame" in paths) == is_open
    assert (len(paths) == 1) != is_open


def test_a_closed_interface_does_not_delay_the_start_of_the_server() -> None:
    """In a process of its own: what the server imports before it answers."""
    code = "import sys, Home; print(sorted({'av', 'cv2', 'aiortc', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
