"""Who takes part in this tab: parts of the address, so that a reload goes on where it was."""

from typing import Final

import streamlit as st

from emotion_core.ui.common.page import page_address

_LINK: Final = "session"
_RUN: Final = "run"
_PARTICIPANT: Final = "participant"


def session_here() -> str:
    """The link by which a participant came; "" on every other page."""
    return str(st.query_params.get(_LINK, ""))


def session_address(link: str) -> str:
    """The address that is given to participants; only its end where this page's own is not known.

    With `&participant=CODE` at its end, the participant need not give a code.
    """
    return page_address(**{_LINK: link})


def participant_here() -> str:
    """The participant's code, where the address has one."""
    return str(st.query_params.get(_PARTICIPANT, ""))


def run_here() -> str:
    """The session that this tab began; "" before it."""
    return str(st.query_params.get(_RUN, ""))


def remember_run(token: str) -> None:
    """Find the session again after a reload; "" forgets it."""
    if token:
        st.query_params[_RUN] = token
    else:
        st.query_params.pop(_RUN, None)
