"""The Live page's panel for other programs: absent without its package, plain with it."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.ui.live_page import lsl

LIVE = str(PROJECT_ROOT / "pages" / "1_Live.py")


class Bridge:
    """What the panel needs of a bridge."""

    made: list["Bridge"] = []  # noqa: RUF012

    def __init__(self, processor: object, acquisition: Any, recording: Any, **names: str) -> None:
        self.acquisition, self.names, self.closed = acquisition, names, False
        self.made.append(self)

    def status(self) -> Any:
        return SimpleNamespace(
            sent=7,
            has_consumers=False,
            streams=(SimpleNamespace(name="cues *1*"),),
            markers=2,
            unkept=3,
            notes=("The stream “cues” has changed.",),
        )

    def close(self) -> None:
        self.closed = True


def panel() -> None:
    """What the page's fragment draws, with a stream that runs unless it is said to have ended."""
    from types import SimpleNamespace

    import streamlit as st

    from emotion_core.live.settings import LiveSettings
    from emotion_core.ui.live_page.lsl import lsl_panel

    ended = st.session_state.get("ended", False)
    reading = SimpleNamespace(ended=ended)
    processor = st.session_state.setdefault("p", SimpleNamespace())
    processor.reading = lambda: reading
    lsl_panel(processor, {"name": "ferplus", "sha256": "ab"}, LiveSettings())


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    Bridge.made = []
    monkeypatch.setattr(lsl, "_bridge_class", lambda: Bridge)
    return AppTest.from_function(panel, default_timeout=30).run()


def words(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(caption.value for caption in app.caption)


def test_nothing_is_sent_until_it_is_switched_on(app: AppTest) -> None:
    assert words(app) == ""
    assert Bridge.made == []


def test_switched_on_it_tells_what_goes_on_and_ends_when_switched_off(app: AppTest) -> None:
    app.toggle(key=lsl.SWITCH).set_value(True).run()
    assert "Samples sent: 7 (no program receives them)" in words(app)
    assert "cues \\*1\\*" in words(app)
    assert "nothing was recorded, not kept: 3" in words(app)
    assert "has changed" in words(app)
    assert "visible to every program in your network" in words(app)
    (bridge,) = Bridge.made
    assert bridge.names == {"name": "emotion-lab", "marker_type": "Markers"}
    assert bridge.acquisition["network"] == "ferplus"
    assert "smoothing_strength=0.5" in bridge.acquisition["settings"]
    app.run()
    assert Bridge.made == [bridge]
    app.toggle(key=lsl.SWITCH).set_value(False).run()
    assert bridge.closed


def test_another_name_begins_another_stream(app: AppTest) -> None:
    app.toggle(key=lsl.SWITCH).set_value(True).run()
    app.text_input(key="live_lsl_name").set_value("left camera").run()
    assert [(b.names["name"], b.closed) for b in Bridge.made] == [
        ("emotion-lab", True),
        ("left camera", False),
    ]


def test_a_stream_that_ends_closes_it(app: AppTest) -> None:
    app.toggle(key=lsl.SWITCH).set_value(True).run()
    app.session_state["ended"] = True
    app.run()
    assert Bridge.made[0].closed
    assert "Start the camera" in words(app)


@pytest.mark.parametrize("installed", [True, False])
def test_the_page_shows_the_panel_only_where_its_package_is(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    monkeypatch.setattr("emotion_core.ui.live_page.stream.FIRST_LOOK_S", 0)
    monkeypatch.setattr(lsl, "lsl_available", lambda: installed)
    app = AppTest.from_file(LIVE, default_timeout=60).run()
    assert not app.exception
    assert (lsl.SWITCH in [toggle.key for toggle in app.toggle]) == installed
