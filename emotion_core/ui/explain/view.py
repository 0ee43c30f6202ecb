"""Why a face was read as it was: a button, the progress, and the explanation, on any page.

    explain_button(crop, key="photo_1_2", label="Explain face #2")   # where there is room for it
    show_explanation("photo_1_2", "Face #2")                         # below, over the whole width

or both at one place with `show_explain`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.jobs.log import CANCELLED, DONE, JobState, problem_of
from emotion_core.model.bundle import DEFAULT
from emotion_core.ui.common.resources import shared_classifier
from emotion_core.ui.common.text import escape
from emotion_core.ui.common.visitor_jobs import delete_job, fetched, show_lost
from emotion_core.ui.explain.jobs import explain_store, start_explanation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emotion_core.model.adaptation import Adaptation

_EVERY_S: Final = 1.0
_MADE: Final = "explanations_made"
HELP: Final = (
    "Where in the face the evidence lies, what covering a part changes, and which training faces "
    "look alike. Takes about ten seconds."
)


def show_explain(crop: "NDArray[Any]", *, key: str, who: str = "This face") -> None:
    """The button, and what came of it, at one place.

    Args:
        crop: (48, 48) or (48, 48, 1) grey, 0-255, as the network saw it.
        key: unique on the page, the same from run to run.
        who: what the face is called in headings.
    """
    explain_button(crop, key=key, label="Explain")
    show_explanation(key, who)


def explain_button(
    crop: "NDArray[Any] | Callable[[], NDArray[Any]]",
    *,
    key: str,
    label: str,
    small: bool = False,
    adaptation: "Adaptation | Callable[[], Adaptation | None] | None" = None,
    network: str = DEFAULT,
) -> None:
    """A button that begins an explanation; gone while there is one under this key.

    Args:
        crop: as in `show_explain`, or a function that gives it, called when the button is pressed.
        key: as in `show_explain`.
        label: words on the button.
        small: without a frame.
        adaptation: with which the face was read, or a function that gives it, called as `crop` is.
        network: name of the model folder that read the face.
    """
    if job_of(key):
        return
    pressed = st.button(
        label,
        key=f"explain_start_{key}",
        icon=":material/lightbulb:",
        type="tertiary" if small else "secondary",
        help=HELP,
    )
    if not pressed:
        return
    try:
        face = crop() if callable(crop) else crop
        applied = adaptation() if callable(adaptation) else adaptation
        job_id = start_explanation(face, shared_classifier(network).bundle, applied)
        st.session_state[_name(key)] = job_id
        st.session_state.setdefault(_MADE, []).append((key, job_id))
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def show_explanation(key: str, who: str) -> None:
    """The progress or the result of the explanation under a key; nothing where there is none."""
    who = escape(who)
    job_id = job_of(key)
    state = explain_store().state(job_id) if job_id else None
    if state is None:
        return
    with st.container(border=True, key=f"explain_box_{key}"):
        if state.running:
            _wait(state.job_id, key, who)
        elif state.status == DONE and state.files[0].folder:
            from emotion_core.ui.explain.result import show_result

            show_lost(fetched(explain_store(), state.job_id))
            show_result(state.files[0].folder, key, who)
            _end_buttons(state.job_id, key)
        else:
            _failed(state, key, who)


def delete_explanations(prefix: str) -> None:
    """Delete what this visitor had explained under keys that begin so, closed ones too: the video
    that the faces came from is being deleted."""
    made: list[tuple[str, str]] = st.session_state.get(_MADE, [])
    for key, job_id in made:
        if key.startswith(prefix):
            delete_job(explain_store(), job_id, "explanation")
    st.session_state[_MADE] = [entry for entry in made if not entry[0].startswith(prefix)]


def job_of(key: str) -> str | None:
    """The id of the explanation that is open under a key."""
    job_id: str | None = st.session_state.get(_name(key))
    if job_id and explain_store().state(job_id) is None:
        # Deleted in another tab, or older than the retention.
        del st.session_state[_name(key)]
        return None
    return job_id


def _name(key: str) -> str:
    return f"explain_job_{key}"


def _wait(job_id: str, key: str, who: str) -> None:
    """Look again every second; the page is run again at the end."""

    @st.fragment(run_every=_EVERY_S)
    def look() -> None:
        state = explain_store().state(job_id)
        if state is None or not state.running:
            st.rerun()
        words = state.message or state.files[0].message or "Starting …"
        st.progress(state.fraction, text=f"Explaining {_inside(who)}. {words}")
        if st.button("Cancel", icon=":material/stop:", key=f"explain_cancel_{key}"):
            _forget(job_id, key)

    look()


def _inside(who: str) -> str:
    """A name as it is written within a sentence."""
    return who[:1].lower() + who[1:] if who.startswith(("Face", "This")) else who


def _failed(state: JobState, key: str, who: str) -> None:
    words = "it was stopped." if state.status == CANCELLED else problem_of(state)
    st.error(f"{who} could not be explained: {words}", icon=":material/error:")
    with st.container(horizontal=True):
        if st.button("Try again", icon=":material/refresh:", key=f"explain_again_{key}"):
            explain_store().restart(state.job_id)
            st.rerun()
        if st.button("Close", icon=":material/close:", key=f"explain_close_{key}"):
            _forget(state.job_id, key)


def _end_buttons(job_id: str, key: str) -> None:
    with st.container(horizontal=True):
        if st.button("Close", icon=":material/close:", key=f"explain_close_{key}"):
            del st.session_state[_name(key)]
            st.rerun()
        if st.button(
            "Delete",
            icon=":material/delete:",
            key=f"explain_delete_{key}",
            help="Removes the face and its explanation from this computer.",
        ):
            _forget(job_id, key)


def _forget(job_id: str, key: str) -> None:
    explain_store().delete(job_id)
    st.session_state.pop(_name(key), None)
    st.rerun()
