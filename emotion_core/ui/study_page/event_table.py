"""The events of a study, or of one recording, as a table that can be edited."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.study.definitions import EVERY_RECORDING, Event, EventKind
from emotion_core.study.events import in_order_of_time, merge_changes
from emotion_core.ui.common.row_editor import edit_rows, rows_after
from emotion_core.ui.study_page.study_view import StudyView

_COLUMNS: Final[dict[str, type]] = {
    **dict.fromkeys(("recording", "kind", "label"), str),
    **dict.fromkeys(("start_s", "end_s"), float),
}


def edit_events(view: StudyView, recording: str = "") -> None:
    """Draw the table.

    Args:
        view: the study.
        recording: only the events of this recording, in order of time; "": all events.
    """
    if not recording:
        st.caption(
            "A *stimulus* was shown, an *event* happened; a *baseline* is the participant at rest; "
            "time under *exclude* is never used. “Of” is a recording, `column=value` for some of "
            "them, or `*` for all. An empty end makes a point. Times are seconds on the events’ "
            "clock."
        )
    shown = view.study.events
    if recording:
        shown = in_order_of_time(e for e in shown if e.recording == recording)
    columns = _columns(recording)
    rows = pd.DataFrame([asdict(event) | {"kind": str(event.kind)} for event in shown])
    # Also without any row the editor wants to know what its columns hold.
    rows = rows.reindex(columns=list(_COLUMNS)).astype(_COLUMNS)[list(columns)]
    edit_rows(
        f"{view.key}_events_{recording}",
        shown,
        rows,
        columns,
        lambda typed: events_after(shown, typed, recording or EVERY_RECORDING),
        lambda wanted: keep_events(view, shown, wanted),
    )


def keep_events(view: StudyView, shown: Sequence[Event], wanted: Sequence[Event]) -> None:
    """Keep what was typed; changes of another tab since the table was drawn stay."""
    view.change(lambda study: study.change_events(lambda now: merge_changes(shown, wanted, now)))


def _columns(recording: str) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    of = {"recording": text("Of", default=EVERY_RECORDING, required=True)}
    times = {
        "start_s": number("From (s)", format="%.2f", required=True),
        "end_s": number("To (s)", format="%.2f"),
    }
    what = {
        "kind": st.column_config.SelectboxColumn(
            "Kind", options=[str(k) for k in EventKind], default="event", required=True
        ),
        "label": text("Label", max_chars=80, required=True),
    }
    return {**times, **what} if recording else {**of, **what, **times}


def events_after(
    shown: Sequence[Event], typed: Mapping[str, Any], recording: str = EVERY_RECORDING
) -> list[Event]:
    """The events of a table after what was typed in it, as Streamlit's editor describes that.

    Args:
        shown: the events that the table shows.
        typed: what was typed.
        recording: whose event a new row is, unless it says so itself.

    Raises:
        InputError: a time is invalid, or runs backward.
    """
    return rows_after(shown, typed, lambda row: _event_of(row, recording))


def _event_of(row: Mapping[str, Any], recording: str) -> Event | None:
    start, end, label = row.get("start_s"), row.get("end_s"), str(row.get("label") or "").strip()
    if start is None or not label:
        return None
    kind = EventKind(row.get("kind") or EventKind.EVENT)
    of = str(row.get("recording") or recording).strip()
    return Event(of, kind, label, float(start), float(start if end is None else end))
