"""A running analysis on the page: how far, how fast, the newest frame, cancel."""

from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.jobs.log import CANCELLED, DONE, FAILED, RUNNING, WAITING, FileState, JobState
from emotion_core.results.paths import PREVIEW
from emotion_core.ui.common.text import duration_words, escape
from emotion_core.ui.video_page.jobs import VIDEO_JOBS, job_store
from emotion_core.video.progress import DRAWING

_EVERY_S: Final = 1.0
_ICONS: Final = {
    DONE: ":green[:material/check_circle:]",
    FAILED: ":red[:material/error:]",
    CANCELLED: ":orange[:material/stop_circle:]",
    RUNNING: ":blue[:material/sync:]",
    WAITING: ":gray[:material/schedule:]",
}


def show_progress(state: JobState) -> None:
    """Draw a running job and look again every second; the page is run again at its end."""
    job_id, known = state.job_id, [state]

    @st.fragment(run_every=_EVERY_S)
    def look() -> None:
        # The page has just asked for it.
        state = known.pop() if known else job_store().state(job_id)
        if state is None or not state.running:
            st.rerun()
        else:
            _draw(state)

    look()


def _draw(state: JobState) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.progress(state.fraction, text=_overall_words(state))
        # One video's progress is told by the bar already.
        for file in state.files if len(state.files) > 1 else ():
            st.markdown(file_line(file))
        with st.container(horizontal=True):
            if st.button("Cancel", icon=":material/stop:", key="video_cancel"):
                job_store().cancel(state.job_id)
            if st.button("Analyse another video", icon=":material/add:", key="video_other"):
                VIDEO_JOBS.show(None)
                st.rerun()
        st.caption(
            "You can leave this page. The analysis continues, and this address brings you back "
            "to it."
        )
    with right:
        _preview(state)


def _overall_words(state: JobState) -> str:
    if state.message:
        return state.message
    if all(f.status == WAITING for f in state.files):
        return "Starting …"
    left = [f.left_s for f in state.files if f.status == RUNNING and f.left_s is not None]
    ended = sum(f.status not in (RUNNING, WAITING) for f in state.files)
    words = [f"{state.fraction:.0%}"]
    if len(state.files) == 1:
        words.insert(0, escape(state.files[0].name))
        words += [f"{f.fps:.0f} frames/s" for f in state.files if f.fps]
        if state.files[0].step == DRAWING:
            words.insert(1, "drawing the clip again, now that returns are recognised")
    else:
        words.append(f"{ended} of {len(state.files)} videos done")
    if left and ended + 1 == len(state.files):
        words.append(f"about {duration_words(left[0])} left")
    elif left and state.fraction > 0.02:
        waiting = sum(f.status == WAITING for f in state.files)
        words.append(f"about {duration_words(left[0])} left in this one, {waiting} to come")
    return " · ".join(words)


def file_line(file: FileState) -> str:
    """One video of a job as a line of Markdown; names are shown as they are."""
    words = [f"{_ICONS.get(file.status, '')} {escape(file.name)}"]
    if file.status == RUNNING:
        words.append(f"{file.fraction:.0%}")
        if file.fps:
            words.append(f"{file.fps:.0f} frames/s")
        if file.left_s is not None:
            words.append(f"{duration_words(file.left_s)} left")
    elif file.message:
        # Most messages begin with the file's name, which is shown here already.
        words.append(escape(file.message.removeprefix(file.name).lstrip(" :")))
    return " · ".join(words)


def _preview(state: JobState) -> None:
    current = state.current
    picture: bytes | None = None
    if current is not None and current.folder is not None:
        try:
            picture = (Path(current.folder) / PREVIEW).read_bytes()
        except OSError:
            picture = None
    if picture:
        st.image(picture, caption="Latest frame analysed", width="stretch")
    else:
        st.caption("The latest frame will appear here.")
