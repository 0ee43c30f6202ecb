"""An HTML document shown in the page, which can neither act on the page nor load anything."""

from typing import Final

import streamlit as st

from emotion_core.ui.common.playhead import component_key

# A study may come from elsewhere with its report: nothing of it is fetched, and no script runs.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_HEAD: Final = f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
_HTML: Final = '<iframe sandbox="" title=""></iframe>'
_CSS: Final = """iframe { box-sizing: border-box; width: 100%; height: min(80vh, 60rem);
  border: 1px solid #8886; border-radius: .5rem; background: #fff; color-scheme: light;
  display: block; }"""
_SCRIPT: Final = """export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector('iframe')
  frame.title = data.title
  if (frame.srcdoc !== data.html) frame.srcdoc = data.html
}"""


def show_document(html: str, *, title: str, key: str) -> None:
    """Draw a document in a frame of its own, which scrolls.

    Args:
        html: the document, whole; what it would load from elsewhere is missing from it.
        title: what the document is, for screen readers.
        key: unique on the page.
    """
    frame = st.components.v2.component("emotion_lab_document", html=_HTML, css=_CSS, js=_SCRIPT)
    frame(key=component_key(key), data={"html": _HEAD + html, "title": title})
