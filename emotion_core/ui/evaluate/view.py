"""Evaluate my data, on the model page: labelled faces in, the same report as for the shipped
scores out, kept apart from them."""

from typing import Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError, InputError, SettingsError
from emotion_core.jobs.log import CANCELLED, DONE, JobState, problem_of
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.ui.common.adaptation import choose_adaptation
from emotion_core.ui.common.network_choice import network_label
from emotion_core.ui.common.page import end_page
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.text import duration_words, escape
from emotion_core.ui.common.visitor_jobs import fetched, retention_words, show_lost
from emotion_core.ui.evaluate.jobs import (
    EVALUATIONS,
    came_by_address,
    data_sets_in,
    delete_evaluation,
    evaluate_store,
    keep_upload,
    network_of,
    refer_to,
    start_evaluation,
)
from emotion_core.ui.evaluate.training import show_training

_SHIPPED, _OWN = "Measured scores", "Evaluate my data"
_EVERY_S: Final = 1.0
_LAYOUTS: Final = """- `happy/anna.png`: a folder for each expression, named as here: \
angry, disgust, fear, happy, neutral, sad, surprise
- `test/happy/anna.png`: the same below `train`, `validation` and `test`
- `FER2013Test/label.csv`: the FER+ layout, the pictures beside `label.csv`
- `fer2013.csv`: columns emotion, pixels, Usage; `fer2013new.csv` beside it adds the FER+ votes
"""


def show_evaluate_my_data(models: list[str]) -> bool:
    """Draw the choice between the shipped scores and own data, and all of the latter.

    Args:
        models: names of the models that can be evaluated.

    Returns:
        Whether own data are shown: the page draws nothing else then.
    """
    if came_by_address():
        st.session_state.setdefault("model_mode", _OWN)
    mode = st.segmented_control(
        "What to look at",
        [_SHIPPED, _OWN],
        default=None if "model_mode" in st.session_state else _SHIPPED,
        required=True,
        key="model_mode",
        label_visibility="collapsed",
    )
    if mode != _OWN:
        return False
    states = EVALUATIONS.mine()
    state = next((s for s in states if s.job_id == EVALUATIONS.shown()), None)
    if state is None:
        _form(models)
        _earlier(states)
    elif state.running:
        _progress(state.job_id)
    elif state.status == DONE and state.files[0].folder:
        from emotion_core.ui.evaluate.result import show_result

        show_lost(fetched(evaluate_store(), state.job_id))
        show_result(state)
    else:
        _failed(state)
    end_page(
        "Uploaded faces are read on the computer that serves this page and are sent nowhere else. "
        f"Upload and scores are deleted after {retention_words()}, or at once with the Delete "
        "button, and are never mixed with the scores that come with the program."
    )
    return True


def _form(models: list[str]) -> None:
    if not models:
        st.info(
            "No model here is complete enough to be measured: its folder needs model.json and "
            "the file of its network.",
            icon=":material/folder_off:",
        )
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        upload, listed = _inputs()
    with right:
        model = st.selectbox(
            "Model to measure", models, format_func=network_label, key="evaluate_model"
        )
        robustness = st.toggle(
            "Also on damaged faces",
            value=True,
            key="evaluate_robustness",
            help="Blurred, dark, small, turned … Takes most of the time.",
        )
        adaptation = _adaptation(model)
        st.markdown("**How the data must lie**")
        st.markdown(_LAYOUTS)
    with left:
        pressed = st.button(
            "Evaluate",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not (upload or listed),
            key="evaluate_start",
        )
        st.caption(
            "Every picture is taken as one face, cut out closely, and becomes 48×48 grey pixels. "
            "The test split is measured; data without one are measured whole. Pictures that the "
            "network has learnt from would flatter it."
        )
        show_training("my-faces/", model, divided=False)
    if pressed:
        _start(upload, listed, model, adaptation, robustness=robustness)


def _adaptation(model: str) -> Adaptation | None:
    try:
        return choose_adaptation(load_bundle(model, app_settings().models_dir), "evaluate")
    except EmotionCoreError:
        # A model that cannot be loaded cannot be measured either, and the start says why.
        return None


