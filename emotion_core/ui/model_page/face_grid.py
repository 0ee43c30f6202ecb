"""The faces behind a square of the confusion matrix, where the data set is at hand.

The faces stay in the data set that EMOTION_LAB_DATA names: nothing of them is copied or kept.
"""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Final

import cv2
import pandas as pd
import streamlit as st

from emotion_core.datasets.face_lookup import FaceShelf
from emotion_core.errors import DatasetError, SettingsError
from emotion_core.ui.common.resources import app_settings

# More than fill a screen; the list next to them holds all.
_AT_ONCE: Final[int] = 60
_STYLE: Final = """<style>
.lab-faces { display: grid; gap: .5rem; max-height: 27rem; overflow-y: auto;
  grid-template-columns: repeat(auto-fill, minmax(4.6rem, 1fr)); }
.lab-faces figure { margin: 0; text-align: center; }
.lab-faces img { width: 100%; max-width: 6rem; aspect-ratio: 1; border-radius: .35rem; }
.lab-faces figcaption { font-size: .75rem; opacity: .75; line-height: 1.3; }
</style>"""


@st.cache_resource(show_spinner="Opening the data set …", max_entries=2)
def _shelf(source: Path) -> FaceShelf:
    return FaceShelf(source)


@st.cache_data(show_spinner="Fetching faces …", max_entries=60)
def _pictures(source: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Name → the face as a PNG in base64, of those that are there."""
    faces = _shelf(source).faces(names)
    encoded = {name: cv2.imencode(".png", face)[1].tobytes() for name, face in faces.items()}
    return {name: base64.b64encode(data).decode() for name, data in encoded.items()}


def forget_faces() -> None:
    """Keep no face in the memory and no data set open: somebody deletes theirs."""
    _pictures.clear()
    _shelf.clear()


def show_faces(cell: pd.DataFrame, truth: str, answer: str, faces: Path | None = None) -> None:
    """The faces of a square, the surest answers first; words where they cannot be shown.

    Args:
        cell: of `tables.cell_table`.
        truth, answer: the square.
        faces: the data set that holds them; None: the installation's.
    """
    if not len(cell):
        st.info(f"No {truth} face is called {answer}.", icon=":material/check_circle:")
        return
    try:
        source = faces or app_settings().training_data()
    except SettingsError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    if source is None:
        st.caption(
            "The pictures of the data set are not part of this program. Where you have it, start "
            "the program with EMOTION_LAB_DATA=PATH, as `train --data` takes it, to see the faces."
        )
        return
    names = tuple(cell["image"].head(_AT_ONCE))
    try:
        pictures = _pictures(source, names)
    except DatasetError as error:
        st.warning(f"The data set cannot be used: {error}", icon=":material/warning:")
        return
    if not pictures:
        st.info(f"None of these images is in {source}: it holds another data set.")
        return
    verdict = "rightly" if truth == answer else "wrongly"
    st.html(_STYLE + _grid(cell.head(_AT_ONCE), pictures, truth, answer))
    more = f" The first {_AT_ONCE} of {len(cell):,} are shown." if len(cell) > _AT_ONCE else ""
    st.caption(
        f"Faces that people call {truth} and the network, {verdict}, {answer}; the figure is how "
        f"sure it was.{more} Read from {source.name}; nothing is kept."
    )


def _grid(cell: pd.DataFrame, pictures: dict[str, str], truth: str, answer: str) -> str:
    figures = []
    for name, sure in zip(cell["image"], cell["confidence"], strict=True):
        if name in pictures:
            alt = escape(f"{name}: {truth}, called {answer}, {sure:.0%} sure", quote=True)
            figures.append(
                f'<figure title="{alt}"><img alt="{alt}" '
                f'src="data:image/png;base64,{pictures[name]}">'
                f"<figcaption>{sure:.0%}</figcaption></figure>"
            )
    frame = '<div class="lab-faces" tabindex="0" role="group" aria-label="Faces">'
    return f"{frame}{''.join(figures)}</div>"
