"""Who codes in this tab: part of the address, so that a reload goes on where it was."""

from typing import Final

import streamlit as st

_PARAMETER: Final = "coder"


def coder_here() -> str | None:
    """The coder who codes in this tab, "" before a name was given; None: none codes here."""
    name = st.query_params.get(_PARAMETER)
    return None if name is None else str(name)


def code_as(name: str) -> None:
    """Code as this coder from the next run of the page on; "" asks for a name."""
    st.query_params[_PARAMETER] = name


def leave_coding() -> None:
    """Show the study again from the next run of the page on."""
    st.query_params.pop(_PARAMETER, None)