def _inputs() -> tuple[Any, str | None]:
    """An upload, or the name of a data set of the allowed folder."""
    limit = int(st.get_option("server.maxUploadSize"))
    upload = st.file_uploader(
        f"Labelled faces – a zip, up to {limit} MB",
        type=["zip"],
        key=f"evaluate_upload_{st.session_state.setdefault('evaluate_round', 0)}",
    )
    try:
        folder = app_settings().data_folder()
        names = data_sets_in(folder) if folder is not None else None
    except SettingsError as error:
        st.warning(f"{error} Until then, upload a zip.", icon=":material/warning:")
        return upload, None
    except OSError as error:
        words = f"EMOTION_LAB_DATA_DIR cannot be read ({error.strerror}). Until then, upload a zip."
        st.warning(words, icon=":material/warning:")
        return upload, None
    if names is None:
        return upload, None
    listed = st.selectbox(
        "Or from the allowed folder, without uploading",
        names,
        index=None,
        key="evaluate_listed",
        placeholder=f"{len(names)} data sets there" if names else "nothing there",
        disabled=not names,
    )
    return upload, listed


def _start(
    upload: Any,
    listed: str | None,
    model: str,
    adaptation: Adaptation | None,
    *,
    robustness: bool,
) -> None:
    settings = app_settings()
    try:
        with st.spinner("Preparing …"):
            bundle = load_bundle(model, settings.models_dir)
            if upload is not None:
                data = keep_upload(upload.name, upload)
            elif listed and settings.data_dir is not None:
                data = refer_to(listed, settings.data_dir)
            else:
                raise InputError("Choose a zip or a data set first.")
            job_id = start_evaluation(data, bundle, robustness=robustness, adaptation=adaptation)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    # A new uploader: the server's memory need not hold the zip any longer.
    st.session_state["evaluate_round"] += 1
    EVALUATIONS.show(job_id)
    st.rerun()


def _earlier(states: list[JobState]) -> None:
    if not states:
        return
    st.markdown("##### Your evaluations")
    for state in states:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(
                "Open", key=f"evaluate_open_{state.job_id}", icon=":material/folder_open:"
            ):
                EVALUATIONS.show(state.job_id)
                st.rerun()
            name = escape(state.files[0].name)
            st.markdown(f"{name}, with {network_of(state)} – {state.status}", width="content")


def _progress(job_id: str) -> None:
    """Look again every second; the page is run again at the end."""

    @st.fragment(run_every=_EVERY_S)
    def look() -> None:
        state = evaluate_store().state(job_id)
        if state is None or not state.running:
            st.rerun()
        file = state.files[0]
        words = [f"{state.fraction:.0%}", state.message or file.message or "starting …"]
        if file.left_s is not None:
            words.append(f"about {duration_words(file.left_s)} left")
        st.markdown(f"Evaluating **{escape(file.name)}** with {network_of(state)}")
        st.progress(state.fraction, text=" · ".join(words))
        if st.button("Cancel", icon=":material/stop:", key="evaluate_cancel"):
            evaluate_store().cancel(job_id)
            st.rerun()
        st.caption(
            "You can leave this page. The analysis continues, and this address brings you back "
            "to it."
        )

    look()


def _failed(state: JobState) -> None:
    name = escape(state.files[0].name)
    if state.status == CANCELLED:
        st.warning(f"The evaluation of {name} was cancelled.", icon=":material/stop_circle:")
    else:
        st.error(
            f"{name} could not be evaluated. {escape(problem_of(state))}", icon=":material/error:"
        )
    with st.container(horizontal=True):
        if st.button("Start again", icon=":material/refresh:", key="evaluate_again"):
            evaluate_store().restart(state.job_id)
            st.rerun()
        if st.button("Choose other data", icon=":material/arrow_back:", key="evaluate_other"):
            EVALUATIONS.show(None)
            st.rerun()
        if st.button("Delete", icon=":material/delete:", key="evaluate_delete"):
            delete_evaluation(state.job_id)
            st.rerun()
