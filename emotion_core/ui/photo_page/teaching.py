"""Label the faces of photos, and make an adaptation of them."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from emotion_core.datatypes import FloatArray
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.common.adaptation import fit_own, offer_own
from emotion_core.ui.photo_page.view import Reading

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

_LABELS: Final = "photo_labels"
# A part of the keys of the choices: with the next number they begin without a label.
_ROUND: Final = "photo_labels_round"
_COLUMNS: Final = 4
_CHOICES: Final = ("–", *EXPRESSIONS)


@dataclass(frozen=True, slots=True, eq=False)
class _Labelled:
    """A labelled face: what the network alone says to it (7,), the label, and its picture."""

    probs: FloatArray
    label: int
    picture: str


def _labels() -> dict[str, _Labelled]:
    kept: dict[str, _Labelled] = st.session_state.setdefault(_LABELS, {})
    return kept


def label_faces(reading: Reading, number: int, classifier: "Classifier") -> None:
    """A choice for each face of a picture: what it shows in the visitor's eyes."""
    if reading.result is None or reading.crops is None or not len(reading.result):
        return
    labels, round_ = _labels(), st.session_state.get(_ROUND, 0)
    with st.expander("Label these faces", icon=":material/label:"):
        st.caption("Label what you see, including faces that the network reads correctly.")
        columns = st.columns(_COLUMNS)
        for place, track in enumerate(reading.result.track_ids.tolist()):
            crop = reading.crops[place]
            key = hashlib.sha256(crop.tobytes()).hexdigest()[:16]
            before = labels.get(key)
            answer = columns[place % _COLUMNS].selectbox(
                f"Face #{track} shows",
                _CHOICES,
                index=0 if before is None else 1 + before.label,
                key=f"photo_label_{round_}_{number}_{track}_{key}",
            )
            if answer == _CHOICES[0]:
                labels.pop(key, None)
            elif before is None or before.label != EXPRESSIONS.index(answer):
                probs = classifier.probabilities(classifier.logits(crop[None]))[0]
                labels[key] = _Labelled(probs, EXPRESSIONS.index(answer), reading.name)


def offer_adaptation(classifier: "Classifier") -> None:
    """Offer an adaptation fitted to all faces labelled in this session."""
    labelled = list(_labels().values())
    if not labelled:
        return
    with st.container(border=True):
        counts = np.bincount([face.label for face in labelled], minlength=len(EXPRESSIONS))
        words = ", ".join(f"{e} {n}" for e, n in zip(EXPRESSIONS, counts, strict=True) if n)
        st.markdown(f"**Your labels**: {words}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name", "my faces", max_chars=60, key="photo_adapt_name", width=240
            )
            together = st.toggle(
                "All show one person",
                key="photo_adapt_one",
                help=(
                    "Otherwise each picture is assumed to show a different person. This "
                    "decides which faces are held out to measure the gain."
                ),
            )
            make = st.button("Create adaptation", icon=":material/model_training:")
            if st.button("Clear labels", icon=":material/undo:", key="photo_forget_labels"):
                _labels().clear()
                st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
                st.rerun()
        if make:
            fit_own(
                np.array([face.probs for face in labelled]),
                np.array([face.label for face in labelled]),
                None if together else np.array([face.picture for face in labelled]),
                name=name,
                bundle=classifier.bundle,
            )
        offer_own(name, key="photo_adapt_file")
