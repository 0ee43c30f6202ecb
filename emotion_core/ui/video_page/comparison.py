"""Several videos side by side: players, shares of time, each person's timeline, and a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from emotion_core.charts.ribbon import ribbon
from emotion_core.charts.shares import share_chart
from emotion_core.errors import EmotionCoreError
from emotion_core.jobs.log import FileState
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import shown_clip
from emotion_core.results.face_table import FaceTable, row_seconds, shares, valid_share
from emotion_core.ui.common.charts import download_data, show_legend
from emotion_core.ui.common.text import escape
from emotion_core.ui.video_page.result_view import (
    ResultData,
    is_playable,
    load_result_data,
    play_clip,
)
from emotion_core.ui.video_page.timeline import by_time_seen

# Narrower players show nothing.
_MOST_PLAYERS: Final = 3
_MOST_PEOPLE: Final = 6


def show_comparison(files: list[FileState]) -> None:
    """Players and one bar a video; below a row of colours and a row of figures for each person."""
    compared = [c for number, file in enumerate(files, 1) if (c := _compared(number, file))]
    if not compared:
        return
    _players(compared)
    st.subheader("Share of time, everybody together", anchor=False)
    show_legend()
    st.altair_chart(share_chart({c.name: c.shares for c in compared}), width="stretch")
    _courses(compared)
    table = pd.DataFrame([person for c in compared for person in c.people])
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(("face found", *EXPRESSIONS), percent),
    )
    download_data(table, "comparison.csv", key="comparison_data")


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """One video: its name with its number, its folder, and its description."""

    name: str
    folder: Path
    reading: ResultData
    shares: dict[str, float]
    people: list[dict[str, Any]]


def _compared(number: int, file: FileState) -> _Compared | None:
    assert file.folder is not None
    try:
        reading = load_result_data(file.folder)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return None
    table = reading.table
    people = [
        {
            "video": file.name,
            "person": reading.edits.name_of(track_id),
            "seconds": round(_seconds(table.person(track_id)), 2),
            "face found": valid_share(table),
            **shares(table.person(track_id)),
        }
        for track_id in table.people
    ]
    return _Compared(f"{number}. {file.name}", file.folder, reading, shares(table), people)


def _players(compared: list[_Compared]) -> None:
    """The first clips side by side, where there are any."""
    clips = [(c, shown_clip(c.folder, c.reading.edits)) for c in compared]
    shown = [(c, clip) for c, clip in clips if is_playable(clip)][:_MOST_PLAYERS]
    if not shown:
        return
    for column, (video, clip) in zip(st.columns(max(2, len(shown))), shown, strict=False):
        with column:
            play_clip(clip, key=f"compared_{video.folder}")
            # "1. " would begin a list.
            st.caption(escape(video.name).replace(".", "\\.", 1))


def _courses(compared: list[_Compared]) -> None:
    """The dominant expression of each person, all videos on one time axis."""
    parts, names = [], []
    for video in compared:
        place = video.name.split(".", 1)[0]
        seen = by_time_seen(video.reading.table)[:_MOST_PEOPLE]
        names += [f"{place}. {video.reading.edits.name_of(track_id)}" for track_id in seen]
        runs = video.reading.drawn_runs
        parts.append(runs.assign(person=place + ". " + runs["person"]))
    runs = pd.concat(parts)
    if not len(runs):
        return
    st.subheader("Dominant expression over time", anchor=False)
    st.altair_chart(ribbon(runs, names, (0.0, float(runs["end_s"].max()))), width="stretch")


def _seconds(person: FaceTable) -> float:
    return float(np.sum(row_seconds(person.time_s, person.frame_times)))
