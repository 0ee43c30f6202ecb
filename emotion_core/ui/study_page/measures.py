"""What was measured: the gate and what it left out, the cells, and the long table."""

from typing import Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.definitions import SIGNALS
from emotion_core.study.measures import MEASURES
from emotion_core.study.other_measures import other_signals_in
from emotion_core.study.outcome import counted_cells
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.settings import show_settings
from emotion_core.ui.study_page.study_view import StudyView, read_table

_MOST_ROWS: Final = 5000
_SHOWN: Final = ("mean", "mean_corrected", "max", "dominant_share", "episodes", "onset_s")


def show_measures(view: StudyView) -> None:
    """Draw the tab."""
    show_settings(view)
    try:
        long = view.long_table()
        left_out = read_table(view.results_file("exclusions.csv"))
        question, _ = view.question()
    except (EmotionCoreError, OSError, ValueError) as error:
        st.error(f"The results cannot be read: {error}", icon=":material/error:")
        return
    _gate(left_out, counted_cells(view.study, question, long))
    _long(view, long)


def _gate(left_out: pd.DataFrame, cells: pd.DataFrame) -> None:
    left, right = st.columns(2, gap="medium")
    share = st.column_config.NumberColumn(format="percent")
    with left:
        st.markdown(f"**Left out: {len(left_out):,}**")
        if len(left_out):
            names = [c for c in ("recording", "event", "reason") if c in left_out]
            st.dataframe(left_out[names], hide_index=True)
        else:
            st.caption("Every event of every recording counts.")
    with right:
        st.markdown("**What is left in each cell**")
        st.dataframe(
            cells.rename(columns=lambda name: name.replace("_", " ")),
            hide_index=True,
            column_config={"mean valid share": share},
        )


def _long(view: StudyView, long: pd.DataFrame) -> None:
    st.markdown("**Measures**, one row for each recording, event and signal")
    with st.container(horizontal=True):
        events = list(dict.fromkeys(long["event"]))
        event = st.selectbox("Event", ["all", *events], key=f"{view.key}_long_event", width=260)
        signal = st.selectbox(
            "Signal",
            ["all", *SIGNALS, *other_signals_in(long)],
            key=f"{view.key}_long_signal",
            width=200,
        )
        every = st.toggle("All measures", key=f"{view.key}_long_every")
    rows = long
    rows = rows if event == "all" else rows[rows["event"] == event]
    rows = rows if signal == "all" else rows[rows["signal"] == signal]
    if not every:
        hidden = {m.name for m in MEASURES} - set(_SHOWN) | {"occurrence", "event_kind"}
        rows = rows.drop(columns=[c for c in rows if c in hidden or rows[c].isna().all()])
    st.dataframe(
        rows.head(_MOST_ROWS),
        hide_index=True,
        height=360,
        column_config={"included": st.column_config.CheckboxColumn()},
    )
    if len(rows) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS:,} of {len(rows):,} rows. The download holds all.")
    with st.container(horizontal=True):
        for name, words in (("long.csv", "Long table"), ("wide.csv", "Wide table")):
            file = OfferedFile(name, "text/csv", view.results_file(name))
            show_download(words, file, key=f"{view.key}_get_{name}")
    with st.expander("What the measures mean"):
        table = pd.DataFrame([(m.name, m.label, m.unit, m.formula) for m in MEASURES])
        table.columns = pd.Index(["column", "measure", "unit", "how it is computed"])
        st.dataframe(table, hide_index=True)
