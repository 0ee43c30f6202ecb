"""Pictures with words for those who cannot see them: `st.image` gives a picture none."""

import base64
from html import escape

import streamlit as st


def show_picture(jpeg: bytes, words: str, *, width_px: int | None = None) -> None:
    """Draw a picture that is not much larger than it is shown.

    Args:
        jpeg: the picture's bytes.
        words: what is to be seen; read aloud in place of the picture.
        width_px: how wide it is drawn; as wide as its place where it is left out.
    """
    width = f"{width_px}px" if width_px else "100%"
    data = base64.b64encode(jpeg).decode()
    st.html(
        f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{data}" '
        f'style="width:{width};max-width:100%;border-radius:.5rem;display:block">',
        width=width_px or "stretch",
    )
