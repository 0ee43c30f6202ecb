"""Charts of a finished video: timeline of a person, ribbon of all people, transitions.

Altair and pandas are imported when something is drawn. What travels to the browser is thinned; the
exports hold every row.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from emotion_core.analysis.edits import Edits, Marker
from emotion_core.analysis.timeline import FaceTable, dominant_runs, row_seconds, thin
from emotion_core.labels import COLOURS, EXPRESSIONS

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SEEK: Final = "seek"
BRUSH: Final = "brush"
_ROW_PX: Final = 30
# More stretches than this cannot be told apart on a screen; the shortest go first.
_MOST_RUNS: Final = 1500


def person_rows(person: FaceTable) -> "pd.DataFrame":
    """Thinned rows of one person: `time_s` and the seven; an empty row where they were absent."""
    import pandas as pd

    kept = thin(person.probs)
    rows = pd.DataFrame(person.probs[kept], columns=list(EXPRESSIONS))
    rows.insert(0, "time_s", person.time_s[kept])
    seconds = row_seconds(person.time_s, person.frame_times)
    ends = person.time_s + seconds
    away = np.flatnonzero(
        person.time_s[1:] - ends[:-1] > 0.5 * (np.median(seconds) if len(seconds) else 0)
    )
    breaks = pd.DataFrame({"time_s": ends[away]}, columns=rows.columns)
    if len(breaks):
        rows = pd.concat([rows, breaks]).sort_values("time_s", kind="stable")
    return rows.round({"time_s": 3, **dict.fromkeys(EXPRESSIONS, 4)})


def timeline(
    person: FaceTable,
    name: str,
    markers: Sequence[Marker] = (),
    domain: tuple[float, float] | None = None,
) -> "alt.LayerChart":
    """Probabilities of one person over time; a click anywhere selects a moment (`SEEK`)."""
    import altair as alt

    from emotion_core.ui.charts import timeline_chart

    rows = person_rows(person)
    title = f"{name}: probability of each expression"
    lines = timeline_chart(rows, title=title, height=300, max_points=10**9)
    scale = alt.Scale(domain=list(domain), nice=False) if domain else alt.Scale(nice=False)
    x = alt.X("time_s:Q", title="seconds", scale=scale)
    lines.encoding.x = x
    picked = alt.selection_point(
        name=SEEK, encodings=["x"], nearest=True, on="click", empty=False, clear=False
    )
    times = alt.Chart(rows[["time_s"]]).encode(x=x)
    targets = times.mark_rule(opacity=0, strokeWidth=6).add_params(picked)
    cursor = times.mark_rule(strokeWidth=2, strokeDash=[4, 3]).transform_filter(picked)
    return alt.layer(*_marker_layers(markers, domain), lines, targets, cursor)


def _marker_layers(
    markers: Sequence[Marker], domain: tuple[float, float] | None
) -> list["alt.Chart"]:
    import altair as alt
    import pandas as pd

    low, high = domain or (-np.inf, np.inf)
    shown = [m for m in markers if m.end_s >= low and m.start_s <= high]
    if not shown:
        return []
    rows = pd.DataFrame(
        [{"start": max(low, m.start_s), "end": min(high, m.end_s), "label": m.label} for m in shown]
    )
    base = alt.Chart(rows)
    x = alt.X("start:Q", title="seconds")
    return [
        base.mark_rect(opacity=0.13, color="#6B7280").encode(x=x, x2="end:Q"),
        base.mark_rule(color="#6B7280").encode(x=x),
        base.mark_text(align="left", baseline="top", dx=4, dy=3, color="#6B7280").encode(
            x=x, y=alt.value(0), text="label:N"
        ),
    ]


def run_rows(table: FaceTable, edits: Edits) -> "pd.DataFrame":
    """The dominant runs of everybody: person, start_s, end_s, seconds, expression, confidence."""
    import pandas as pd

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
        for run in dominant_runs(table.person(track_id))
    ]
    columns = ["person", "start_s", "end_s", "seconds", "expression", "confidence"]
    return pd.DataFrame(rows, columns=columns)


def ribbon(runs: "pd.DataFrame", domain: tuple[float, float]) -> "alt.Chart":
    """Everybody's dominant expression over time; dragging over it selects a stretch (`BRUSH`)."""
    import altair as alt

    shown = runs.nlargest(_MOST_RUNS, "seconds")
    people = list(dict.fromkeys(runs["person"]))
    brush = alt.selection_interval(name=BRUSH, encodings=["x"])
    return (
        alt.Chart(shown, height=max(1, len(people)) * _ROW_PX + 80)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("start_s:Q", title="seconds", scale=alt.Scale(domain=list(domain), nice=False)),
            x2="end_s:Q",
            y=alt.Y("person:N", title=None, sort=people, axis=alt.Axis(labelLimit=120)),
            color=_colour(legend=False),
            tooltip=[
                alt.Tooltip("person:N"),
                alt.Tooltip("expression:N"),
                alt.Tooltip("start_s:Q", format=".2f", title="from (s)"),
                alt.Tooltip("end_s:Q", format=".2f", title="to (s)"),
                alt.Tooltip("confidence:Q", format=".0%"),
            ],
        )
        .add_params(brush)
        .properties(description="Dominant expression of each person over time.")
    )


def _colour(*, legend: bool) -> "alt.Color":
    import altair as alt

    return alt.Color(
        "expression:N",
        scale=alt.Scale(domain=list(EXPRESSIONS), range=[COLOURS[e] for e in EXPRESSIONS]),
        legend=alt.Legend(title=None, orient="top") if legend else None,
    )


def share_chart(shares: Mapping[str, Mapping[str, float]]) -> "alt.Chart":
    """One stacked bar a person (or a video): share of visible time for each expression."""
    import altair as alt

    rows = share_rows(shares)
    return (
        alt.Chart(rows, height=len(shares) * 34 + 120)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%"), stack="zero"),
            y=alt.Y("who:N", title=None, sort=list(shares), axis=alt.Axis(labelLimit=160)),
            color=_colour(legend=True),
            order=alt.Order("place:Q"),
            tooltip=["who:N", "expression:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(description="Share of visible time for each expression.")
    )


def share_rows(shares: Mapping[str, Mapping[str, float]]) -> "pd.DataFrame":
    """The table behind `share_chart`: who, expression, share, place."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {"who": who, "expression": name, "share": share[name], "place": place}
        for who, share in shares.items()
        for place, name in enumerate(EXPRESSIONS)
    ]
    return pd.DataFrame(rows, columns=["who", "expression", "share", "place"])
