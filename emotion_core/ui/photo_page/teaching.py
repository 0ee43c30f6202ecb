"""Label the faces of photos; an adaptation can be made from them and from those of videos."""

import hashlib
from typing import TYPE_CHECKING, Final

import streamlit as st

from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.common.labelled_faces import (
    LABEL_HELP,
    NO_LABEL,
    label_box,
    label_face,
    labelled_faces,
)
from emotion_core.ui.common.resources import network_key
from emotion_core.ui.photo_page.view import Reading

if TYPE_CHECKING:
    from emotion_core.datatypes import FloatArray
    from emotion_core.model.classify import Classifier

_COLUMNS: Final = 4


def label_faces(reading: Reading, number: int, classifier: "Classifier") -> None:
    """A choice for each face of a picture: what it shows in the visitor's eyes."""
    if reading.result is None or reading.crops is None or not len(reading.result):
        return
    with st.expander("Label these faces", icon=":material/label:"):
        st.caption(LABEL_HELP)
        columns = st.columns(_COLUMNS)
        for place, track in enumerate(reading.result.track_ids.tolist()):
            with columns[place % _COLUMNS]:
                _label_box(reading, number, place, track, classifier)


def _label_box(
    reading: Reading, number: int, place: int, track: int, classifier: "Classifier"
) -> None:
    assert reading.crops is not None
    crop: FloatArray = reading.crops[place]
    key = "photo_" + hashlib.sha256(crop.tobytes()).hexdigest()[:16]
    person = f"photo {reading.name}"

    def ask(answer: str) -> None:
        if answer == NO_LABEL:
            labelled_faces().pop(key, None)
        else:
            label_face(key, crop, EXPRESSIONS.index(answer), person, classifier)

    face = labelled_faces().get(key)
    if face is not None and face.network != network_key(classifier):
        # The network was replaced meanwhile: it is asked again.
        label_face(key, crop, face.label, face.person, classifier)
    label_box(f"Face #{track} shows", key, f"photo_label_{number}_{track}_{key}", ask)
