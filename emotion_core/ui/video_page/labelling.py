"""Label the faces of key moments, read again from the video that was analysed."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import streamlit as st

from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.face_table import Moment
from emotion_core.ui.common.labelled_faces import (
    LABEL_HELP,
    NO_LABEL,
    label_box,
    label_face,
    labelled_faces,
    offer_adaptation,
)
from emotion_core.ui.common.network_choice import network_named
from emotion_core.ui.common.resources import classifier_or_message, shared_classifier
from emotion_core.ui.video_page.jobs import job_store
from emotion_core.ui.video_page.result_view import ResultView
from emotion_core.video.face_again import face_again

_GONE: Final = (
    "The uploaded video is no longer on this computer, so its faces cannot be read again. To label "
    "them, upload it again."
)


def show_labelling(view: ResultView) -> bool:
    """Draw what is above the moments: the switch, a new label taken in, and the adaptation.

    Returns:
        Whether each moment has a choice of what it shows.
    """
    if (view.summary.get("source") or {}).get("kind") == "live":
        # A recording keeps the camera's pictures only as drawn.
        return False
    labelling = False
    if _video(view) is None:
        st.caption(f":material/label_off: {_GONE}")
    elif view.edits.hides and all(view.edits.hides_face_of(i) for i in view.table.people):
        st.caption(":material/label_off: Hidden faces cannot be labelled.")
    else:
        labelling = _switch(view)
    _take_in(view)
    if labelled_faces():
        classifier = classifier_or_message(network_named(view.model_name))
        if classifier is not None:
            offer_adaptation(classifier, "video")
            st.caption("An adaptation is applied to new analyses; these results stay as they are.")
    return labelling


def _switch(view: ResultView) -> bool:
    on = st.toggle("Label these faces", key=f"{view.key}_label")
    if on:
        hidden = " Hidden faces cannot be labelled." if view.edits.hides else ""
        st.caption(
            f"{LABEL_HELP} A face is read again from the uploaded video; only the network's "
            f"numbers are kept of it, until you close the page.{hidden}"
        )
    return on


def label_moment(view: ResultView, moment: Moment) -> None:
    """The choice of what a moment's face shows; none where the face is hidden."""
    if view.edits.hides_face_of(moment.track_id):
        return
    key, asked = _key(view, moment), _asked(view)

    def ask(answer: str) -> None:
        # What takes time is done in the page's run, where it can be told.
        st.session_state[asked] = (moment, answer)

    face, person = labelled_faces().get(key), _person(view, moment)
    if face is not None and face.person != person:
        # Named or merged since.
        labelled_faces()[key] = replace(face, person=person)
    who = f"{view.edits.name_of(moment.track_id)} at {moment.time_s:.1f} s shows"
    label_box(
        who, key, f"{view.key}_shows_{moment.track_id}_{moment.expression}", ask, compact=True
    )


def _take_in(view: ResultView) -> None:
    """Keep the label that was just given."""
    moment, answer = st.session_state.pop(_asked(view), (None, NO_LABEL))
    if moment is None:
        return
    try:
        if answer == NO_LABEL:
            labelled_faces().pop(_key(view, moment), None)
            return
        with st.spinner("Reading the face again …"):
            _label(view, moment, EXPRESSIONS.index(answer))
    except EmotionCoreError as error:
        st.error(f"The face could not be labelled. {error}", icon=":material/error:")


def _label(view: ResultView, moment: Moment, label: int) -> None:
    video = _video(view)
    if video is None:
        raise InputError(_GONE)
    if view.edits.hides_face_of(moment.track_id):
        raise InputError("It is hidden.")
    row = _row(view, moment)
    box, angle = view.table.boxes_xywh[row], float(view.table.angle[row])
    crop = face_again(video, moment.frame, moment.time_s, box, angle)
    network = shared_classifier(network_named(view.model_name))
    label_face(_key(view, moment), crop, label, _person(view, moment), network)


def _row(view: ResultView, moment: Moment) -> int:
    """The row of the moment's face in the table."""
    table = view.table
    first, last = (np.searchsorted(table.time_s, moment.time_s, s) for s in ("left", "right"))
    rows = first + np.flatnonzero(table.track_id[first:last] == moment.track_id)
    if not len(rows):
        raise InputError("This person was changed meanwhile.")
    return int(rows[0])


def _key(view: ResultView, moment: Moment) -> str:
    """Of the face itself: several expressions may be strongest in it, and people be merged."""
    x, y = view.table.boxes_xywh[_row(view, moment), :2]
    return f"{view.key}_{moment.frame}_{x:.0f}_{y:.0f}"


def _asked(view: ResultView) -> str:
    return f"{view.key}_label_asked"


def _person(view: ResultView, moment: Moment) -> str:
    """A name means the same person in other videos of that name."""
    name = view.edits.names.get(moment.track_id)
    return f"named {name}" if name else f"{view.key} {moment.track_id}"


def _video(view: ResultView) -> Path | None:
    return job_store().video_of(view.job_id, view.folder)
