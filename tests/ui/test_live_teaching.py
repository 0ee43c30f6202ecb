"""The panel of the live page that asks for expressions and fits an adaptation to them."""

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.live import guided_takes
from emotion_core.live.guided_takes import GuidedTakes


class Stream:
    """A stream whose clock the test turns."""

    def __init__(self) -> None:
        self.time_s = 5.0
        self.guide: GuidedTakes | None = None
        self.ended = False

    def reading(self) -> "Stream":
        return self

    def now_s(self) -> float:
        return self.time_s

    def guide_with(self, guide: GuidedTakes | None) -> None:
        self.guide = guide


def page() -> None:
    import streamlit as st

    from emotion_core.model.bundle import load_bundle
    from emotion_core.ui.live_page.teaching import teaching_panel

    st.fragment(teaching_panel)(
        st.session_state.get("stream"),
        load_bundle(st.session_state.get("network", "ferplus")),
        recorded=st.session_state.get("recorded", False),
    )


def words(app: AppTest) -> str:
    return "\n".join(e.value for e in [*app.markdown, *app.caption, *app.warning, *app.error])


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def app(stream: Stream) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["stream"] = stream
    return app.run()


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def take_all(stream: Stream, probs: np.ndarray) -> None:
    """Every take is made; row k is what the network says to expression k."""
    assert stream.guide is not None
    taken = np.repeat(probs, guided_takes.TAKES, axis=0), np.repeat(np.arange(7), 3)
    stream.guide.taken = lambda: taken  # type: ignore[method-assign]
    stream.guide.stop()


def test_without_a_camera_it_says_what_to_do() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    assert "Start the camera" in words(app)
    assert not app.button


def test_a_recording_is_not_disturbed(app: AppTest) -> None:
    app.session_state["recorded"] = True
    app.run()
    assert app.button(key="live_teach").disabled
    assert "Finish the recording first" in words(app)


def test_it_asks_skips_and_stops(app: AppTest, stream: Stream) -> None:
    press(app, "live_teach")
    assert stream.guide is not None
    assert "<b>angry</b>" in app.get("html")[0].proto.body
    assert "Get ready" in app.get("html")[0].proto.body
    stream.time_s += guided_takes.READY_S
    app.run()
    assert "Hold it" in app.get("html")[0].proto.body
    press(app, "live_teach_skip")
    assert "<b>disgust</b>" in app.get("html")[0].proto.body
    press(app, "live_teach_stop")
    assert stream.guide is None, "the stream is read as before"
    assert "No take shows your face" in words(app)
    assert app.button(key="live_teach_make").disabled
    press(app, "live_teach_again")
    assert "minute and a half" in words(app)


def test_takes_become_an_adaptation_that_is_chosen(app: AppTest, stream: Stream) -> None:
    press(app, "live_teach")
    # Sad is read as neutral, all else rightly.
    probs = np.full((7, 7), 0.02) + 0.86 * np.eye(7)
    probs[5] = [0.02, 0.02, 0.02, 0.02, 0.55, 0.35, 0.02]
    take_all(stream, probs)
    app.run()
    assert "angry 3, disgust 3" in words(app)
    app.text_input(key="live_teach_name").set_value("me").run()
    press(app, "live_teach_make")
    own: dict[str, Any] = app.session_state["adaptations_own"]
    assert list(own) == ["me"]
    corrected = own["me"].apply(probs[5:6].astype(np.float32))
    assert corrected[0].argmax() == 5
    assert app.get("download_button")


def test_takes_that_were_shown_in_another_order_are_refused(app: AppTest, stream: Stream) -> None:
    press(app, "live_teach")
    take_all(stream, np.full((7, 7), 0.02) + 0.86 * np.roll(np.eye(7), 1, axis=1))
    press(app.run(), "live_teach_make")
    assert "agrees with only 0%" in words(app)
    assert "adaptations_own" not in app.session_state or not app.session_state["adaptations_own"]


def test_another_stream_begins_anew(app: AppTest) -> None:
    press(app, "live_teach")
    app.session_state["stream"] = Stream()
    app.run()
    assert app.button(key="live_teach")


def test_takes_that_another_network_read_are_not_offered(app: AppTest, stream: Stream) -> None:
    press(app, "live_teach")
    take_all(stream, np.full((7, 7), 0.02) + 0.86 * np.eye(7))
    stream.ended = True
    assert "angry 3, disgust 3" in words(app.run())
    app.session_state["network"] = "fer2013"
    assert "Start the camera" in words(app.run())
    assert not app.button


def test_takes_outlive_the_camera(app: AppTest, stream: Stream) -> None:
    """And the adaptation made from them can be saved after a new stream has begun."""
    press(app, "live_teach")
    probs = np.full((7, 7), 0.02) + 0.86 * np.eye(7)
    probs[5] = [0.02, 0.02, 0.02, 0.02, 0.55, 0.35, 0.02]
    take_all(stream, probs)
    stream.ended = True
    app.run()
    assert "angry 3, disgust 3" in words(app)
    press(app, "live_teach_make")
    assert app.get("download_button")
    other = Stream()
    app.session_state["stream"] = other
    app.run()
    assert app.get("download_button")
    press(app, "live_teach_again")
    assert app.button(key="live_teach"), "the new stream can be asked for takes"
    assert other.guide is None
