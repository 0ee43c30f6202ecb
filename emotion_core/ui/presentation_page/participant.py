"""The participant's page: consent, a look at the camera, and the presentation while it records."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from emotion_core.config import OverlaySettings, PipelineSettings
from emotion_core.errors import EmotionCoreError
from emotion_core.live.capture_times import TimedProcessor
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings
from emotion_core.study.folder import Study
from emotion_core.study.presentation.plan import Plan, read_plan
from emotion_core.study.presentation.sessions import checked_code
from emotion_core.ui.common.file_links import LINKS
from emotion_core.ui.common.resources import classifier_or_message
from emotion_core.ui.live_page.stream import (
    camera_help,
    connection_problem,
    current_processor,
    live_stream,
    probe,
    show_problem,
    use_settings,
)
from emotion_core.ui.presentation_page.runs import DELETED, RUNS, Run, utc_now
from emotion_core.ui.presentation_page.stage import show_stage
from emotion_core.ui.presentation_page.stimuli import problems_of
from emotion_core.ui.presentation_page.visit import participant_here, remember_run, run_here
from emotion_core.video.options import described_network

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

_LOOK_EVERY_S: Final = 0.5
_AGREED, _CODE, _DECLINED = "session_agreed", "session_code", "session_declined"
# The session whose stage this tab shows.
_STAGE: Final = "session_stage"
# As on the stage.
_STOPS: Final = {"Stop, keep what was recorded": "stopped", "Stop, delete my recording": "delete"}
# The participant sees a mirror without readings; there is one person before the camera.
_SETTINGS: Final = LiveSettings(
    pipeline=PipelineSettings(one_person=True), overlay=OverlaySettings(show=False)
)
_NOT_READY: Final = "This session is not ready yet: ask who invited you."


def show_participant(folder: Path) -> None:
    """Draw what is next for the participant of this tab."""
    run = RUNS.find(run_here())
    if run is not None and run.study.folder == folder:
        (_over if run.ended else _present)(run)
    elif run_here():
        st.info(
            "This session has ended. What was recorded until then is kept. To take part again, ask "
            "who invited you.",
            icon=":material/event_busy:",
        )
        if st.button("Begin a new session", key="session_new"):
            remember_run("")
            st.rerun()
    else:
        _before(folder)


def _before(folder: Path) -> None:
    """Everything that comes before the recording."""
    try:
        study, plan = Study.open(folder), read_plan(folder)
        problems = problems_of(plan, folder)
    except EmotionCoreError:
        st.error(_NOT_READY, icon=":material/error:")
        return
    if problems or not LINKS.served:
        st.info(_NOT_READY, icon=":material/hourglass_top:")
        return
    if st.session_state.get(_DECLINED):
        _declined()
    elif _AGREED not in st.session_state:
        _consent(plan)
    else:
        _camera(study, plan)


def _declined() -> None:
    st.success(
        "You did not agree, so nothing was recorded and nothing was kept. You can close this page.",
        icon=":material/check:",
    )
    if st.button("Read the text again", key="session_again"):
        st.session_state.pop(_DECLINED, None)
        st.rerun()


def recorded_words(plan: Plan) -> str:
    """What a session records, as participants are told before they agree."""
    picture = (
        "The picture of your webcam **is kept**, together with the readings"
        if plan.keep_video
        else "The picture of your webcam is **not kept**: only the readings are"
    )
    return (
        "While the presentation runs, your webcam is on and a program reads your facial "
        f"expressions. {picture}. No sound is recorded. You can stop at any time, and have your "
        "recording deleted when you stop."
    )


def _consent(plan: Plan) -> None:
    with st.container(border=True, key="session_consent", width=760):
        if plan.title.strip():
            st.subheader(plan.title, anchor=False)
        st.markdown(plan.consent)
        st.divider()
        st.markdown(recorded_words(plan))
        code = participant_here()
        if not code:
            code = st.text_input(
                "Your code, if you were given one",
                max_chars=40,
                key="session_code_asked",
                width=320,
            )
        with st.container(horizontal=True):
            agreed = st.button("I agree", type="primary", key="session_agree")
            if st.button("I do not agree", key="session_decline"):
                st.session_state[_DECLINED] = True
                st.rerun()
    if not agreed:
        return
    try:
        st.session_state[_CODE] = checked_code(code)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state[_AGREED] = utc_now()
    st.rerun()


def _stream(classifier: "Classifier", words: str) -> tuple[bool, DeltaGenerator]:
    """Draw words and the stream, always in the same place: moved, it would begin once more.

    Participants press START themselves: told to start by itself, the component may connect several
    times at once, and these connections end each other.

    Returns:
        Whether it runs or is about to, and the place next to it.
    """
    use_settings(_SETTINGS)
    st.markdown(words)
    stage, side = st.columns([3, 2], gap="medium")
    with stage:
        running = live_stream(classifier, kind=TimedProcessor)
    return running, side


def _camera(study: Study, plan: Plan) -> None:
    """The camera runs, and nothing is recorded yet."""
    classifier = classifier_or_message()
    if classifier is None:
        return
    running, side = _stream(
        classifier,
        "**Your camera.** Press START, allow the browser to use it, and sit so that your whole "
        "face is in the picture, with light from the front. Nothing is recorded yet.",
    )
    with side, st.container():
        _camera_state(running)
    with side:
        _continue(study, plan, classifier)
    camera_help(classifier, probe(), other_ways=False)


def _camera_state(running: bool) -> None:
    @st.fragment(run_every=_LOOK_EVERY_S)
    def look() -> None:
        processor = current_processor()
        if problem := connection_problem(processor, running):
            show_problem(problem)
            return
        reading = processor.reading() if processor else None
        if reading is None or reading.ended or reading.result is None:
            st.info("Waiting for the camera …", icon=":material/videocam:")
        elif len(reading.result) == 0:
            st.warning("The camera works. No face is seen yet.", icon=":material/face:")
        else:
            st.success("The camera works, and your face is seen.", icon=":material/check:")

    look()


def _continue(study: Study, plan: Plan, classifier: "Classifier") -> None:
    st.caption("With “Start recording”, the recording begins. The next page says so all the time.")
    if not st.button(
        "Start recording",
        type="primary",
        icon=":material/fiber_manual_record:",
        key="session_start",
    ):
        return
    processor = current_processor()
    if processor is None or not _camera_sends():
        st.warning(
            "There is no picture from the camera yet. Allow it in your browser first.",
            icon=":material/videocam_off:",
        )
        return
    try:
        run = RUNS.start(
            study,
            plan,
            st.session_state[_CODE],
            st.session_state[_AGREED],
            described_network(classifier.bundle),
        )
    except EmotionCoreError as error:
        st.error(f"{error} Tell who invited you.", icon=":material/error:")
        return
    run.follow(processor)
    remember_run(run.token)
    st.rerun()


def _present(run: Run) -> None:
    """The presentation, over the whole page; the stream below it goes on."""
    classifier = classifier_or_message()
    if classifier is None:
        return
    running, side = _stream(
        classifier,
        ":red[:material/fiber_manual_record: **This session is being recorded.**] If it was "
        "interrupted, press START to switch your camera on again.",
    )
    if _camera_sends():
        run.follow(cast(LiveProcessor, current_processor()))
        # Once it is there it stays, whatever becomes of the camera: it tells that itself.
        st.session_state[_STAGE] = run.token
    with side:
        if st.session_state.get(_STAGE) != run.token:
            _interrupted(run, running)
        elif show_stage(run):
            st.rerun()


def _camera_sends() -> bool:
    processor = current_processor()
    reading = processor.reading() if processor else None
    return reading is not None and not reading.ended and reading.result is not None


def _interrupted(run: Run, running: bool) -> None:
    """After a reload: the stage comes back with the camera; or the participant ends it here."""
    if running:

        @st.fragment(run_every=_LOOK_EVERY_S)
        def look() -> None:
            if _camera_sends():
                st.rerun(scope="app")
            st.info("Waiting for the camera …", icon=":material/videocam:")

        look()
        return
    for words, how in _STOPS.items():
        if st.button(words, key=f"session_{how}"):
            run.end_as(how)
            st.rerun()


def _over(run: Run) -> None:
    """The recording has ended; the camera is switched off."""
    classifier = classifier_or_message()
    if classifier is not None:
        # It has to be drawn to be stopped, but nothing is left to see in it.
        st.html("<style>.st-key-session_camera { display: none; }</style>")
        with st.container(key="session_camera"):
            live_stream(classifier, play=False, kind=TimedProcessor)
    if run.ended == DELETED and run.problem:
        st.error(
            f"Your recording could not be deleted completely: {run.problem} Tell who invited you.",
            icon=":material/error:",
        )
        return
    if run.ended == DELETED:
        st.success("Your recording was deleted. Thank you.", icon=":material/delete:")
        return
    if run.problem:
        st.warning(
            f"The recording has ended, but could not be completed: {run.problem} Tell who invited "
            "you; what was recorded is kept.",
            icon=":material/warning:",
        )
        return
    try:
        thanks = read_plan(run.study.folder).thanks.strip()
    except EmotionCoreError:
        thanks = ""
    st.success(
        "The recording has ended and your camera is off. You can close this page.",
        icon=":material/check:",
    )
    st.markdown(thanks or "Thank you for taking part!")
