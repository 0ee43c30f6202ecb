"""Where two coders disagree: a click on a row plays that moment."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.study.agreement.report import Agreement
from emotion_core.ui.common.charts import download_data
from emotion_core.ui.common.playhead import PLAYER, show_playhead
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.adding import allowed_folders
from emotion_core.ui.study_page.recording_video import recording_video
from emotion_core.ui.study_page.study_view import StudyView

_MOST_ROWS: Final = 500
# The player starts a little earlier, so that the change itself is seen.
_BEFORE_S: Final = 0.5
_ROW_PX: Final = 35


def show_disagreements(view: StudyView, found: Agreement, pair: tuple[str, str]) -> None:
    """Draw the list, the longest first, and the player."""
    rows = found.disagreements
    rows = rows[(rows["first"] == pair[0]) & (rows["second"] == pair[1])].reset_index(drop=True)
    st.markdown(f"**Disagreements: {len(rows):,}**")
    if rows.empty:
        st.caption("They agree everywhere.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = _table(view, rows, pair)
        st.caption("The longest first. Choose a row to see that moment.")
        download_data(
            found.disagreements, "disagreements.csv", key=f"{view.key}_disagreements_data"
        )
    with right:
        _player(view, rows.iloc[chosen].to_dict(), (*pair, chosen))


def _table(view: StudyView, rows: pd.DataFrame, pair: tuple[str, str]) -> int:
    """The list; returns the number of the row that is chosen, at first the longest."""
    names = {"start_s": "from (s)", "seconds": "length (s)"}
    names |= {"first_code": pair[0], "second_code": pair[1]}
    columns = ["recording", "start_s", "seconds", "first_code", "second_code"]
    seconds = st.column_config.NumberColumn(format="%.1f")
    event: Any = st.dataframe(
        rows.head(_MOST_ROWS)[columns].rename(columns=names),
        hide_index=True,
        height=min(300, _ROW_PX * (len(rows) + 1) + 3),
        on_select="rerun",
        selection_mode="single-row",
        key=f"{view.key}_disagreements_{hash(pair)}",
        column_config=dict.fromkeys(("from (s)", "length (s)"), seconds),
    )
    if len(rows) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS:,} of {len(rows):,}. The download holds all.")
    selected = event.selection.rows if event else []
    return int(selected[0]) if selected and selected[0] < len(rows) else 0


def _player(view: StudyView, row: dict[Any, Any], shown: tuple[str, str, int]) -> None:
    (recording,) = [r for r in view.study.recordings if r.recording == row["recording"]]
    video = recording_video(view.study, recording, allowed_folders())
    if video is None:
        st.info("This recording was added without a video.", icon=":material/movie_off:")
        return
    with st.container(key=PLAYER):
        video.play(f"{view.key}_disagreement_video_{recording.recording}")
    at_s = max(0.0, float(row["start_s"]) - video.origin_s - _BEFORE_S)
    show_playhead(
        f"{view.key}_disagreement_{recording.recording}",
        (),
        origin_s=video.origin_s,
        seek=(at_s, _moves(view, shown)),
    )
    st.caption(
        escape(
            f"{row['start_s']:.1f} to {row['end_s']:.1f} s: {row['first']} says "
            f"{row['first_code']}, {row['second']} says {row['second_code']}."
        )
    )


def _moves(view: StudyView, shown: tuple[str, str, int]) -> int:
    """How often another row was chosen: the player moves with each."""
    state = st.session_state
    key, count = f"{view.key}_disagreement_shown", f"{view.key}_disagreement_moves"
    if state.get(key) != shown:
        state[key] = shown
        state[count] = state.get(count, 0) + 1
    return int(state[count])
