"""Home: what a visitor sees, with and without a usable network."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emotion_core.ui import resources

HOME = str(Path(__file__).resolve().parents[2] / "Home.py")


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.warning, *app.error, *app.info]
    return "\n".join(element.value for element in shown)


def test_home_says_what_where_and_what_not() -> None:
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Facial-expression lab"
    text = words(app)
    for phrase in ("is loaded", "H.264", "Barrett et al. 2019", "Article 5(1)(f)", "24 hours"):
        assert phrase in text


def test_the_sample_is_read_by_the_real_pipeline() -> None:
    app = AppTest.from_file(HOME, default_timeout=120).run()
    app.button(key="sample").click().run()
    assert not app.exception
    assert any("Person #1" in element.proto.body for element in app.get("html"))
    assert "Person #1, the whole clip" in words(app)


def test_a_missing_network_is_said_and_the_page_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(tmp_path / "none"))
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert not app.exception
    assert ":red[" in words(app)
    app.button(key="sample").click().run()
    assert not app.exception
    assert "The network cannot be used" in app.error[0].value
    assert resources.app_settings().models_dir == tmp_path / "none"
