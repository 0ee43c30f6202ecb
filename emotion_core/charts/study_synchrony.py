"""Two people's signals, how strongly they move together, and pairs against shuffled partners."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from emotion_core.charts.encoding import drawn_as_svg, time_axis
from emotion_core.charts.groups import group_colour, group_dash

_SIGNALS_PX, _WINDOWS_PX, _ROW_PX, _AXIS_PX = 260, 220, 26, 60
_GREY: Final = "#8C8C8C"
_INK: Final = "#0D9488"
_MOST_POINTS: Final = 2000
_CORRELATION: Final = alt.Scale(domain=[-1, 1])
# Charts of one width, one below the other, begin at the same place.
_ROOM: Final = alt.Axis(tickCount=5, minExtent=40)


def pair_chart(rows: pd.DataFrame, names: Sequence[str], signal: str) -> Any:
    """The signal of two people over time.

    Args:
        rows: columns `time_s`, `group` (one of the names), `value`.
        names: of the two, the first person first.
        signal: what is shown.
    """
    step = max(1, -(-len(rows) // (2 * _MOST_POINTS)))
    thin = pd.concat([part.iloc[::step] for _, part in rows.groupby("group", sort=False)])
    span = (float(rows["time_s"].min()), float(rows["time_s"].max()))
    chart = (
        alt.Chart(thin, height=_SIGNALS_PX)
        .mark_line(strokeWidth=2)
        .encode(
            x=time_axis(span),
            y=alt.Y("value:Q", title=signal, axis=_ROOM),
            color=group_colour(names),
            strokeDash=group_dash(names),
            tooltip=[
                alt.Tooltip("group:N"),
                alt.Tooltip("time_s:Q", format=".1f", title="seconds"),
                alt.Tooltip("value:Q", format=".2f"),
            ],
        )
        .properties(description=f"{signal} of {' and '.join(names)} over time.")
    )
    return drawn_as_svg(chart)


def windows_chart(rows: pd.DataFrame, surrogate_r: float, span: tuple[float, float]) -> Any:
    """The peak correlation of each window, with the mean of the surrogates as a dashed line.

    Args:
        rows: columns `time_s` (middle of the window), `r`, `lag_s`.
        surrogate_r: mean of the surrogates; NaN without any.
        span: seconds at the ends of the axis.
    """
    base = alt.Chart(rows, height=_WINDOWS_PX)
    y = alt.Y("r:Q", title="peak correlation", scale=_CORRELATION, axis=_ROOM)
    line = base.mark_line(point=alt.OverlayMarkDef(color=_INK), color=_INK, strokeWidth=2).encode(
        x=time_axis(span),
        y=y,
        tooltip=[
            alt.Tooltip("time_s:Q", format=".1f", title="seconds"),
            alt.Tooltip("r:Q", format=".2f"),
            alt.Tooltip("lag_s:Q", format=".1f", title="lag (s)"),
        ],
    )
    level = alt.Chart(pd.DataFrame({"r": [surrogate_r]}).dropna()).mark_rule(
        color=_GREY, strokeDash=[6, 4], strokeWidth=2, aria=False
    )
    layered = alt.layer(level.encode(y=y), line)
    words = "Peak correlation of each window over time; dashed: mean of the surrogates."
    return drawn_as_svg(layered.properties(description=words))


def partners_chart(rows: pd.DataFrame) -> Any:
    """The synchrony of each pair, filled, next to that with shuffled partners, hollow.

    Args:
        rows: columns `pair`, `r` and `shuffled`; correlations.
    """
    order = list(rows["pair"])
    base = alt.Chart(rows, height=_ROW_PX * max(2, len(rows)) + _AXIS_PX)
    y = alt.Y("pair:N", title=None, sort=order)
    x = alt.X("r:Q", title="mean peak correlation")
    tooltip = [
        alt.Tooltip("pair:N"),
        alt.Tooltip("r:Q", format=".2f"),
        alt.Tooltip("shuffled:Q", format=".2f", title="with shuffled partners"),
    ]
    lines = base.mark_rule(color=_GREY).encode(y=y, x="shuffled:Q", x2="r:Q", tooltip=tooltip)
    chance = base.mark_point(size=70, color=_GREY, strokeWidth=2).encode(
        y=y, x=alt.X("shuffled:Q", title="mean peak correlation"), tooltip=tooltip
    )
    real = base.mark_point(size=80, filled=True, opacity=1, color=_INK).encode(
        y=y, x=x, tooltip=tooltip
    )
    words = "Mean peak correlation of each pair, and with shuffled partners."
    return alt.layer(lines, chance, real).properties(description=words)
