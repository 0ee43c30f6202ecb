"""The probabilities of one person over time.

Long videos are drawn as means of short stretches; the exports hold every row.
"""

from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from emotion_core.charts.encoding import drawn_as_svg, expression_colour, time_axis
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import Marker
from emotion_core.results.face_table import FaceTable, averaged
from emotion_core.results.speaking import speaking_stretches

_MOST_CUTS: Final = 200
# A chart is about this many pixels wide; what is narrower than one of them is not visible.
_WIDE_PX: Final = 1500
_BAND_PX: Final = 7


def timeline_chart(
    table: pd.DataFrame, *, title: str = "", height: int = 300, max_points: int = 2000
) -> alt.Chart:
    """Seven probabilities of one person over time, as lines that can be hovered.

    Args:
        table: columns `time_s` (seconds) and the seven expressions (0-1), sorted by time.
        title: the chart's text alternative begins with it.
        height: pixels, axis included.
        max_points: more rows than this are thinned evenly before they travel to the browser.
    """
    step = max(1, -(-len(table) // max_points))
    thin = table.loc[::step, ["time_s", *EXPRESSIONS]] if step > 1 else table
    return (
        alt.Chart(thin, height=height)
        .transform_fold(list(EXPRESSIONS), as_=["expression", "probability"])
        .mark_line(interpolate="monotone", strokeWidth=2)
        .encode(
            x=alt.X("time_s:Q", title="seconds"),
            y=alt.Y(
                "probability:Q",
                title=None,
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", tickCount=4),
            ),
            color=expression_colour(),
            tooltip=[
                alt.Tooltip("time_s:Q", format=".2f", title="seconds"),
                alt.Tooltip("expression:N"),
                alt.Tooltip("probability:Q", format=".0%"),
            ],
        )
        .properties(description=f"{title or 'Timeline'}: probability of seven expressions in time.")
    )


def person_rows(person: FaceTable) -> pd.DataFrame:
    """Every row of one person: `time_s` (seconds) and the seven probabilities."""
    rows = pd.DataFrame(person.probs, columns=list(EXPRESSIONS))
    rows.insert(0, "time_s", person.time_s)
    return rows.round({"time_s": 3, **dict.fromkeys(EXPRESSIONS, 4)})


def drawn_rows(person: FaceTable) -> pd.DataFrame:
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
    *,
    pointer: bool = True,
) -> alt.LayerChart:
    """Probabilities of one person over time, with a band along the lower edge where they speak.

    Args:
        person: the rows of one person.
        name: what they are called.
        markers: drawn where they overlap the domain.
        domain: first and last second; by default those of the rows.
        pointer: show the readings of a moment under the pointer. Paper has none.
    """
    rows = drawn_rows(person)
    lines = timeline_chart(rows, max_points=10**9)
    span = domain or (float(rows["time_s"].min()), float(rows["time_s"].max()))
    x = time_axis(span)
    # A line has one tooltip for its whole length: the columns below have one for each moment.
    lines.encoding.x, lines.encoding.tooltip = x, alt.Undefined
    layers = [*_cut_layers(person.cuts, span), *_marker_layers(markers, span)]
    layers += [*_speaking_layers(person, span), lines]
    if pointer:
        layers.append(_moment_columns(rows, x))
    words = f"{name}: probability of each expression over time."
    return drawn_as_svg(alt.layer(*layers).properties(description=words))


def _moment_columns(rows: pd.DataFrame, x: alt.X) -> alt.Chart:
    """Invisible columns whose tooltips name every probability of their moment."""
    return (
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


def _cut_layers(cuts: np.ndarray, span: tuple[float, float]) -> list[alt.Chart]:
    """A dashed line at each cut between two shots, where they can be told apart."""
    shown = cuts[(cuts >= span[0]) & (cuts <= span[1])]
    if not 0 < len(shown) <= _MOST_CUTS:
        return []
    return [
        alt.Chart(pd.DataFrame({"time_s": shown.round(3)}))
        .mark_rule(color="#6B7280", strokeDash=[3, 4], aria=False)
        .encode(x=time_axis(span), tooltip=[alt.Tooltip("time_s:Q", format=".2f", title="cut at")])
    ]


def _speaking_layers(person: FaceTable, span: tuple[float, float]) -> list[alt.Chart]:
    """A thin band along the lower edge where a person speaks."""
    stretches = speaking_stretches(person, (span[1] - span[0]) / _WIDE_PX)
    if not stretches:
        return []
    rows = pd.DataFrame(np.clip(stretches, *span).round(3), columns=["time_s", "end_s"])
    return [
        alt.Chart(rows)
        .mark_rect(color="#374151", opacity=0.75, aria=False)
        .encode(
            x=time_axis(span),
            x2="end_s:Q",
            # Of the plot, which is lower than the chart where that holds its axis as well.
            y=alt.value(alt.expr(f"height - {_BAND_PX}")),
            y2=alt.value("height"),
            tooltip=[
                alt.Tooltip("time_s:Q", format=".2f", title="speaks from (s)"),
                alt.Tooltip("end_s:Q", format=".2f", title="to (s)"),
            ],
        )
    ]


def _marker_layers(markers: Sequence[Marker], span: tuple[float, float]) -> list[alt.Chart]:
    low, high = span
    shown = [m for m in markers if m.end_s >= low and m.start_s <= high]
    if not shown:
        return []
    rows = pd.DataFrame(
        [{"start": max(low, m.start_s), "end": min(high, m.end_s), "label": m.label} for m in shown]
    )
    base = alt.Chart(rows)
    x = time_axis(span, "start")
    return [
        base.mark_rect(opacity=0.13, color="#6B7280").encode(x=x, x2="end:Q"),
        base.mark_rule(color="#6B7280").encode(x=x),
        base.mark_text(align="left", baseline="top", dx=4, dy=3, color="#6B7280").encode(
            x=x, y=alt.value(0), text="label:N"
        ),
    ]
