"""Axes and colours that several charts share."""

from typing import Any

import altair as alt

from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.results.time_ticks import counts_minutes, time_ticks


def expression_colour() -> alt.Color:
    """The colour of each of the seven expressions; the legend is HTML, next to the chart."""
    scale = alt.Scale(domain=list(EXPRESSIONS), range=[COLOURS[e] for e in EXPRESSIONS])
    return alt.Color("expression:N", scale=scale, legend=None)


def time_axis(span: tuple[float, float], field: str = "time_s") -> alt.X:
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


def drawn_as_svg(chart: Any) -> Any:
    """The chart, drawn as SVG also in a browser: the playhead looks for the frame of the plot."""
    chart.usermeta = {"embedOptions": {"renderer": "svg"}}
    return chart
