"""Background duties of the server, which begin with the first visit of any page."""

import streamlit as st

from emotion_core.monitoring.log_lines import write_json_lines
from emotion_core.ui.common.sign_on import access_settings


@st.cache_resource(show_spinner=False)
def begin_duties() -> None:
    """Start the jobs that wait, and delete in time what is kept: once a server.

    Raises:
        SettingsError: an administrator's variable cannot be used; it is tried again then.
    """
    # Not at the top: the page's head is drawn before these are read.
    from emotion_core.ui.evaluate.jobs import evaluate_store
    from emotion_core.ui.explain.jobs import explain_store
    from emotion_core.ui.live_page.recorder import session_store
    from emotion_core.ui.video_page.jobs import job_store

    if access_settings().json_log:
        # Parts of Streamlit that came with the first page write their own lines.
        write_json_lines()
    for open_store in (session_store, job_store, evaluate_store, explain_store):
        open_store()
