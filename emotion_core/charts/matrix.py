"""A square table, such as a confusion matrix, as shaded squares."""

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from emotion_core.labels import EXPRESSIONS

_COLOUR: Final = "#0F9488"


def matrix_chart(
    table: pd.DataFrame,
    *,
    row: tuple[str, str],
    column: tuple[str, str],
    shade: str,
    text: str,
    dark: bool = False,
    colour: str = _COLOUR,
    click: str = "",
    order: Sequence[str] = EXPRESSIONS,
) -> alt.LayerChart:
    """A square table as shaded squares.

    Args:
        table: one row a square.
        row, column: (column of the table, title of the axis).
        shade: column of shares 0-1: the fuller the colour, the larger.
        text: column that is written into the squares; a share is written in percent.
        dark: the page has a dark ground.
        colour: of the squares, "#RRGGBB".
        click: name of the selection that a click on a square makes; "" for none.
        order: of the rows and columns.
    """
    sort, ink = list(order), "#F4F6F8" if dark else "#17202A"
    across = alt.Axis(labelAngle=-45, labelOverlap=False, domain=False, ticks=False)
    base = alt.Chart(table).encode(
        x=alt.X(f"{column[0]}:N", sort=sort, title=column[1], axis=across),
        y=alt.Y(f"{row[0]}:N", sort=sort, title=row[1], axis=alt.Axis(domain=False, ticks=False)),
        tooltip=[
            f"{row[0]}:N",
            f"{column[0]}:N",
            "count:Q",
            alt.Tooltip(f"{shade}:Q", format=".1%"),
        ],
    )
    shown = alt.Scale(domain=[0, 1], range=[0.05, 0.95])
    pointer = {"cursor": "pointer"} if click else {}
    squares = base.mark_rect(
        color=colour, cornerRadius=4, stroke="#8884", strokeWidth=1, **pointer
    ).encode(opacity=alt.Opacity(f"{shade}:Q", scale=shown, legend=None))
    if click:
        squares = squares.add_params(
            alt.selection_point(name=click, fields=[row[0], column[0]], on="click", empty=False)
        )
    written = alt.Text(f"{text}:Q", format="," if text == "count" else ".0%")
    words = base.mark_text(fontSize=12, color=ink, **pointer).encode(text=written)
    return alt.layer(squares, words).properties(
        height=400,
        description=f"Shaded table of {len(sort)} by {len(sort)}: {row[1]} in the rows, "
        f"{column[1]} in the columns.",
    )
