"""The one job store of a server, and which jobs this visitor has to do with."""

from typing import Final

import streamlit as st

from emotion_core.ui.jobs import JobState, JobStore
from emotion_core.ui.resources import app_settings

_MINE: Final = "video_jobs"
_SHOWN: Final = "video_job"
_PARAMETER: Final = "job"


@st.cache_resource(show_spinner=False)
def job_store() -> JobStore:
    """Shared by all visitors; what is older than the retention is deleted when it is made."""
    settings = app_settings()
    store = JobStore(settings.work_dir / "videos", settings.retention_h, settings.models_dir)
    store.clean_up()
    return store


def my_jobs() -> list[JobState]:
    """The jobs this visitor started or came to by their address, newest first.

    Nobody sees the jobs of others: an id is only known to who started it.
    """
    ids: list[str] = st.session_state.setdefault(_MINE, [])
    given = st.query_params.get(_PARAMETER, "")
    if given and given not in ids:
        ids.append(given)
    states = [state for job_id in ids if (state := job_store().state(job_id))]
    st.session_state[_MINE] = [state.job_id for state in states]
    return sorted(states, key=lambda state: -state.created_s)


def shown_job() -> str | None:
    """The job that the page shows, or None for the form; it stands in the address."""
    if _SHOWN not in st.session_state:
        st.session_state[_SHOWN] = st.query_params.get(_PARAMETER)
    shown: str | None = st.session_state[_SHOWN]
    if shown:
        st.query_params[_PARAMETER] = shown
    return shown


def show_job(job_id: str | None) -> None:
    """Show a job from the next run of the page on; None shows the form."""
    st.session_state[_SHOWN] = job_id
    if job_id is None:
        st.query_params.pop(_PARAMETER, None)
    elif job_id not in st.session_state.setdefault(_MINE, []):
        st.session_state[_MINE].append(job_id)


def retention_words() -> str:
    """How long things are kept, as people say it."""
    hours = app_settings().retention_h
    if hours < 1:
        return f"{round(hours * 60)} minutes"
    return f"{hours:g} hour{'s' if hours != 1 else ''}"
