"""The video page's job store, and which of its jobs are this visitor's."""

import streamlit as st

from emotion_core.jobs.process import analyze_on
from emotion_core.jobs.store import JobStore
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.visitor_jobs import VisitorJobs, kept_store


@st.cache_resource(show_spinner=False)
def job_store() -> JobStore:
    """Shared by all visitors."""
    return kept_store("videos", analyze_on(app_settings().cluster))


VIDEO_JOBS = VisitorJobs(job_store, "video", "job")
