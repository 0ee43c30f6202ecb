"""A stream that is gone while its page is still open: with its server, or by a reload.

The server that takes such a visitor over knows nothing of the stream: the page's address does.
"""

from typing import Final

import streamlit as st

_PARAMETER: Final = "stream"
_BEGUN_HERE: Final = "live_stream_begun_here"


def tell_of_lost_stream(running: bool) -> None:
    """Say that a stream has ended without the visitor's doing; call it at every run of the page.

    Args:
        running: whether this visitor's stream runs now.
    """
    if running:
        st.session_state[_BEGUN_HERE] = True
        if _PARAMETER not in st.query_params:
            st.query_params[_PARAMETER] = "on"
    elif st.session_state.get(_BEGUN_HERE):
        st.query_params.pop(_PARAMETER, None)
    elif _PARAMETER in st.query_params:
        st.warning(
            "**The stream has ended.** The connection to the server was lost, or this page was "
            "loaded again. Press START to go on. What was recorded until then is kept.",
            icon=":material/link_off:",
        )
