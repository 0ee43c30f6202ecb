"""How many frames of a video are analysed: the choices of every page."""

from typing import Final

import streamlit as st

# Words → options of the commands `analyze` and `study analyze`. The first is the default.
FRAMES: Final[dict[str, tuple[str, ...]]] = {
    "Every frame": (),
    "Every 2nd frame": ("--every", "2"),
    "Every 5th frame": ("--every", "5"),
    "10 per second": ("--rate", "10"),
    "4 per second": ("--rate", "4"),
    "1 per second": ("--rate", "1"),
}


def choose_frames(key: str, *, shared: str = "") -> tuple[str, ...]:
    """Draw the choice; returns the options of the command.

    Args:
        key: of the widget.
        shared: widgets with the same name here have the same choice in one visit; "" for none.
    """
    state = st.session_state
    if shared:
        state[key] = state.get(shared, next(iter(FRAMES)))
    chosen = st.selectbox(
        "Frames to analyse",
        list(FRAMES),
        key=key,
        help="Fewer frames take less time, but expressions can come and go within half a second.",
        on_change=(lambda: state.update({shared: state[key]})) if shared else None,
        width=220 if shared else "stretch",
    )
    return FRAMES[chosen]
