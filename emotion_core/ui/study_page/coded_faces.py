"""Coded faces as a labelled data set, to be taken away and learnt from."""

import shlex
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.progress import Progress
from emotion_core.results.paths import safe_name
from emotion_core.study.agreement.coding import Coding
from emotion_core.study.coded_faces import PER_STRETCH, plan_faces
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.adding import allowed_folders
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.video.labelled_faces import WrittenFaces, next_commands, write_faces_zip

_AGREED: Final = "where all coders agree"


def show_coded_faces(view: StudyView, people: Coding) -> None:
    """Draw the offer."""
    with st.expander("Train on the coded faces", icon=":material/model_training:"):
        st.caption(
            "The faces of coded stretches become labelled pictures, cut out of the videos as the "
            "network sees them, in parts that have no participant in common. The zip shows faces "
            "of participants: keep it as private as their videos."
        )
        choices = [_AGREED, *people.coders] if len(people.coders) > 1 else list(people.coders)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            coder = st.selectbox("Codes", choices, key=f"{view.key}_faces_coder", width=240)
            most = st.number_input(
                "Faces of a stretch, at most",
                1, 100, PER_STRETCH, key=f"{view.key}_faces_most", width=200,
            )  # fmt: skip
            pressed = st.button(
                "Cut out the faces", icon=":material/content_cut:", key=f"{view.key}_faces_make"
            )
        if pressed:
            _make(view, "" if coder == _AGREED else coder, int(most))
        _offer(view)


def _file(view: StudyView) -> Path:
    """Hidden, so that the zip of the study does not hold these faces a second time."""
    return view.folder / "coding" / ".faces.zip"


def _make(view: StudyView, coder: str, most: int) -> None:
    bar = st.progress(0.0, text="Cutting out the faces. Stay on this page.")

    def tell(now: Progress) -> None:
        bar.progress(now.fraction, text=f"Face {now.done:,.0f} of {now.total:,.0f}")

    try:
        plan = plan_faces(view.study, coder, most, allowed_folders())
        written = write_faces_zip(plan.moments, _file(view), tell)
    except EmotionCoreError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    finally:
        bar.empty()
    problems = (*plan.problems, *written.problems)
    st.session_state[f"{view.key}_faces_told"] = (_words(written), problems)


def _words(written: WrittenFaces) -> str:
    parts = [
        f"{split}: {written.people[split]} participants ("
        + ", ".join(f"{expression} {n}" for expression, n in counts.items())
        + ")"
        for split, counts in written.splits.items()
    ]
    alike = written.near_duplicates
    words = f"{written.faces:,} faces. {'; '.join(parts)}."
    return words + (f" {alike:,} that look alike were left out." if alike else "")


def _offer(view: StudyView) -> None:
    words, problems = st.session_state.get(f"{view.key}_faces_told", ("", ()))
    if problems:
        st.warning("\n".join(f"- {escape(p)}" for p in problems), icon=":material/rule:")
    if words:
        st.success(words, icon=":material/check:")
    file = _file(view)
    if not file.is_file():
        return
    name = f"{safe_name(view.study.name)}-faces.zip"
    zip_file = OfferedFile(name, "application/zip", file)
    with st.container(horizontal=True):
        show_download("Labelled faces (zip)", zip_file, key=f"{view.key}_faces_zip")
        if st.button("Delete the zip", icon=":material/delete:", key=f"{view.key}_faces_delete"):
            file.unlink(missing_ok=True)
            st.session_state.pop(f"{view.key}_faces_told", None)
            st.rerun()
    st.caption(
        "These commands learn from it, and tell how well the network does before and after on "
        "participants from whom it has not learnt:"
    )
    st.code("\n".join(next_commands(shlex.quote(name))), language=None, wrap_lines=True)
