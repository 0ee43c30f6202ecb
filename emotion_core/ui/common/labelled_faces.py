"""Faces that a visitor labelled, from photos and videos alike, and the adaptation fitted to them.

Of a face only the network's numbers are kept, in the session's memory, never its picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from emotion_core.datatypes import FloatArray
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.common.adaptation import fit_own, offer_own
from emotion_core.ui.common.resources import network_key

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

_FACES: Final = "labelled_faces"
NO_LABEL: Final = "–"
LABEL_HELP: Final = "Label what you see, including faces that the network reads correctly."


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFace:
    """A labelled face.

    Attributes:
        probs: (7,) what the network says to it, without an adaptation.
        features: (F,) the network's features of it; F may be 0.
        label: index into `EXPRESSIONS`.
        person: who is seen, as far as the page knows: faces of one person are held out together.
        network: `network_key` of the network that was asked.
    """

    probs: FloatArray
    features: FloatArray
    label: int
    person: str
    network: tuple[str, int, int, int, int]


def labelled_faces() -> dict[str, LabelledFace]:
    """The faces labelled in this session, by a key that tells them apart."""
    kept: dict[str, LabelledFace] = st.session_state.setdefault(_FACES, {})
    return kept


def label_face(key: str, crop: FloatArray, label: int, person: str, by: "Classifier") -> None:
    """Keep the label of a face, in place of an earlier one.

    Args:
        key: of the face.
        crop: (48, 48, 1) float32 grey, 0-255.
        label: index into `EXPRESSIONS`.
        person: who is seen.
        by: the network.
    """
    logits, _, features = by.read(crop[None])
    probs = by.probabilities(logits)[0]
    labelled_faces()[key] = LabelledFace(probs, features[0], label, person, network_key(by))


def forget_faces(prefix: str) -> None:
    """Forget the labels of faces whose keys begin so: what they came from is being deleted."""
    faces = labelled_faces()
    for key in [key for key in faces if key.startswith(prefix)]:
        del faces[key]


def label_box(
    words: str, key: str, widget: str, ask: Callable[[str], None], *, compact: bool = False
) -> None:
    """A choice of what a face shows, always as the label that is kept of it.

    Args:
        words: of the choice.
        key: of the face.
        widget: key of the choice; several may show one face.
        ask: called with what is chosen, `NO_LABEL` where the label is taken back, before the page
            runs again.
        compact: only screen readers are told the words.
    """
    face = labelled_faces().get(key)
    kept = NO_LABEL if face is None else EXPRESSIONS[face.label]
    if st.session_state.get(widget) != kept:
        st.session_state[widget] = kept
    st.selectbox(
        words,
        (NO_LABEL, *EXPRESSIONS),
        key=widget,
        label_visibility="collapsed" if compact else "visible",
        on_change=lambda: ask(st.session_state[widget]),
    )


def offer_adaptation(classifier: "Classifier", page: str) -> None:
    """Offer an adaptation fitted to all faces labelled in this session; nothing without one.

    Args:
        classifier: the network; faces that another one read do not count.
        page: name of the page, for the widgets' keys.
    """
    network = network_key(classifier)
    labelled = [face for face in labelled_faces().values() if face.network == network]
    if not labelled:
        return
    with st.container(border=True):
        counts = np.bincount([face.label for face in labelled], minlength=len(EXPRESSIONS))
        words = ", ".join(f"{e} {n}" for e, n in zip(EXPRESSIONS, counts, strict=True) if n)
        st.markdown(f"**Your labels**: {words}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name", "my faces", max_chars=60, key=f"{page}_adapt_name", width=240
            )
            together = st.toggle(
                "All show one person",
                key=f"{page}_adapt_one",
                help=(
                    "Otherwise each picture is assumed to show a different person, and the people "
                    "of a video are those in its list. This decides which faces are held out to "
                    "measure the gain."
                ),
            )
            make = st.button(
                "Create adaptation", icon=":material/model_training:", key=f"{page}_adapt_make"
            )
            if st.button("Clear labels", icon=":material/undo:", key=f"{page}_forget_labels"):
                labelled_faces().clear()
                st.rerun()
        if make:
            fit_own(
                np.array([face.probs for face in labelled]),
                np.array([face.label for face in labelled]),
                None if together else np.array([face.person for face in labelled]),
                name=name,
                bundle=classifier.bundle,
                features=np.array([face.features for face in labelled]),
            )
        offer_own(name, key=f"{page}_adapt_file")
