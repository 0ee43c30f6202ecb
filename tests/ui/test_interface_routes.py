"""The interface on the pages' server: closed by default, and where its token is bad."""

import pytest
import streamlit as st
from starlette.routing import Route, WebSocketRoute

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
