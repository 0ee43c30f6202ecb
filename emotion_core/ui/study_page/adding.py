"""Ways to add recordings: uploaded videos, the visitor's analyses, a live recording, a table."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.atomic_io import replacing
from emotion_core.errors import EmotionCoreError
from emotion_core.jobs.log import DONE, FileState
from emotion_core.media.probe import VIDEO_SUFFIXES
from emotion_core.results.export import output_error
from emotion_core.results.paths import FACES, safe_name
from emotion_core.study.additions import (
    add_recordings,
    drop_outside,
    said_by_name,
    take_results,
)
from emotion_core.study.other_files import add_other_tables
from emotion_core.study.recordings import add_recordings as with_rows
from emotion_core.study.recordings import import_recordings, recording_name
from emotion_core.ui.common.frames import choose_frames
from emotion_core.ui.common.network_choice import network_options, select_network
from emotion_core.ui.common.page import link_to
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.text import escape
from emotion_core.ui.live_page.recorder import finished_recording
from emotion_core.ui.study_page.jobs import start_analysis
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.video_page.jobs import VIDEO_JOBS

UPLOAD, ANALYSES, LIVE, TABLE = "Upload videos", "From my analyses", "Live recording", "From a CSV"
UNITS: Final = "Action units"
_MOST_LISTED: Final = 50
_PIECE: Final = 1 << 20


def show_adding(view: StudyView) -> None:
    """Draw the ways; the one chosen is open."""
    ways: dict[str, Callable[[StudyView], None]] = {
        UPLOAD: _upload,
        ANALYSES: _analyses,
        LIVE: _live,
        TABLE: _table,
        UNITS: _action_units,
    }
    chosen = st.segmented_control(
        "Way",
        list(ways),
        default=UPLOAD,
        required=True,
        key=f"{view.key}_way",
        label_visibility="collapsed",
    )
    ways[chosen if chosen in ways else UPLOAD](view)


def _pattern(view: StudyView) -> str:
    return str(
        st.text_input(
            "File names follow the pattern",
            placeholder="{participant}_{stimulus}.mp4",
            key=f"{view.key}_pattern",
            help="Names in braces become columns: P07_funny.mp4 gives participant P07 and stimulus "
            "funny. Left empty, each file is a participant of its own.",
        )
    ).strip()


def _upload(view: StudyView) -> None:
    round_ = st.session_state.setdefault(f"{view.key}_upload_round", 0)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        uploads = st.file_uploader(
            f"Videos, up to {int(st.get_option('server.maxUploadSize'))} MB each",
            type=[suffix.lstrip(".") for suffix in sorted(VIDEO_SUFFIXES)],
            accept_multiple_files=True,
            key=f"{view.key}_upload_{round_}",
        )
    with right:
        pattern = _pattern(view)
        frames = choose_frames(f"{view.key}_frames_new", shared=f"{view.key}_frames")
        select_network(f"{view.key}_new")
        st.caption("The videos are kept in the study. One participant is expected in each.")
        pressed = st.button(
            f"Add {len(uploads)} videos" if len(uploads) > 1 else "Add video",
            type="primary",
            icon=":material/add:",
            disabled=not uploads,
            key=f"{view.key}_upload_add",
        )
    if pressed:
        try:
            with st.spinner("Saving …"):
                told = _add_uploads(view, uploads, pattern, frames)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        if told:
            st.session_state[f"{view.key}_problem"] = told
        st.session_state[f"{view.key}_upload_round"] = round_ + 1
        st.rerun()


def _add_uploads(view: StudyView, uploads: list[Any], pattern: str, frames: tuple[str, ...]) -> str:
    """Keep the videos, add a row for each and begin to analyse; returns what went wrong."""
    said_by_name(pattern, [upload.name for upload in uploads])
    folder = view.folder / "videos"
    taken = [path.stem for path in folder.glob("*")]
    files: list[Path] = []
    for upload in uploads:
        name = Path(upload.name)
        suffix = f".{safe_name(name.suffix.lstrip('.'))[:8]}"
        free = recording_name(name.stem, taken)
        taken.append(free)
        files.append(folder / f"{free}{suffix}")
        save_upload(upload, files[-1])
    added = add_recordings(view.study, files, pattern, [upload.name for upload in uploads])
    for file in added.failed:
        file.unlink(missing_ok=True)
    new = set(added.added.values())
    if rows := [r for r in view.study.reopened().recordings if r.recording in new]:
        start_analysis(view.token, view.study, rows, (*frames, *network_options()))
    return " ".join(f"{file.name}: {why}" for file, why in added.failed.items())


def save_upload(upload: Any, path: Path) -> None:
    """Keep a file of `st.file_uploader`.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        upload.seek(0)
        with replacing(path) as part, part.open("wb") as file:
            while piece := upload.read(_PIECE):
                file.write(piece)
    except OSError as error:
        raise output_error(path, error) from error


