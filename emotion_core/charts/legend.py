"""Legends in HTML, for charts whose own legend would be cut off on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from emotion_core.labels import COLOURS, EXPRESSIONS

_LEGEND_STYLE: Final = """<style>
.lab-legend { display: flex; flex-wrap: wrap; gap: .15rem .75rem; font-size: .8rem; }
.lab-legend span { display: inline-flex; align-items: center; gap: .3rem; }
.lab-legend i { width: .75rem; height: .75rem; border-radius: .15rem; flex: none; }
</style>"""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: a name, its colour, and `solid`, `dashed` or `dotted` for a line."""

    name: str
    colour: str
    line: str = ""


EXPRESSION_KEYS: Final = tuple(Key(expression, COLOURS[expression]) for expression in EXPRESSIONS)


def legend_html(keys: Sequence[Key]) -> str:
    """A legend in HTML: it breaks into lines on a phone, where one inside a chart is cut off."""
    return _LEGEND_STYLE + "".join(["<div class='lab-legend'>", *map(_key_html, keys), "</div>"])


def _key_html(key: Key) -> str:
    mark = f"background:{key.colour}"
    if key.line:
        mark = f"background:none;height:0;width:1.5rem;border-top:3px {key.line} {key.colour}"
    return f'<span><i style="{mark}"></i>{escape(key.name)}</span>'
