"""Who codes in this tab: part of the address, so that a reload goes on where it was."""

from typing import Final

import streamlit as st

from emotion_core.ui.common.page import page_address

_CODER: Final = "coder"
_INVITATION: Final = "coding"


def invitation_here() -> str:
    """The invitation by which this tab came; "" without one."""
    return str(st.query_params.get(_INVITATION, ""))


def invitation_address(invitation: str) -> str:
    """The address that is given to coders; only its end where this page's own is not known."""
    return page_address(**{_INVITATION: invitation})


def coder_here() -> str | None:
    """The coder of this tab, "" before a name was given; None: the tab shows the study itself."""
    without = "" if invitation_here() else None
    name = st.query_params.get(_CODER, without)
    return None if name is None else str(name)


def code_as(name: str) -> None:
    """Code as this coder from the next run of the page on; "" asks for a name."""
    st.query_params[_CODER] = name


def leave_coding() -> None:
    """Show the study again from the next run of the page on; the invited give a name."""
    st.query_params.pop(_CODER, None)
