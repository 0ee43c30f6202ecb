"""Colours and lines of the groups of a study, also told apart in black and white."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from emotion_core.charts.legend import Key

# None of the expressions' colours; readable on light and dark grounds.
_COLOURS: Final = ("#0D9488", "#8B5CF6", "#C2410C", "#64748B", "#BE185D", "#65A30D")
_DASHES: Final = ("solid", "dashed", "dotted")
_PATTERNS: Final[dict[str, list[int]]] = {"solid": [1, 0], "dashed": [7, 4], "dotted": [2, 3]}


def group_keys(groups: Sequence[str], *, lines: bool = True) -> list[Key]:
    """One entry of a legend for each group; none where there is only one group.

    Args:
        groups: in their order.
        lines: the chart has lines; False for marks, which have no pattern.
    """
    keys = _keys(groups) if len(groups) > 1 else []
    return keys if lines else [Key(key.name, key.colour) for key in keys]


def _keys(groups: Sequence[str]) -> list[Key]:
    return [
        Key(group, _COLOURS[i % len(_COLOURS)], _DASHES[i % len(_DASHES)])
        for i, group in enumerate(groups)
    ]


def group_colour(groups: Sequence[str], field: str = "group") -> Any:
    """The colour of each group; the legend is HTML, next to the chart."""
    keys = _keys(groups)
    scale = alt.Scale(domain=[k.name for k in keys], range=[k.colour for k in keys])
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def group_dash(groups: Sequence[str], field: str = "group") -> Any:
    """The pattern of each group's line."""
    keys = _keys(groups)
    scale = alt.Scale(domain=[k.name for k in keys], range=[_PATTERNS[k.line] for k in keys])
    return alt.StrokeDash(f"{field}:N", scale=scale, legend=None)
