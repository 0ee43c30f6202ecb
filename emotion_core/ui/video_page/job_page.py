"""A finished (or stopped) analysis on the page: which video, what happened to it, what came out."""

from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.jobs.log import CANCELLED, FAILED, FileState, JobState
from emotion_core.results.paths import FACES
from emotion_core.ui.common.labelled_faces import forget_faces
from emotion_core.ui.common.text import escape
from emotion_core.ui.common.visitor_jobs import delete_job, fetched, retention_words, show_lost
from emotion_core.ui.explain.view import delete_explanations
from emotion_core.ui.video_page.jobs import VIDEO_JOBS, job_store
from emotion_core.ui.video_page.progress import file_line

_COMPARE: Final = "Compare all"


def show_results(state: JobState) -> None:
    """Draw one job: its messages, a choice of video, and the result of the one chosen."""
    _head(state)
    show_lost(fetched(job_store(), state.job_id))
    with_results = [f for f in state.files if f.folder and (f.folder / FACES).is_file()]
    if not with_results:
        return
    chosen = _choose(with_results)
    if chosen is None:
        from emotion_core.ui.video_page.comparison import show_comparison

        show_comparison(with_results)
        return
    from emotion_core.ui.video_page.result_page import show_result

    show_result(state.job_id, chosen)


def show_earlier(states: list[JobState]) -> None:
    """A list of this visitor's analyses, to come back to."""
    st.subheader("Your analyses", anchor=False)
    for state in states:
        names = ", ".join(escape(f.name) for f in state.files[:3])
        more = f" and {len(state.files) - 3} more" if len(state.files) > 3 else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Open", key=f"open_{state.job_id}", icon=":material/folder_open:"):
                VIDEO_JOBS.show(state.job_id)
                st.rerun()
            st.markdown(f"{names}{more} – {state.status}", width="content")


def _head(state: JobState) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Analyse another video", icon=":material/add:", key="video_new"):
            VIDEO_JOBS.show(None)
            st.rerun()
        with st.popover("Delete", icon=":material/delete:", key="video_delete_menu"):
            st.markdown("Removes the upload, the results and your changes from this computer.")
            if st.button("Delete now", type="primary", key="video_delete"):
                delete_explanations(state.job_id)
                forget_faces(state.job_id)
                delete_job(job_store(), state.job_id)
                VIDEO_JOBS.show(None)
                st.rerun()
        st.caption(f"Kept for {retention_words()} after the last change.", width="content")
    if state.status == CANCELLED:
        st.warning(state.message, icon=":material/stop_circle:")
    elif state.status == FAILED:
        st.error(state.message, icon=":material/error:")
    missing = any(file.status in (CANCELLED, FAILED) for file in state.files)
    if (missing or state.status in (CANCELLED, FAILED)) and st.button(
        "Resume unfinished videos", icon=":material/play_arrow:", key="video_again"
    ):
        job_store().restart(state.job_id)
        st.rerun()
    for file in state.files:
        if file.message or file.status == FAILED:
            st.markdown(file_line(file))


def _choose(files: list[FileState]) -> FileState | None:
    """The video to show, None for the comparison; a row of choices only where there are several."""
    if len(files) == 1:
        return files[0]
    numbers = list(range(len(files)))
    chosen = st.segmented_control(
        "Video",
        [*numbers, _COMPARE],
        format_func=lambda n: n if isinstance(n, str) else _short(files[n].name),
        default=0,
        required=True,
        key="video_chosen",
        label_visibility="collapsed",
    )
    return files[chosen] if isinstance(chosen, int) else None


def _short(name: str) -> str:
    stem = escape(name)
    return stem if len(stem) <= 40 else f"{stem[:36]} …"


def results_folder(file: FileState) -> Path:
    """Path of a video's results; only for files that have some."""
    assert file.folder is not None
    return file.folder
