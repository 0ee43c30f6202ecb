"""The live controls become settings; nothing else is needed to change a running stream."""

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.live.settings import LiveSettings


def controls() -> None:
    import streamlit as st

    from emotion_core.model.bundle import load_bundle
    from emotion_core.ui.live_page.controls import camera_constraints, live_controls

    st.session_state["made"] = live_controls(load_bundle())
    st.session_state["asked"] = camera_constraints()


def test_untouched_controls_are_the_defaults() -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    assert not app.exception
    assert app.session_state["made"] == LiveSettings()
    assert app.session_state["asked"]["video"]["width"] == {"ideal": 640}
    assert app.session_state["asked"]["audio"] is False
    assert "facingMode" not in app.session_state["asked"]["video"]


def test_every_control_has_its_effect() -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    app.slider(key="live_smoothing").set_value(0.9)
    app.slider(key="live_min_face").set_value(120)
    app.selectbox(key="live_faces").set_value("Largest face of each frame")
    app.toggle(key="live_mirror").set_value(False)
    app.selectbox(key="live_resolution").set_value("1280 × 720")
    app.selectbox(key="live_rate").set_value(15)
    app.selectbox(key="live_facing").set_value("Back")
    app.button_group(key="live_overlay").set_value(["Bars"])
    app.run()
    made: LiveSettings = app.session_state["made"]
    assert made.pipeline.smoothing_strength == 0.9
    assert made.pipeline.detection.min_face_px == 120
    assert made.pipeline.largest_face_only
    assert not made.pipeline.one_person
    assert not made.mirror
    assert (made.overlay.show, made.overlay.boxes, made.overlay.bars) == (True, False, True)
    assert app.session_state["asked"]["video"]["height"] == {"ideal": 720}
    assert app.session_state["asked"]["video"]["frameRate"] == {"ideal": 15}
    assert app.session_state["asked"]["video"]["facingMode"] == {"ideal": "environment"}


def test_one_participant_can_be_chosen() -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    app.selectbox(key="live_faces").set_value("One participant").run()
    made: LiveSettings = app.session_state["made"]
    assert made.pipeline.one_person
    assert not made.pipeline.largest_face_only


@pytest.mark.parametrize(("usual", "speaking"), [(0.5, 0.9), (1.0, 1.0)])
def test_who_speaks_is_never_smoothed_less(usual: float, speaking: float) -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    app.slider(key="live_smoothing").set_value(usual)
    app.toggle(key="live_speaking").set_value(True).run()
    assert app.session_state["made"].pipeline.speaking_smoothing == speaking


def test_nothing_chosen_switches_the_overlay_off() -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    app.button_group(key="live_overlay").set_value([])
    app.run()
    assert not app.session_state["made"].overlay.show