def allowed_folders() -> list[Path]:
    """Where a study on this page may have files besides its own folder."""
    folder = app_settings().video_dir
    return [folder] if folder is not None else []


def outside_words(recordings: list[str]) -> str:
    """Why recordings were not taken in."""
    return (
        f"Left out, because their files are not in the study’s folder: {', '.join(recordings)}. "
        "Add these videos here, or use the command line."
    )


@contextlib.contextmanager
def uploaded_file(upload: Any) -> Iterator[Path]:
    """An upload as a file of its own name, deleted at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="emotion-lab-") as folder:
        path = Path(folder) / safe_name(upload.name)
        upload.seek(0)
        with path.open("wb") as file:
            shutil.copyfileobj(upload, file)
        yield path


def _analyses(view: StudyView) -> None:
    files = [
        file
        for state in VIDEO_JOBS.states()
        for file in state.files
        if file.status == DONE and file.folder and (file.folder / FACES).is_file()
    ]
    if not files:
        st.caption("You have no finished analyses.")
        link_to("pages/2_Video.py", "Analyse videos")
        return
    pattern = _pattern(view)
    names = {row.recording for row in view.study.recordings}
    for number, file in enumerate(files[:_MOST_LISTED]):
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Add", icon=":material/add:", key=f"{view.key}_take_{number}"):
                _take(view, file, pattern)
            there = safe_name(Path(file.name).stem) in names
            st.markdown(escape(file.name) + (" · added" if there else ""), width="content")
    st.caption("Their readings are copied into the study and stay when the analysis is deleted.")


def _take(view: StudyView, file: FileState, pattern: str) -> None:
    assert file.folder is not None
    try:
        said = said_by_name(pattern, [file.name])
        if not said:
            st.error(f"{escape(file.name)} does not fit the pattern.", icon=":material/error:")
            return
        take_results(view.study, file.folder, file.name, said[file.name])
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _live(view: StudyView) -> None:
    folder = finished_recording()
    if folder is None:
        st.caption("Finish a recording on the Live page, then add it here with one click.")
        link_to("pages/1_Live.py", "Record live")
        return
    participant = st.text_input("Participant", key=f"{view.key}_live_participant").strip()
    if st.button("Add the live recording", icon=":material/add:", key=f"{view.key}_live_add"):
        try:
            said = {"participant": participant}
            take_results(view.study, folder, participant or "live", said)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.rerun()


def _table(view: StudyView) -> None:
    round_ = st.session_state.setdefault(f"{view.key}_table_round", 0)
    upload = st.file_uploader(
        "A recordings.csv: recording, file, participant, and any further columns",
        type=["csv", "tsv", "txt"],
        key=f"{view.key}_table_{round_}",
    )
    st.caption(
        "A row of a recording that is in the study changes it in the columns that the table has; "
        "other rows are added. Files are looked for in the study’s folder."
    )
    if upload is None:
        return
    st.session_state[f"{view.key}_table_round"] = round_ + 1
    try:
        with uploaded_file(upload) as path:
            read = import_recordings(path)
        view.study.change_recordings(lambda now: with_rows(now, read))
        outside = drop_outside(view.study, allowed_folders())
    except EmotionCoreError as error:
        st.session_state[f"{view.key}_problem"] = str(error)
    else:
        told = [str(problem) for problem in read.problems]
        told += [outside_words(outside)] if outside else []
        if told:
            st.session_state[f"{view.key}_problem"] = " ".join(told)
    st.rerun()


def _action_units(view: StudyView) -> None:
    """Tables that OpenFace or py-feat made of the study's videos."""
    round_ = st.session_state.setdefault(f"{view.key}_units_round", 0)
    uploads = st.file_uploader(
        "CSV files of OpenFace or py-feat",
        type=["csv"],
        accept_multiple_files=True,
        key=f"{view.key}_units_{round_}",
    )
    st.caption(
        "Name each file after its recording or its video, as OpenFace does. The action units "
        "become further signals of the tables, on the same clock as the expressions."
    )
    if not st.button("Add", type="primary", disabled=not uploads, key=f"{view.key}_units_add"):
        return
    added: list[str] = []
    told: list[str] = []
    try:
        for upload in uploads:
            with uploaded_file(upload) as path:
                result = add_other_tables(view.study, [path], [upload.name])
            added += result.added.values()
            told += result.failed.values()
    except EmotionCoreError as error:
        told.append(str(error))
    if added:
        st.toast(f"Added to {', '.join(added)}.", icon=":material/sentiment_satisfied:")
    if told:
        st.session_state[f"{view.key}_problem"] = " ".join(told)
    st.session_state[f"{view.key}_units_round"] = round_ + 1
    st.rerun()
