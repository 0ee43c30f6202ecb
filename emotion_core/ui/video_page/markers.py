"""Markers of a video as a table that can be edited, and statistics between two times."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.errors import InputError
from emotion_core.results.annotations import Marker
from emotion_core.results.summary import marker_statistics
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
    rows = pd.DataFrame(
        [(m.start_s, m.end_s, m.label) for m in view.edits.markers],
        columns=["start_s", "end_s", "label"],
    ).astype({"start_s": float, "end_s": float, "label": str})
    number, shown = st.column_config.NumberColumn, view.edits.markers
    # A new editor whenever the kept markers change: its own memory of edits is spent then.
    key = f"{view.key}_markers_{hash(shown)}"
    st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "start_s": number("From (s)", min_value=0.0, format="%.2f", required=True),
            "end_s": number("To (s)", min_value=0.0, format="%.2f"),
            "label": st.column_config.TextColumn("Label", max_chars=80),
        },
        key=key,
        on_change=lambda: _keep(view, shown, st.session_state[key]),
    )
    try:
        markers_after(shown, st.session_state.get(key, {}))
    except InputError as error:
        st.error(str(error), icon=":material/error:")


def _keep(view: ResultView, shown: Sequence[Marker], typed: Mapping[str, Any]) -> None:
    # What is wrong is told under the table, which keeps what was typed.
    with contextlib.suppress(InputError):
        wanted = markers_after(shown, typed)
        view.keep(lambda now: now.change_markers(shown, wanted))


def markers_after(shown: Sequence[Marker], typed: Mapping[str, Any]) -> list[Marker]:
    """The markers of a table after what was typed in it, as Streamlit's editor describes that.

    Raises:
        InputError: a time is invalid, or runs backward.
    """
    changed = typed.get("edited_rows", {})
    rows = [asdict(m) | changed.get(i, {}) for i, m in enumerate(shown)]
    rows = [row for i, row in enumerate(rows) if i not in typed.get("deleted_rows", [])]
    markers = [_marker_of(row) for row in [*rows, *typed.get("added_rows", [])]]
    return [marker for marker in markers if marker is not None]


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
