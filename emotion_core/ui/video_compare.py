"""Several videos side by side: share of time of each, and a table of everybody."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from emotion_core.analysis.edits import load_edits
from emotion_core.analysis.export import read_faces
from emotion_core.analysis.folders import FACES
from emotion_core.analysis.timeline import FaceTable, row_seconds, shares, valid_share
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.charts import download_data
from emotion_core.ui.job_log import FileState
from emotion_core.ui.video_charts import share_chart


def show_comparison(files: list[FileState]) -> None:
    """One bar a video, everybody in it together, and one row a person below."""
    import pandas as pd

    st.subheader("Share of time, everybody together", anchor=False)
    bars: dict[str, dict[str, float]] = {}
    rows: list[dict[str, Any]] = []
    for number, file in enumerate(files, 1):
        assert file.folder is not None
        try:
            bars[f"{number}. {file.name}"], people = _figures(file.folder)
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            continue
        rows += [{"video": file.name, **person} for person in people]
    if not bars:
        return
    st.altair_chart(share_chart(bars), width="stretch")
    table = pd.DataFrame(rows)
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(("face found", *EXPRESSIONS), percent),
    )
    download_data(table, "comparison.csv", key="comparison_data")


def _figures(folder: Path) -> tuple[dict[str, float], list[dict[str, Any]]]:
    edits = load_edits(folder)
    table = edits.apply(read_faces(folder / FACES))
    people = [
        {
            "person": edits.name_of(track_id),
            "seconds": round(_seconds(table.person(track_id)), 2),
            "face found": valid_share(table),
            **shares(table.person(track_id)),
        }
        for track_id in table.people
    ]
    return shares(table), people


def _seconds(person: FaceTable) -> float:
    return float(np.sum(row_seconds(person.time_s, person.frame_times)))
