"""The events of a study as a table that can be edited, and event files of other programs."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.interchange.formats import FORMATS, download_pieces, is_zipped
from emotion_core.results.paths import safe_name
from emotion_core.study.additions import add_events
from emotion_core.study.definitions import EVERY_RECORDING, Event, EventKind
from emotion_core.study.event_files import import_events
from emotion_core.study.events import EVENTS
from emotion_core.study.folder import Study
from emotion_core.study.interchange import documents_of
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.adding import uploaded_file
from emotion_core.ui.study_page.recordings import show_problems
from emotion_core.ui.study_page.study_view import StudyView

_TYPES: Final = ["csv", "tsv", "txt", "log", "eaf", "boris", "json", "xml", "textgrid", "vtt"]
_COLUMNS: Final[dict[str, type]] = {
    **dict.fromkeys(("recording", "kind", "label"), str),
    **dict.fromkeys(("start_s", "end_s"), float),
}


def show_events(view: StudyView) -> None:
    """Draw the tab."""
    with st.expander("Import an event file", icon=":material/upload_file:"):
        _import(view)
    with st.expander("Export for other programs", icon=":material/output:"):
        _export(view)
    show_problems([p for p in view.problems() if p.file == EVENTS])
    st.caption(
        "A *stimulus* was shown, an *event* happened; a *baseline* is the participant at rest; "
        "time under *exclude* is never used. “Of” is a recording, `column=value` for some of them, "
        "or `*` for all. An empty end makes a point. Times are seconds on the events’ clock."
    )
    _editor(view)


def _export(view: StudyView) -> None:
    """The recordings in the formats of other programs; made when a button is pressed."""
    st.caption(
        "For each recording its events, and the expressions of its participant where it has been "
        "analysed. Times are those of the video. What a format cannot hold is listed in notes.txt."
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


def _editor(view: StudyView) -> None:
    shown = view.study.events
    rows = pd.DataFrame([asdict(event) | {"kind": str(event.kind)} for event in shown])
    # Also without any row the editor wants to know what its columns hold.
    rows = rows.reindex(columns=list(_COLUMNS)).astype(_COLUMNS)
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    # A new editor whenever what is kept changes: its own memory of edits is spent then.
    key = f"{view.key}_events_{hash(shown)}"
    st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "recording": text("Of", default=EVERY_RECORDING, required=True),
            "kind": st.column_config.SelectboxColumn(
                "Kind", options=[str(k) for k in EventKind], default="event", required=True
            ),
            "label": text("Label", max_chars=80, required=True),
            "start_s": number("From (s)", format="%.2f", required=True),
            "end_s": number("To (s)", format="%.2f"),
        },
        key=key,
        on_change=lambda: _keep(view, shown, st.session_state[key]),
    )
    try:
        events_after(shown, st.session_state.get(key, {}))
    except InputError as error:
        st.error(str(error), icon=":material/error:")


def _keep(view: StudyView, shown: Sequence[Event], typed: Mapping[str, Any]) -> None:
    # What is wrong is told under the table, which keeps what was typed.
    with contextlib.suppress(InputError):
        wanted = events_after(shown, typed)
        # Changes of another tab since the table was drawn are kept: the study merges them.
        view.change(lambda study: study.with_events(wanted))


def events_after(shown: Sequence[Event], typed: Mapping[str, Any]) -> list[Event]:
    """The events of a table after what was typed in it, as Streamlit's editor describes that.

    Raises:
        InputError: a time is invalid, or runs backward.
    """
    changed = typed.get("edited_rows", {})
    rows = [asdict(event) | changed.get(i, {}) for i, event in enumerate(shown)]
    rows = [row for i, row in enumerate(rows) if i not in typed.get("deleted_rows", [])]
    events = [_event_of(row) for row in [*rows, *typed.get("added_rows", [])]]
    return [event for event in events if event is not None]


def _event_of(row: Mapping[str, Any]) -> Event | None:
    start, end, label = row.get("start_s"), row.get("end_s"), str(row.get("label") or "").strip()
    if start is None or not label:
        return None
    kind = EventKind(row.get("kind") or EventKind.EVENT)
    of = str(row.get("recording") or EVERY_RECORDING).strip()
    return Event(of, kind, label, float(start), float(start if end is None else end))


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
            "Add to the times (s)", value=0.0, step=0.1, key=f"{view.key}_events_offset"
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
