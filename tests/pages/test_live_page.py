"""Live: what stands on the page before a camera runs, and when the network is broken."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT

LIVE = str(PROJECT_ROOT / "pages" / "1_Live.py")


@pytest.fixture(autouse=True)
def plain_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # AppTest has no session that the video component could watch for its end.
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def test_live_shows_its_controls_and_how_it_goes() -> None:
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert app.title[0].value == "Live"
    assert any("Press **START**" in element.value for element in app.markdown)
    assert app.slider(key="live_smoothing").value == 0.5
    assert app.toggle(key="live_mirror").value is True
    assert "No picture is kept" in app.caption[-1].value


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_broken_network_is_said_in_words(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    if damage != "missing":
        shutil.copytree(PROJECT_ROOT / "models", models)
        for served in models.glob("*/model.tflite"):
            data = served.read_bytes()
            served.write_bytes(b"" if damage == "empty" else data[: len(data) // 2])
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert "The network cannot be used" in app.error[0].value
    assert "train" in app.error[0].value
