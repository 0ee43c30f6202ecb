"""Timeline, ribbon and statistics of one video; a click in the timeline moves the player."""

from typing import Any

import pandas as pd
import streamlit as st

from emotion_core.charts.ribbon import BRUSH, ribbon
from emotion_core.charts.shares import share_chart, share_rows
from emotion_core.charts.timeline import person_rows, timeline
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.face_table import (
    DRAWN_STRETCHES,
    FaceTable,
    dominant_runs,
    shares,
    transitions,
)
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.video_page.result_view import ResultView

_MOST_RIBBONS = 12


def show_timelines(view: ResultView) -> None:
    """The ribbon of all people, and one person's seven probabilities."""
    people = by_time_seen(view.table)
    names = [view.edits.name_of(track_id) for track_id in people[:_MOST_RIBBONS]]
    span = (float(view.table.frame_times[0]), float(view.table.frame_times[-1]) + 0.04)
    event = st.altair_chart(
        ribbon(view.drawn_runs, names, span, brush=True),
        width="stretch",
        key=f"{view.key}_ribbon",
        on_select="rerun",
        selection_mode=[BRUSH],
    )
    domain = _brushed(event, span)
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = _chosen_person(view, people)
        st.caption(_hint(view, domain, len(people)), width="content")
    person = view.table.person(chosen)
    part = person.between(*domain) if domain else person
    view.follow(f"{view.key}_ribbon", span)
    if not len(part):
        st.info(f"{view.edits.name_of(chosen)} is not visible in this part.")
        return
    # The key of a chart without a selection does not reach the page; that of a container does.
    show_legend()
    with st.container(key=f"{view.key}_timeline"):
        st.altair_chart(
            timeline(part, view.edits.name_of(chosen), view.edits.markers, domain or span),
            width="stretch",
        )
    view.follow(f"{view.key}_timeline", domain or span)
    if (part.speaking == 1).any():
        st.caption("The dark band at the bottom shows speaking, by the movement of the mouth.")
    if len(part) > 2 * DRAWN_STRETCHES:
        stretch_s = float(part.time_s[-1] - part.time_s[0]) / DRAWN_STRETCHES
        st.caption(f"Each point is the mean of {stretch_s:.1f} s. Zoom in to see every reading.")
    download_data(person_rows(part), "timeline.csv", key=f"{view.key}_timeline_data")


def by_time_seen(table: FaceTable) -> list[int]:
    """Identities, those with most rows first."""
    counts = {track_id: int((table.track_id == track_id).sum()) for track_id in table.people}
    return sorted(counts, key=lambda track_id: -counts[track_id])


def _chosen_person(view: ResultView, people: list[int]) -> int:
    if len(people) == 1:
        return people[0]
    if len(people) <= 6:
        chosen = st.segmented_control(
            "Person",
            people,
            format_func=view.edits.name_of,
            default=people[0],
            required=True,
            key=f"{view.key}_person",
            label_visibility="collapsed",
        )
    else:
        chosen = st.selectbox(
            "Person",
            people,
            format_func=view.edits.name_of,
            key=f"{view.key}_person",
            label_visibility="collapsed",
            width=260,
        )
    return chosen if chosen in people else people[0]


def _hint(view: ResultView, domain: tuple[float, float] | None, people: int) -> str:
    go = "click to jump there" if view.has_clip else "hover to read the values"
    if domain:
        return f"{domain[0]:.1f} to {domain[1]:.1f} s · click outside the selection to zoom out"
    cuts = " Dashed lines are cuts of the camera." if len(view.table.cuts) else ""
    more = (
        f"{cuts} Showing the {_MOST_RIBBONS} people seen longest."
        if people > _MOST_RIBBONS
        else cuts
    )
    return f"Drag across the coloured bar to zoom in; {go}.{more}"


def _brushed(event: Any, span: tuple[float, float]) -> tuple[float, float] | None:
    stretch = (event.selection.get(BRUSH) or {}).get("start_s") if event else None
    if not stretch or len(stretch) != 2:
        return None
    low, high = max(span[0], float(stretch[0])), min(span[1], float(stretch[1]))
    # A click is a drag of no length: it takes the choice back.
    return (low, high) if high - low > 0.02 else None


def show_statistics(view: ResultView) -> None:
    """Share of time for each person; runs and transitions folded below."""
    people = by_time_seen(view.table)[:_MOST_RIBBONS]
    table = view.table
    if (table.speaking == 1).any() and st.toggle(
        "Leave out speaking",
        key=f"{view.key}_silent",
        help="Talking moves the mouth, and the readings with it. The shares then count only the "
        "time in which a person does not speak, or it is not known.",
    ):
        table = table.silent()
    parts = {view.edits.name_of(i): shares(table.person(i)) for i in people}
    show_legend()
    st.altair_chart(share_chart(parts), width="stretch", key=f"{view.key}_shares")
    download_data(
        share_rows(parts).drop(columns="place"), "shares.csv", key=f"{view.key}_shares_data"
    )
    with st.expander("Dominant segments and transitions"):
        left, right = st.columns(2, gap="medium")
        runs = view.runs
        with left:
            st.markdown(
                f"**{len(runs):,} segments** of at least 0.3 s with one dominant expression"
            )
            st.dataframe(runs, hide_index=True, height=320, key=f"{view.key}_runs")
        with right:
            st.markdown("**Transitions** from row to column, without a gap")
            st.dataframe(_transition_rows(view.table), key=f"{view.key}_transitions")


def _transition_rows(table: FaceTable) -> Any:
    total = sum(
        (transitions(dominant_runs(table.person(track_id))) for track_id in table.people),
        start=transitions([]),
    )
    return pd.DataFrame(total, index=list(EXPRESSIONS), columns=list(EXPRESSIONS))
