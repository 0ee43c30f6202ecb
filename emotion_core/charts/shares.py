"""How the visible time of people divides into expressions."""

from collections.abc import Mapping
from typing import Any, Final

import altair as alt
import pandas as pd

from emotion_core.charts.encoding import expression_colour
from emotion_core.labels import EXPRESSIONS

_ROW_PX: Final = 26


def share_chart(shares: Mapping[str, Mapping[str, float]]) -> alt.Chart:
    """Share of visible time for each expression.

    Args:
        shares: person (or video) → expression → share, 0 to 1.

    Returns:
        A bar for each expression where there is one person, else one stacked bar a person.
    """
    rows = share_rows(shares)
    alone = len(shares) == 1
    # The parts of a stacked bar sum to 1 but for rounding, which must not lengthen the axis.
    scale = alt.Undefined if alone else alt.Scale(domain=[0, 1], clamp=True)
    row, order = ("expression:N", list(EXPRESSIONS)) if alone else ("who:N", list(shares))
    return (
        alt.Chart(rows, height=(7 if alone else len(shares)) * _ROW_PX + 40)
        .mark_bar()
        .encode(
            x=alt.X(
                "share:Q",
                title=None,
                axis=alt.Axis(format="%", tickCount=5),
                scale=scale,
                stack="zero",
            ),
            y=alt.Y(row, title=None, sort=order, axis=alt.Axis(labelLimit=160)),
            color=expression_colour(),
            order=alt.Order("place:Q"),
            tooltip=["who:N", "expression:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(description="Share of visible time for each expression.")
    )


def share_rows(shares: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The table behind `share_chart`: who, expression, share, place."""
    rows: list[dict[str, Any]] = [
        {"who": who, "expression": name, "share": share[name], "place": place}
        for who, share in shares.items()
        for place, name in enumerate(EXPRESSIONS)
    ]
    return pd.DataFrame(rows, columns=["who", "expression", "share", "place"])
