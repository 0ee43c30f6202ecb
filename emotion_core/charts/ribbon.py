"""The dominant expression of each person over time, as a ribbon of colours."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from emotion_core.charts.encoding import drawn_as_svg, expression_colour, time_axis
from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import MIN_RUN_S, FaceTable, dominant_runs

BRUSH: Final = "brush"
_ROW_PX: Final = 30
# More stretches than this cannot be told apart on a screen; the shortest go first.
MOST_RUNS: Final = 1500


def run_rows(table: FaceTable, edits: Edits, min_s: float = MIN_RUN_S) -> pd.DataFrame:
    """The dominant runs of all people: person, start_s, end_s, seconds, expression, confidence."""
    rows = [
        {
            "person": edits.name_of(track_id),
            "start_s": round(run.start_s, 3),
            "end_s": round(run.end_s, 3),
            "seconds": round(run.seconds, 3),
            "expression": run.expression,
            "confidence": round(run.confidence, 4),
        }
        for track_id in table.people
        for run in dominant_runs(table.person(track_id), min_s)
    ]
    columns = ["person", "start_s", "end_s", "seconds", "expression", "confidence"]
    return pd.DataFrame(rows, columns=columns)


def ribbon(
    runs: pd.DataFrame, people: Sequence[str], domain: tuple[float, float], *, brush: bool = False
) -> alt.Chart:
    """Dominant expressions over time, a row a person.

    Args:
        runs: as `run_rows` gives them.
        people: their names in the order of the rows.
        domain: first and last second.
        brush: dragging selects a stretch (`BRUSH`).
    """
    shown = runs[runs["person"].isin(people)].nlargest(MOST_RUNS, "seconds")
    chart = (
        alt.Chart(shown, height=max(1, len(people)) * _ROW_PX + 80)
        .mark_rect()
        .encode(
            x=time_axis(domain, "start_s"),
            x2="end_s:Q",
            y=alt.Y(
                "person:N",
                title=None,
                sort=list(people),
                scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
                axis=alt.Axis(labelLimit=120),
            ),
            color=expression_colour(),
            tooltip=[
                alt.Tooltip("person:N"),
                alt.Tooltip("expression:N"),
                alt.Tooltip("start_s:Q", format=".2f", title="from (s)"),
                alt.Tooltip("end_s:Q", format=".2f", title="to (s)"),
                alt.Tooltip("confidence:Q", format=".0%"),
            ],
        )
        .properties(description="Dominant expression of each person over time.")
    )
    if brush:
        chart = chart.add_params(alt.selection_interval(name=BRUSH, encodings=["x"]))
    return drawn_as_svg(chart)
