"""Markers of a video as a table that can be edited, and statistics between two times."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.results.annotations import Marker
from emotion_core.results.summary import marker_statistics
from emotion_core.ui.common.row_editor import edit_rows, rows_after
from emotion_core.ui.common.text import escape
from emotion_core.ui.video_page.result_view import ResultView


def show_markers(view: ResultView) -> None:
    """The table of markers and, for each interval, the expressions of each person in it."""
    how = "“Mark this moment” under the player" if view.has_clip else "A new row in the table"
    st.caption(
        f"{how} adds a marker. Set a later end to make it an interval. Markers are part of the "
        "exports; statistics of each interval are shown below."
    )
    _editor(view)
    for marker in view.edits.markers:
        if marker.end_s > marker.start_s:
            _interval(view, marker)


def _editor(view: ResultView) -> None:
    shown = view.edits.markers
    rows = pd.DataFrame(
        [(m.start_s, m.end_s, m.label) for m in shown], columns=["start_s", "end_s", "label"]
    ).astype({"start_s": float, "end_s": float, "label": str})
    number = st.column_config.NumberColumn
    columns = {
        "start_s": number("From (s)", min_value=0.0, format="%.2f", required=True),
        "end_s": number("To (s)", min_value=0.0, format="%.2f"),
        "label": st.column_config.TextColumn("Label", max_chars=80),
    }
    edit_rows(
        f"{view.key}_markers",
        shown,
        rows,
        columns,
        lambda typed: markers_after(shown, typed),
        lambda wanted: view.keep(lambda now: now.change_markers(shown, wanted)),
    )


def markers_after(shown: Sequence[Marker], typed: Mapping[str, Any]) -> list[Marker]:
    """The markers of a table after what was typed in it, as Streamlit's editor describes that.

    Raises:
        InputError: a time is invalid, or runs backward.
    """
    return rows_after(shown, typed, _marker_of)


def _marker_of(row: Mapping[str, Any]) -> Marker | None:
    start, end = row.get("start_s"), row.get("end_s")
    if start is None:
        return None
    return Marker(float(start), float(start if end is None else end), row.get("label") or "")


def _interval(view: ResultView, marker: Marker) -> None:
    figures = marker_statistics(view.table, marker.start_s, marker.end_s, view.edits)
    label = escape(marker.label) or "interval"
    st.markdown(f"**{label}** · {marker.start_s:.2f} to {marker.end_s:.2f} s")
    if not figures:
        st.caption("No face was visible in this interval.")
        return
    rows = [{"person": f["name"], "frames": f["frames"], **f["share"]} for f in figures]
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config=dict.fromkeys(rows[0].keys() - {"person", "frames"}, percent),
    )
