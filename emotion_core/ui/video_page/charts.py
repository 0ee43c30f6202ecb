"""Charts of a finished video: timeline of a person, ribbon of all people, transitions.

Altair and pandas are imported when something is drawn. What travels to the browser is thinned; the
exports hold every row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.face_table import MIN_RUN_S, FaceTable, averaged, dominant_runs
from emotion_core.results.speaking import speaking_stretches
from emotion_core.results.time_ticks import counts_minutes, time_ticks
from emotion_core.ui.common.charts import timeline_chart

BRUSH: Final = "brush"
_ROW_PX: Final = 30
_SHARE_PX: Final = 26
# More stretches than this cannot be told apart on a screen; the shortest go first.
_MOST_RUNS: Final = 1500
_MOST_CUTS: Final = 200
_TIMELINE_PX, _BAND_PX = 300, 7


def person_rows(person: FaceTable) -> "pd.DataFrame":
    """Every row of one person: `time_s` (seconds) and the seven probabilities."""
    rows = pd.DataFrame(person.probs, columns=list(EXPRESSIONS))
    rows.insert(0, "time_s", person.time_s)
    return rows.round({"time_s": 3, **dict.fromkeys(EXPRESSIONS, 4)})


def drawn_rows(person: FaceTable) -> "pd.DataFrame":
    """As `person_rows`, but means of stretches where there are many; empty where they were away."""
    times, probs = averaged(person)
    rows = pd.DataFrame(probs, columns=list(EXPRESSIONS))
    rows.insert(0, "time_s", times)
    return rows.round({"time_s": 3, **dict.fromkeys(EXPRESSIONS, 4)})


def timeline(
    person: FaceTable,
    name: str,
    markers: Sequence[Marker] = (),
    domain: tuple[float, float] | None = None,
) -> "alt.LayerChart":
    """Probabilities of one person over time, with the readings of a moment under the pointer, and
    a band along the lower edge where they speak."""
    rows = drawn_rows(person)
    title = f"{name}: probability of each expression"
    lines = timeline_chart(rows, title=title, height=_TIMELINE_PX, max_points=10**9)
    span = domain or (float(rows["time_s"].min()), float(rows["time_s"].max()))
    x = time_axis(span)
    # A line has one tooltip for its whole length: the columns below have one for each moment.
    lines.encoding.x, lines.encoding.tooltip = x, alt.Undefined
    columns = (
        alt.Chart(rows.dropna())
        .mark_rule(opacity=0, aria=False, strokeWidth=max(3, round(1300 / max(1, len(rows)))))
        .encode(
            x=x,
            tooltip=[
                alt.Tooltip("time_s:Q", format=".2f", title="seconds"),
                *(alt.Tooltip(f"{e}:Q", format=".0%") for e in EXPRESSIONS),
            ],
        )
    )
    layers = [*_cut_layers(person.cuts, span), *_marker_layers(markers, domain)]
    layers += _speaking_layers(person, span)
    chart = alt.layer(*layers, lines, columns)
    # A layer does not take over what its parts say of themselves.
    return _as_svg(chart.properties(description=lines.description))


def _cut_layers(cuts: "np.ndarray", span: tuple[float, float]) -> list["alt.Chart"]:
    """A dashed line at each cut between two shots, where they can be told apart."""
    shown = cuts[(cuts >= span[0]) & (cuts <= span[1])]
    if not 0 < len(shown) <= _MOST_CUTS:
        return []
    return [
        alt.Chart(pd.DataFrame({"time_s": shown.round(3)}))
        .mark_rule(color="#6B7280", strokeDash=[3, 4], aria=False)
        .encode(x=time_axis(span), tooltip=[alt.Tooltip("time_s:Q", format=".2f", title="cut at")])
    ]


def _speaking_layers(person: FaceTable, span: tuple[float, float]) -> list["alt.Chart"]:
    """A thin band along the lower edge where a person speaks."""
    # What is narrower than a pixel or so is not seen.
    stretches = speaking_stretches(person, (span[1] - span[0]) / _MOST_RUNS)
    if not stretches:
        return []
    rows = pd.DataFrame(np.clip(stretches, *span).round(3), columns=["time_s", "end_s"])
    return [
        alt.Chart(rows)
        .mark_rect(color="#374151", opacity=0.75, aria=False)
        .encode(
            x=time_axis(span),
            x2="end_s:Q",
            y=alt.value(_TIMELINE_PX - _BAND_PX),
            y2=alt.value(_TIMELINE_PX),
            tooltip=[
                alt.Tooltip("time_s:Q", format=".2f", title="speaks from (s)"),
                alt.Tooltip("end_s:Q", format=".2f", title="to (s)"),
            ],
        )
    ]


def time_axis(span: tuple[float, float], field: str = "time_s") -> "alt.X":
    """A time axis over a span of seconds, in seconds or in minutes and seconds."""
    scale = alt.Scale(domain=list(span), nice=False)
    minutes = counts_minutes(span)
    words = "floor(datum.value / 60) + ':' + format(datum.value % 60, '02')"
    axis = alt.Axis(
        values=time_ticks(span),
        labelExpr=words if minutes else "datum.value",
        labelOverlap=True,
    )
    title = "minutes : seconds" if minutes else "seconds"
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)


def _as_svg(chart: Any) -> Any:
    """The playhead looks for the plot's frame, which a canvas does not show."""
    chart.usermeta = {"embedOptions": {"renderer": "svg"}}
    return chart


