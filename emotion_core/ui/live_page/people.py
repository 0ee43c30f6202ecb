"""Names of the people in view, and their own neutral as the zero of their readings."""

from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession
from emotion_core.ui.live_page.recorder import hears_us

REST_S: Final = 3.0
_NAMES, _STREAM = "live_names", "live_names_stream"


def names_of(processor: LiveProcessor | None) -> dict[int, str]:
    """Names given to the people of a stream; identities of another stream are other people."""
    if st.session_state.get(_STREAM) != id(processor):
        st.session_state[_STREAM] = id(processor)
        st.session_state[_NAMES] = {}
    names: dict[int, str] = st.session_state[_NAMES]
    return names


def people_panel(processor: LiveProcessor | None, session: LiveSession | None) -> None:
    """Name and calibrate; call it from a refreshing fragment."""
    reading = processor.reading() if processor else None
    if processor is None or reading is None or reading.ended or reading.result is None:
        st.caption("Start the camera to name the people in view.")
        return
    names = names_of(processor)
    for track in reading.result.track_ids.tolist()[:6]:
        given = st.text_input(
            f"Name of person #{track}",
            value=names.get(track, ""),
            key=f"live_name_{id(processor)}_{track}",
            max_chars=40,
            placeholder=f"Person #{track}",
        )
        if given.strip() != names.get(track, ""):
            _rename(processor, session, track, given.strip())
    _calibration(processor)


def _rename(processor: LiveProcessor, session: LiveSession | None, track: int, name: str) -> None:
    names = names_of(processor)
    names.pop(track, None)
    if name:
        names[track] = name
    processor.update_names(names)
    if session is None or not hears_us(session):
        return
    try:
        session.rename(session.own_id(track), name)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")


def _calibration(processor: LiveProcessor) -> None:
    st.markdown(
        "**Always “neutral”, or always “sad”?** Everyone in view keeps a neutral face for "
        "three seconds; their readings are then relative to that face."
    )
    progress = processor.calibration_progress
    # The place is kept when there is nothing to count, so that the page below does not jump.
    countdown = st.empty()
    if progress:
        done = min(progress.values())
        left = max(1, round(REST_S * (1 - done) + 0.5))
        countdown.progress(min(1.0, done), text=f"Keep a neutral face … {left}")
    with st.container(horizontal=True):
        if st.button(
            "Calibrate neutral face",
            icon=":material/timer:",
            key="live_rest",
            disabled=bool(progress),
        ):
            processor.start_calibration(REST_S)
            st.rerun(scope="fragment")
        if st.button("Forget it", icon=":material/undo:", key="live_rest_clear"):
            processor.clear_calibration()
