"""The start of the Study page: the sample, a new study, one from a zip, and the visitor's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.additions import drop_outside
from emotion_core.study.folder import Study
from emotion_core.study.sample import make_sample_study
from emotion_core.ui.common.text import escape
from emotion_core.ui.common.visitor_jobs import visitor
from emotion_core.ui.study_page.adding import allowed_folders, outside_words, uploaded_file
from emotion_core.ui.study_page.jobs import start_run
from emotion_core.ui.study_page.visits import show_study_of, study_store

LONGEST_NAME: Final = 80


def show_start(tokens: list[str]) -> None:
    """Draw the ways into a study, and a list of this visitor's own."""
    left, middle, right = st.columns(3, gap="medium")
    with left, st.container(border=True, height="stretch"):
        _sample()
    with middle, st.container(border=True, height="stretch"):
        _new()
    with right, st.container(border=True, height="stretch"):
        _from_zip()
    if tokens:
        _mine(tokens)


def _sample() -> None:
    st.markdown("**See how it works**")
    st.markdown(
        "A small study with synthetic data: 24 participants in two groups watched three films. "
        "Group B was made to smile more at the funny film. No person was recorded."
    )
    if st.button(
        "Open the sample study", icon=":material/science:", type="primary", key="study_sample"
    ):
        _open(make_sample_study, compute=True)


def _new() -> None:
    st.markdown("**Begin your own**")
    with st.form("study_new_form", border=False):
        name = st.text_input(
            "Name", placeholder="Smiles at films, pilot", key="study_name", max_chars=LONGEST_NAME
        )
        pressed = st.form_submit_button("Create study", icon=":material/add:", key="study_create")
    if pressed and not name.strip():
        st.error("Give the study a name.", icon=":material/error:")
    elif pressed:
        _open(lambda folder: Study.create(folder, name.strip()))


def _from_zip() -> None:
    st.markdown("**Continue one**")
    round_ = st.session_state.setdefault("study_zip_round", 0)
    upload = st.file_uploader(
        "A study's zip, from this page or from `emotion-lab study export`",
        type=["zip"],
        key=f"study_zip_{round_}",
    )
    if upload is not None:
        st.session_state["study_zip_round"] = round_ + 1
        _open(lambda folder: _unzip(upload, folder))


def _unzip(upload: Any, folder: Path) -> None:
    with uploaded_file(upload) as path:
        study = Study.unzip(path, folder)
    if outside := drop_outside(study, allowed_folders()):
        st.session_state["study_told"] = outside_words(outside)


def _open(fill: Callable[[Path], object], *, compute: bool = False) -> None:
    """Make a study and show it from the next run on, or tell why there is none."""
    store = study_store()
    try:
        with st.spinner("Preparing …"):
            token = store.add(visitor(), fill)
            if compute and (folder := store.find(token)):
                start_run(token, Study.open(folder))
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    show_study_of(token)
    st.rerun()


def _mine(tokens: list[str]) -> None:
    st.subheader("Your studies", anchor=False)
    for token in tokens:
        folder = study_store().find(token)
        if folder is None:
            continue
        try:
            study = Study.open(folder)
            words = f"{escape(study.name)} – {recordings_words(len(study.recordings))}"
        except EmotionCoreError as error:
            words = escape(str(error))
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Open", key=f"study_open_{token}", icon=":material/folder_open:"):
                show_study_of(token)
                st.rerun()
            st.markdown(words, width="content")


def recordings_words(count: int) -> str:
    """A number of recordings in words."""
    return f"{count:,} recording{'' if count == 1 else 's'}"
