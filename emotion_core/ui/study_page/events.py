"""The events of a study: a table, keys while a video plays, and files of other programs."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.interchange.formats import FORMATS, download_pieces, is_zipped
from emotion_core.results.paths import safe_name
from emotion_core.study.additions import add_events
from emotion_core.study.definitions import EVERY_RECORDING
from emotion_core.study.event_files import import_events
from emotion_core.study.events import EVENTS
from emotion_core.study.folder import Study
from emotion_core.study.interchange import documents_of
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.adding import uploaded_file
from emotion_core.ui.study_page.event_keys import show_event_keys
from emotion_core.ui.study_page.event_table import edit_events
from emotion_core.ui.study_page.recordings import show_problems
from emotion_core.ui.study_page.study_view import StudyView

_TYPES: Final = ["csv", "tsv", "txt", "log", "eaf", "boris", "json", "xml", "textgrid", "vtt"]
ALL, BY_KEY = "All events", "Mark by key"


def show_events(view: StudyView) -> None:
    """Draw the tab."""
    with st.expander("Import an event file", icon=":material/upload_file:"):
        _import(view)
    with st.expander("Export for other programs", icon=":material/output:"):
        _export(view)
    show_problems([p for p in view.problems() if p.file == EVENTS])
    ways = {ALL: edit_events, BY_KEY: show_event_keys}
    chosen = st.segmented_control(
        "Events",
        list(ways),
        default=ALL,
        required=True,
        key=f"{view.key}_events_way",
        label_visibility="collapsed",
    )
    ways[chosen if chosen in ways else ALL](view)


def _export(view: StudyView) -> None:
    """The recordings in the formats of other programs; made when a button is pressed."""
    st.caption(
        "For each recording its events, the expressions of its participant where it has been "
        "analysed, and what people coded. Times are those of the video. What a format cannot "
        "hold is listed in notes.txt."
    )
    if not view.study.recordings:
        st.caption("There are no recordings yet.")
        return
    study, name = view.study, safe_name(view.study.name)
    with st.container(horizontal=True):
        for to, known in FORMATS.items():
            zipped = is_zipped(to, several=True)
            suffix, kind = (
                (".zip", "application/zip") if zipped else (known.suffix, known.media_type)
            )
            pieces = partial(_pieces, study, to)
            file = OfferedFile(f"{name}_{to}{suffix}", kind, pieces)
            show_download(known.label, file, key=f"{view.key}_get_{to}")


def _pieces(study: Study, to: str) -> Iterator[bytes]:
    """As the study is when the button is pressed."""
    now = study.reopened()
    return download_pieces(documents_of(now), to, now.name, several=True)


def _import(view: StudyView) -> None:
    round_ = st.session_state.setdefault(f"{view.key}_events_round", 0)
    names = [EVERY_RECORDING, *(r.recording for r in view.study.recordings)]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        upload = st.file_uploader(
            "CSV, BORIS (table or project), ELAN, Praat, PsychoPy, E-Prime, WebVTT, or BIDS",
            type=_TYPES,
            key=f"{view.key}_events_file_{round_}",
        )
    with right:
        of = st.selectbox(
            "Events of",
            names,
            format_func=lambda n: "all recordings" if n == EVERY_RECORDING else n,
            key=f"{view.key}_events_of",
            help="Used where the file itself names no recording of the study.",
        )
        offset_s = st.number_input(
            "Add to the times (s)",
            value=0.0,
            step=0.1,
            key=f"{view.key}_events_offset",
            help="Times of BORIS, ELAN, Praat, WebVTT and BIDS are those of the video: the "
            "recording’s clock_offset_s is added by itself.",
        )
        pressed = st.button(
            "Import", type="primary", disabled=upload is None, key=f"{view.key}_events_import"
        )
    if not pressed or upload is None:
        return
    try:
        with uploaded_file(upload) as path:
            read = import_events(
                path,
                recording=of,
                offset_s=float(offset_s),
                recordings=view.study.recordings,
            )
        new = add_events(view.study, read.events)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state[f"{view.key}_events_round"] = round_ + 1
    st.toast(f"{new} new events from {read.format}.", icon=":material/event_available:")
    if read.problems:
        st.session_state[f"{view.key}_problem"] = " ".join(map(str, read.problems))
    st.rerun()