def _marker_layers(
    markers: Sequence[Marker], domain: tuple[float, float] | None
) -> list["alt.Chart"]:
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


def run_rows(table: FaceTable, edits: Edits, min_s: float = MIN_RUN_S) -> "pd.DataFrame":
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
    runs: "pd.DataFrame", people: Sequence[str], domain: tuple[float, float], *, brush: bool = False
) -> "alt.Chart":
    """Dominant expressions over time, a row a person.

    Args:
        runs: as `run_rows` gives them.
        people: their names in the order of the rows.
        domain: first and last second.
        brush: dragging selects a stretch (`BRUSH`).
    """
    shown = runs[runs["person"].isin(people)].nlargest(_MOST_RUNS, "seconds")
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
            color=_colour(),
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
    return _as_svg(chart)


def _colour() -> "alt.Color":
    return alt.Color(
        "expression:N",
        scale=alt.Scale(domain=list(EXPRESSIONS), range=[COLOURS[e] for e in EXPRESSIONS]),
        # The legend is above, in HTML: `show_legend`.
        legend=None,
    )


def share_chart(shares: Mapping[str, Mapping[str, float]]) -> "alt.Chart":
    """Share of visible time for each expression.

    Args:
        shares: person (or video) → expression → share, 0 to 1.

    Returns:
        A bar for each expression where there is one person, else one stacked bar a person.
    """
    rows = share_rows(shares)
    alone = len(shares) == 1
    row, order = ("expression:N", list(EXPRESSIONS)) if alone else ("who:N", list(shares))
    return (
        alt.Chart(rows, height=(7 if alone else len(shares)) * _SHARE_PX + 40)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), stack="zero"),
            y=alt.Y(row, title=None, sort=order, axis=alt.Axis(labelLimit=160)),
            color=_colour(),
            order=alt.Order("place:Q"),
            tooltip=["who:N", "expression:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(description="Share of visible time for each expression.")
    )


def share_rows(shares: Mapping[str, Mapping[str, float]]) -> "pd.DataFrame":
    """The table behind `share_chart`: who, expression, share, place."""
    rows: list[dict[str, Any]] = [
        {"who": who, "expression": name, "share": share[name], "place": place}
        for who, share in shares.items()
        for place, name in enumerate(EXPRESSIONS)
    ]
    return pd.DataFrame(rows, columns=["who", "expression", "share", "place"])
