"""Video: drop one in, get a table, a timeline and a clip."""

import streamlit as st

from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import stop_on_bad_settings
from emotion_core.ui.common.sign_on import signs_on
from emotion_core.ui.common.visitor_jobs import retention_words
from emotion_core.ui.video_page.jobs import VIDEO_JOBS, job_store

start_page(
    "Video",
    "Upload a video to get a timeline of every person's expressions, an annotated clip, and "
    "tables to download.",
)

stop_on_bad_settings()
jobs = {state.job_id: state for state in VIDEO_JOBS.mine()}
shown = VIDEO_JOBS.shown()
state = jobs.get(shown) if shown else None
if shown and state is None:
    st.info(
        f"This analysis is no longer available: results are deleted after {retention_words()}, or "
        "earlier with the Delete button.",
        icon=":material/auto_delete:",
    )
    VIDEO_JOBS.show(None)

if state is None:
    from emotion_core.ui.video_page.form import show_setup

    show_setup()
    if jobs:
        from emotion_core.ui.video_page.job_page import show_earlier

        show_earlier(list(jobs.values()))
elif state.running:
    from emotion_core.ui.video_page.progress import show_progress

    show_progress(state)
else:
    from emotion_core.ui.video_page.job_page import show_results

    show_results(state)

job_store().clean_up()
end_page(
    "Videos are analysed on the computer that serves this page and are not sent anywhere else. "
    "People who return are recognised by their looks; what is remembered of these is never written "
    f"to disk. Uploads and results are deleted after {retention_words()}, or at once with the "
    "Delete button. "
    + (
        "Only you see them, whenever you sign in."
        if signs_on()
        else "Others see them only if you give them this page's address; this browser finds them "
        "again until it is closed."
    )
)
