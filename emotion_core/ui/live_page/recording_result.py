"""A finished live recording, shown by the code that shows a video's result."""

from pathlib import Path

import streamlit as st

from emotion_core.ui.video_page.result_page import show_with_clip, show_without_clip
from emotion_core.ui.video_page.result_view import ResultView, load_result_data


def show_recording(folder: Path) -> None:
    """Draw a recording's result; without a player or moments where no picture was kept.

    Raises:
        InputError: there is no table of faces.
    """
    view = ResultView("live", folder, "live recording", load_result_data(folder))
    if problem := view.summary.get("video_problem"):
        st.warning(f"The video is not complete: {problem}", icon=":material/videocam_off:")
    if view.has_clip:
        show_with_clip(view, _clip_caption)
    else:
        show_without_clip(view)


def _clip_caption(view: ResultView) -> None:
    """The camera's pictures are kept only as drawn, so that the clip cannot be drawn again."""
    # Names given while it was recorded are drawn in it; what was merged or left out is not.
    if view.summary["clip"].get("identities"):
        st.caption(
            "The clip numbers people as they were known while recording; a person who was "
            "recognised only at the end has another number in it."
        )
    if view.clip_is_older and (view.edits.merged or view.edits.excluded):
        st.caption("The clip shows people as detected, without your changes.")
