"""A player's clock, which ties the player and charts over time: each follows the other.

The player is the video in the container with the key `PLAYER`; there is one on a page.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

PLAYER: Final = "player"
_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "player_seek.js"
_HTML: Final = """<div class="bar"><span class="clock">0:00.00</span>
<button type="button" data-name="mark">Mark this moment</button></div>"""
_CSS: Final = """.bar { display: flex; gap: .8rem; align-items: center; font-size: .9rem; }
.clock { font-variant-numeric: tabular-nums; min-width: 4.5rem; }
button { font: inherit; color: inherit; background: none; border: 1px solid #8886;
  border-radius: .5rem; padding: .2rem .7rem; cursor: pointer; }
button:hover { border-color: currentColor; }"""


def followed_chart(key: str, span: tuple[float, float]) -> dict[str, Any]:
    """A chart that shows the player's position, and moves the player where it is clicked.

    Args:
        key: of the chart, or of the container around it where it has no selection.
        span: the seconds at the ends of its time axis.
    """
    return {"key": key, "from": span[0], "to": span[1]}


def component_key(key: str) -> str:
    """A key that Streamlit accepts for a component, different for different keys.

    Streamlit refuses two underscores in a row, which names of files and tokens may have.
    """
    return key.replace("-", "--").replace("_", "-u")


def show_playhead(
    key: str,
    charts: Sequence[dict[str, Any]],
    *,
    origin_s: float = 0.0,
    seek: tuple[float, int] = (0.0, 0),
    can_mark: bool = False,
    autoplay: bool = False,
) -> float | None:
    """Draw the clock; it belongs below the player and the charts.

    Args:
        key: tells one player from the next.
        charts: of `followed_chart`.
        origin_s: what the charts' time axis shows when the video begins.
        seek: where to move the player, in seconds of the video, and a number that differs from one
            move to the next; 0 moves nothing.
        can_mark: show a button that marks the moment shown.
        autoplay: begin at once, without sound: browsers let no page begin with it.

    Returns:
        Seconds of the video where the button was pressed just now, else None.
    """
    bar = st.components.v2.component(
        "emotion_lab_player_seek", html=_HTML, css=_CSS, js=_SCRIPT.read_text("utf-8")
    )
    data = {
        "clip": key,
        "at": seek[0],
        "nonce": seek[1],
        "origin": origin_s,
        "charts": list(charts),
        "canMark": can_mark,
        "autoplay": autoplay,
    }
    found = bar(key=component_key(f"{key}_bar"), data=data, on_mark_change=lambda: None)
    return None if found.mark is None else float(found.mark)
