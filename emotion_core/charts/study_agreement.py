"""Agreement of coders: coefficients with intervals, confusions, and Bland–Altman charts."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from emotion_core.charts.matrix import matrix_chart
from emotion_core.labels import COLOURS

_GREY: Final = "#8C8C8C"
_HEIGHT: Final = 300
_ROW_PX, _AXIS_PX = 34, 60


def coefficient_chart(figures: pd.DataFrame, title: str) -> alt.LayerChart:
    """A coefficient of each category with its 95% interval, a row each.

    Args:
        figures: columns `category, value, low, high`; limits may be missing.
        title: name of the coefficient.
    """
    rows = figures.dropna(subset=["value"])
    order = list(dict.fromkeys(figures["category"]))
    y = alt.Y("category:N", title=None, sort=order, scale=alt.Scale(domain=order))
    lowest = min(0.0, float(rows[["value", "low"]].min().min())) if len(rows) else 0.0
    scale = alt.Scale(domain=[lowest, 1.0], nice=False)
    tooltip = [
        alt.Tooltip("category:N"),
        alt.Tooltip("value:Q", format=".3f", title=title),
        alt.Tooltip("low:Q", format=".3f", title="from"),
        alt.Tooltip("high:Q", format=".3f", title="to"),
    ]
    colours = alt.Scale(domain=order, range=[COLOURS.get(c, _GREY) for c in order])
    colour = alt.Color("category:N", scale=colours, legend=None)
    base = alt.Chart(rows, height=_ROW_PX * max(1, len(order)) + _AXIS_PX)
    lines = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2.5, aria=False)
        .encode(y=y, x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour, tooltip=tooltip)
    )
    x = alt.X("value:Q", title=f"{title} (95% interval)", scale=scale)
    points = base.mark_point(size=110, filled=True, opacity=1).encode(
        y=y, x=x, color=colour, tooltip=tooltip
    )
    words = f"{title} of each category with 95% intervals."
    return alt.layer(lines, points).properties(description=words)


def confusion_chart(
    confusion: pd.DataFrame, labels: Sequence[str], pair: tuple[str, str], *, dark: bool = False
) -> alt.LayerChart:
    """What the second coder said where the first said each code; rows add up to 100%.

    Args:
        confusion: columns `first, second, first_code, second_code, seconds, of_first` (0 to 1), of
            any pairs.
        labels: in the order of the rows and columns; those that the pair did not use are left out.
        pair: names of the first and of the second coder.
        dark: the page has a dark ground.
    """
    rows = confusion[(confusion["first"] == pair[0]) & (confusion["second"] == pair[1])]
    used = {*rows["first_code"], *rows["second_code"]}
    return matrix_chart(
        rows.assign(count=rows["seconds"].round(1)),
        row=("first_code", pair[0]),
        column=("second_code", pair[1]),
        shade="of_first",
        text="of_first",
        dark=dark,
        order=[label for label in labels if label in used],
    )


def bland_altman_chart(
    points: pd.DataFrame, limits: pd.DataFrame, category: str, names: tuple[str, str]
) -> alt.LayerChart:
    """Differences of two coders' shares of time over their means, one mark a participant.

    Args:
        points: columns `participant, mean, difference, first, second`, of one category.
        limits: columns `value, low, high` with a row for the bias and for each limit of agreement;
            those that are missing are not drawn.
        category: its name.
        names: of the first and of the second coder.
    """
    percent = alt.Axis(format="+.0%", tickCount=7)
    y = alt.Y("difference:Q", title=f"{names[0]} minus {names[1]}", axis=percent)
    x = alt.X(
        "mean:Q",
        title=f"mean share of time with {category}",
        axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(zero=False, nice=True),
    )
    tooltip = [
        alt.Tooltip("participant:N"),
        alt.Tooltip("first:Q", format=".1%", title=names[0]),
        alt.Tooltip("second:Q", format=".1%", title=names[1]),
        alt.Tooltip("difference:Q", format="+.1%"),
    ]
    marks = (
        alt.Chart(points)
        .mark_point(size=80, filled=True, opacity=0.85, color=COLOURS.get(category, _GREY))
        .encode(x=x, y=y, tooltip=tooltip)
    )
    words = f"Bland–Altman chart of the share of time with {category}, {names[0]} and {names[1]}."
    return alt.layer(*_limit_lines(limits), marks).properties(height=_HEIGHT, description=words)


def _limit_lines(limits: pd.DataFrame) -> tuple[alt.Chart, alt.Chart]:
    """The bias and the limits of agreement across the chart, and their intervals at its edge."""
    shown = limits.dropna(subset=["value"]).assign(
        kind=lambda t: ["bias" if m == "bias" else "limit" for m in t["measure"]]
    )
    bands = shown.dropna(subset=["low"])
    # At the right edge, away from the marks.
    band = (
        alt.Chart(bands)
        .mark_rule(strokeWidth=5, opacity=0.45, color=_GREY, aria=False)
        .encode(x=alt.value("width"), y="low:Q", y2="high:Q")
    )
    dash = alt.StrokeDash(
        "kind:N",
        scale=alt.Scale(domain=["bias", "limit"], range=[[1, 0], [6, 4]]),
        legend=None,
    )
    lines = (
        alt.Chart(shown)
        .mark_rule(color=_GREY, strokeWidth=1.5, aria=False)
        .encode(
            y="value:Q",
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("label:N", title="line"),
                alt.Tooltip("value:Q", format="+.1%"),
                alt.Tooltip("low:Q", format="+.1%", title="from"),
                alt.Tooltip("high:Q", format="+.1%", title="to"),
            ],
        )
    )
    return band, lines
