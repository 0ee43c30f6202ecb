"""Effect sizes and estimated means of a study, with their intervals."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from emotion_core.charts.groups import group_colour
from emotion_core.labels import COLOURS

_ROW_PX, _AXIS_PX, _MEANS_PX = 34, 60, 320
# Valence and arousal are no expressions, and have no colour of their own.
_GREY: Final = "#8C8C8C"


def forest_chart(effects: pd.DataFrame, title: str) -> alt.LayerChart:
    """Effect size and 95% interval of each signal, a row each.

    A filled mark: the difference differs from zero after the correction for several tests.

    Args:
        effects: columns `signal, effect_size, effect_low, effect_high, effect_name, p, p_holm`.
        title: of the contrast; part of the chart's text alternative.
    """
    rows = effects.dropna(subset=["effect_size"]).copy()
    rows["after correction"] = ["p < .05" if p < 0.05 else "p ≥ .05" for p in rows["p_holm"]]
    order = list(dict.fromkeys(effects["signal"]))
    y = alt.Y("signal:N", title=None, sort=order, scale=alt.Scale(domain=order))
    name = str(rows["effect_name"].iloc[0]) if len(rows) else "effect size"
    x = alt.X(
        "effect_size:Q",
        title=f"{name} (95% interval)",
        scale=alt.Scale(nice=True),
        axis=alt.Axis(tickCount=9),
    )
    tooltip = [
        alt.Tooltip("signal:N"),
        alt.Tooltip("effect_size:Q", format=".2f", title=name),
        alt.Tooltip("effect_low:Q", format=".2f", title="from"),
        alt.Tooltip("effect_high:Q", format=".2f", title="to"),
        alt.Tooltip("p_holm:Q", format=".4f", title="p (Holm)"),
    ]
    colour = alt.Color(
        "signal:N",
        scale=alt.Scale(domain=order, range=[COLOURS.get(s, _GREY) for s in order]),
        legend=None,
    )
    base = alt.Chart(rows, height=_ROW_PX * max(1, len(order)) + _AXIS_PX)
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(
        color=_GREY, strokeDash=[4, 4], aria=False
    )
    lines = base.mark_rule(strokeWidth=2.5).encode(
        y=y, x=alt.X("effect_low:Q"), x2="effect_high:Q", color=colour, tooltip=tooltip
    )
    filled = alt.FillOpacity(
        "after correction:N",
        scale=alt.Scale(domain=["p < .05", "p ≥ .05"], range=[1.0, 0.0]),
        legend=None,
    )
    points = base.mark_point(size=110, strokeWidth=2.5, opacity=1).encode(
        y=y, x=x, color=colour, fill=colour, fillOpacity=filled, tooltip=tooltip
    )
    words = f"Effect size of each expression, {title}, with 95% intervals."
    return alt.layer(zero.encode(x="x:Q"), lines, points).properties(description=words)


def means_chart(means: pd.DataFrame, factors: Sequence[str], signal: str, unit: str) -> alt.Chart:
    """Estimated means with 95% intervals, a mark for each combination of the factors.

    Args:
        means: columns `mean, ci_low, ci_high, participants` and the factors; one row a combination.
        factors: none, one or two: the first is the axis, the second the colour.
        signal: what was measured.
        unit: title of the axis.
    """
    rows = means.assign(all="all")
    axis = factors[0] if factors else "all"
    levels = list(dict.fromkeys(map(str, rows[axis])))
    x = alt.X(f"{_field(axis)}:N", title=None, sort=levels, axis=alt.Axis(labelAngle=0))
    base = alt.Chart(rows, height=_MEANS_PX).encode(x=x)
    tooltip = [alt.Tooltip(f"{_field(f)}:N") for f in factors] + [
        alt.Tooltip("mean:Q", format=".3f"),
        alt.Tooltip("ci_low:Q", format=".3f", title="from"),
        alt.Tooltip("ci_high:Q", format=".3f", title="to"),
        alt.Tooltip("participants:Q"),
    ]
    if len(factors) > 1:
        groups = list(dict.fromkeys(map(str, rows[factors[1]])))
        offset = alt.XOffset(f"{_field(factors[1])}:N", sort=groups, scale=alt.Scale(padding=0.6))
        base = base.encode(xOffset=offset, color=group_colour(groups, _field(factors[1])))
    y = alt.Y("mean:Q", title=unit, scale=alt.Scale(zero=True, nice=True))
    bars = base.mark_rule(strokeWidth=2.5).encode(y="ci_low:Q", y2="ci_high:Q", tooltip=tooltip)
    points = base.mark_point(size=90, filled=True, opacity=1).encode(y=y, tooltip=tooltip)
    words = f"Estimated means of {signal} with 95% intervals."
    return alt.layer(bars, points).properties(description=words)


def _field(name: str) -> str:
    """A column's name as Vega-Lite reads it: dots, brackets and colons would lead elsewhere."""
    return "".join(f"\\{c}" if c in ".[]:\\'\"" else c for c in name)
