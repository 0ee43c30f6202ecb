"""Means over participants around an event, and the share of participants who express."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from emotion_core.charts.encoding import drawn_as_svg, time_axis
from emotion_core.charts.groups import group_colour, group_dash

_CURVE_PX, _SHARE_PX = 330, 240
_GREY: Final = "#8C8C8C"


def curve_chart(
    rows: pd.DataFrame,
    *,
    title: str,
    unit: str,
    clusters: Sequence[tuple[float, float]] = (),
    share: bool = False,
) -> Any:
    """Curves over the time from the start of an event, one a group.

    Args:
        rows: columns `time_s` (seconds from the event's start), `group`, `mean`; `low` and `high`
            where there is an interval.
        title: the chart's text alternative begins with it.
        unit: title of the axis.
        clusters: (start, end) seconds in which the groups differ, drawn as a band.
        share: the values are shares, 0 to 1.
    """
    groups = list(dict.fromkeys(rows["group"]))
    span = (float(rows["time_s"].min()), float(rows["time_s"].max()))
    x = _from_start(span)
    axis = (
        alt.Axis(format="%", tickCount=4, minExtent=40)
        if share
        else alt.Axis(tickCount=6, minExtent=40)
    )
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=False, nice=True)
    y = alt.Y("mean:Q", title=unit, axis=axis, scale=scale)
    layers = _bands(clusters, span) + _onset(span)
    base = alt.Chart(rows, height=_SHARE_PX if share else _CURVE_PX)
    if "low" in rows:
        layers.append(
            base.mark_area(opacity=0.18, aria=False).encode(
                x=x, y=alt.Y("low:Q", title=unit), y2="high:Q", color=group_colour(groups)
            )
        )
    tooltip = [
        alt.Tooltip("time_s:Q", format=".1f", title="seconds"),
        alt.Tooltip("group:N"),
        alt.Tooltip("mean:Q", format=".0%" if share else ".3f"),
    ]
    layers.append(
        base.mark_line(strokeWidth=2.5).encode(
            x=x, y=y, color=group_colour(groups), strokeDash=group_dash(groups), tooltip=tooltip
        )
    )
    words = f"{title}, over the time from the start of the event, a line for each group."
    return drawn_as_svg(alt.layer(*layers).properties(description=words))


def _from_start(span: tuple[float, float]) -> Any:
    """The axis, the same in every layer: Vega-Lite joins titles that differ."""
    x = time_axis(span)
    x.title = "seconds from the start of the event"
    return x


def _bands(clusters: Sequence[tuple[float, float]], span: tuple[float, float]) -> list[Any]:
    """Where the groups differ."""
    if not clusters:
        return []
    rows = pd.DataFrame(clusters, columns=["time_s", "end_s"])
    return [
        alt.Chart(rows)
        .mark_rect(color=_GREY, opacity=0.25)
        .encode(
            x=_from_start(span),
            x2="end_s:Q",
            tooltip=[
                alt.Tooltip("time_s:Q", format=".1f", title="differ from (s)"),
                alt.Tooltip("end_s:Q", format=".1f", title="to (s)"),
            ],
        )
    ]


def _onset(span: tuple[float, float]) -> list[Any]:
    """The start of the event, where the curve begins before it."""
    if not span[0] < 0 < span[1]:
        return []
    rule = alt.Chart(pd.DataFrame({"time_s": [0.0]})).mark_rule(color=_GREY, strokeDash=[4, 4])
    return [rule.encode(x=_from_start(span))]
