"""The coder's page: a name, the clips in this coder's own order, and nothing of the machine."""

import time
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.coding.records import CoderProgress, Unit
from emotion_core.study.coding.scheme import read_scheme
from emotion_core.study.coding.store import CodingStore
from emotion_core.ui.coding_page.clip import ClipPlace, show_clip, show_feedback
from emotion_core.ui.coding_page.videos import codable_videos
from emotion_core.ui.coding_page.visit import code_as, coder_here, invitation_here, leave_coding
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.study_view import StudyView

# Somebody who pressed a key so recently is likely coding in another tab.
_RECENT_S: Final = 120.0


def show_invited(invitation: str, folder: Path) -> None:
    """Draw the page to which an invitation leads."""
    try:
        view = StudyView(invitation, folder)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    show_coder(view, coder_here() or "")


def show_coder(view: StudyView, name: str) -> None:
    """Draw the page of a coder, or ask who it is."""
    try:
        store = CodingStore(view.folder)
        coder = store.find_coder(name) if name else None
        if coder is None:
            _sign_in(view, store, name)
        else:
            _clips(view, store, coder.name)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        _leave_button(view)


def _leave_button(view: StudyView) -> None:
    if st.button("Leave coding", icon=":material/arrow_back:", key=f"{view.key}_coding_leave"):
        leave_coding()
        st.rerun()


def _sign_in(view: StudyView, store: CodingStore, unknown: str) -> None:
    if unknown:
        st.info(f"There is no coder “{escape(unknown)}” here (any more): give a name to begin.")
    st.markdown("**Who is coding?** Your name is kept with your codes.")
    with (
        st.form(f"{view.key}_coding_sign_in", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input("Your name", max_chars=60, key=f"{view.key}_coding_name", width=280)
        pressed = st.form_submit_button("Begin", type="primary", icon=":material/play_arrow:")
    asked = f"{view.key}_coding_asked"
    if pressed:
        st.session_state.pop(asked, None)
        if store.find_coder(name) is None:
            code_as(store.add_coder(name).name)
            st.rerun()
        st.session_state[asked] = name
    if (known := st.session_state.get(asked)) and (coder := store.find_coder(known)):
        _same_name(view, next(p for p in store.progress() if p.coder == coder))
    if not invitation_here():
        _leave_button(view)


def _same_name(view: StudyView, progress: CoderProgress) -> None:
    """Two people of one name, or one who comes back: who it is can only be asked."""
    name = progress.coder.name
    done, units = progress.done + progress.training_done, progress.units + progress.training
    words = f"There is a coder “{escape(name)}” here already, with {done} of {units} clips done."
    if time.time() - progress.last_s < _RECENT_S:
        words += " This coder pressed a key less than two minutes ago, perhaps in another tab."
    st.warning(words, icon=":material/group:")
    if st.button(
        f"I am {escape(name)}: continue", key=f"{view.key}_coding_continue", type="primary"
    ):
        code_as(name)
        st.rerun()
    st.caption("If that is somebody else, give another name above, such as one with an initial.")


def _clips(view: StudyView, store: CodingStore, name: str) -> None:
    scheme, problems = read_scheme(view.study)
    for problem in problems:
        st.warning(str(problem), icon=":material/warning:")
    videos = codable_videos(view.study)
    units = [u for u in store.units_of(name) if (v := videos.get(u.recording)) and not v.problem]
    done = store.done(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Coding as **{escape(name)}**", width="content")
        _leave_button(view)
    if not units:
        st.info("There are no clips for you yet: ask who runs the study.", icon=":material/movie:")
        return
    index = _index(view, units, done)
    count = sum(unit.id in done for unit in units)
    st.progress(count / len(units), text=f"{count} of {len(units)} clips done")
    if index is None:
        st.success("All of your clips are coded. Thank you!", icon=":material/check:")
        if st.button("Look at the last clip again", key=f"{view.key}_coding_again"):
            _go(view, units[-1].id)
        return
    place = ClipPlace(view, store, name, scheme, units[index], videos[units[index].recording])
    if st.session_state.get(f"{view.key}_coding_feedback") == units[index].id:
        show_feedback(place)
        if st.button("Next clip", type="primary", key=f"{view.key}_coding_next"):
            _go(view, None)
        return
    st.markdown(_head(units, index))
    show_clip(place, previous=units[index - 1].id if index else None)


def _head(units: list[Unit], index: int) -> str:
    words = f"**Clip {index + 1} of {len(units)}**"
    if units[index].training:
        words += " · training: the known answers are shown when you are done; it does not count"
    return words


def _index(view: StudyView, units: list[Unit], done: frozenset[str]) -> int | None:
    """Place of the clip that is shown; None: all are done, and none was asked for."""
    asked = st.session_state.get(f"{view.key}_coding_unit")
    wanted = [i for i, unit in enumerate(units) if unit.id == asked]
    left = [i for i, unit in enumerate(units) if unit.id not in done]
    return next(iter(wanted or left), None)


def _go(view: StudyView, unit: str | None) -> None:
    st.session_state.pop(f"{view.key}_coding_feedback", None)
    st.session_state[f"{view.key}_coding_unit"] = unit
    st.rerun()
