"""The page and what other programs do to its recording: both see the same one."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from emotion_core.live.processor import LiveProcessor
from emotion_core.live.registry import LIVE
from emotion_core.ui.live_page.recorder import (
    adopt,
    current_session,
    recording_owner,
    session_store,
    shown_token,
)

_RECORDED = "live_recorded"


def open_to_remote(processor: LiveProcessor, model: Mapping[str, Any]) -> None:
    """Let other programs find this stream; call it in every run of the page."""
    stream = LIVE.add(processor, session_store(), model)
    stream.owner = recording_owner()
    stream.show(shown_token())
    st.session_state[_RECORDED] = current_session() is not None


def follow_remote(processor: LiveProcessor | None, names: Mapping[int, str]) -> None:
    """Rerun the page where a recording was started or ended elsewhere; call it in a fragment."""
    stream = LIVE.of(processor)
    if processor is None or stream is None:
        return
    session = stream.session()
    if session is not None and shown_token() != stream.token:
        adopt(processor, stream.token, session, names)
        st.rerun(scope="app")
    if st.session_state.get(_RECORDED) is True and current_session() is None:
        st.session_state[_RECORDED] = False
        st.rerun(scope="app")
