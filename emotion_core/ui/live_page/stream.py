"""The live video itself: the stream, why there is none, and what to do instead."""

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import streamlit as st
from aiortc import RTCRtpReceiver
from aiortc.contrib.media import MediaBlackhole
from aiortc.jitterbuffer import JitterBuffer
from streamlit_webrtc import WebRtcMode, webrtc_streamer
from streamlit_webrtc.relay import get_global_relay

from emotion_core.config import OverlaySettings, PipelineSettings
from emotion_core.datatypes import Frame
from emotion_core.errors import EmotionCoreError
from emotion_core.live.aiortc_patches import hand_over_finished_frames, keep_newest_only
from emotion_core.live.build import build_processor
from emotion_core.live.camera_errors import CameraProblem, CheckStep, camera_problem, check_steps
from emotion_core.live.capacity import SEATS, busy_words, default_max_streams
from emotion_core.live.capture_times import TimedProcessor, keep_sender_reports
from emotion_core.live.ice import rtc_configuration
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings
from emotion_core.media.photo import read_photo
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.ui.common.charts import show_people
from emotion_core.ui.common.page import link_to
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.live_page.camera_probe import Probed, probe_camera
from emotion_core.ui.live_page.controls import ANALYSIS_ONLY, camera_constraints
from emotion_core.vision.face_hiding import FaceHider
from emotion_core.vision.overlay import draw_overlay

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

# Signalling and ICE take about a second on one machine; far networks need some more.
CONNECT_S: Final = 10.0
# The video component loads in less than this time, and draws itself in so much more.
FIRST_LOOK_S: Final = 1.2
DRAWN_S: Final = 0.25
_PROCESSOR, _WAITING = "live_processor", "live_waiting_since"
_SETTINGS, _SHOWN = "live_settings", "live_shown"
_SENDS_BACK, _OVER, _TOLD = "live_sends_back", "live_over", "live_told_to_stop"
# Processors of streams that were begun when all seats were taken.
_REFUSED: Final[WeakSet[LiveProcessor]] = WeakSet()


def live_stream(
    classifier: "Classifier",
    *,
    play: bool | None = None,
    kind: type[LiveProcessor] = LiveProcessor,
) -> bool:
    """Draw the stream; True while it runs or is about to. `use_settings` follows in every run.

    Args:
        classifier: the network that reads.
        play: start or stop the stream without a press of START; None leaves that to the visitor.
        kind: of the processor.
    """
    settings = st.session_state.get(_SETTINGS, LiveSettings())
    broken = st.session_state[_TOLD] = _broken_off()
    wanted = False if broken else play
    context = _streamer(classifier, settings, wanted, kind) if _has_room() else None
    if context is None:
        return False
    if context.video_processor is not None:
        st.session_state[_PROCESSOR] = context.video_processor
        if isinstance(context.video_processor, TimedProcessor):
            for receiver in context._get_worker().pc.getReceivers():
                if getattr(receiver.track, "kind", "") == "video":
                    context.video_processor.capture_times.watch(receiver)
        # streamlit-webrtc ends a connection when the browser says so or ICE gives up; no other way
        # leads to it.
        context.video_processor.end_when_silent(context._get_worker().stop)
    running = bool(context.state.playing or context.state.signalling)
    if not running:
        st.session_state.pop(_WAITING, None)
        st.session_state[_OVER] = current_processor()
        if broken:
            # START is locked until the component is not told to stop any more.
            st.rerun()
    elif not st.session_state[_SENDS_BACK]:
        st.info(
            "Analysis only: no picture is sent back. The readings are here.",
            icon=":material/visibility_off:",
        )
    return running


def use_settings(settings: LiveSettings) -> None:
    """Hand the visitor's choices to the stream that runs, and to the next one."""
    st.session_state[_SETTINGS] = settings
    processor = current_processor()
    if processor is not None:
        processor.update_settings(settings)


def let_it_show() -> None:
    """Wait, when a visitor has just come, until the browser has drawn what it was sent so far.

    A browser builds all that it is sent at once: with every control of the page, START takes twice
    as long to appear as by itself. The video component answers as soon as it is drawn, which runs
    this page a second time: from then on only its own drawing has to be waited for.
    """
    now_s = time.monotonic()
    if _SHOWN not in st.session_state:
        st.session_state[_SHOWN] = now_s
        time.sleep(FIRST_LOOK_S)
    elif now_s - st.session_state[_SHOWN] < FIRST_LOOK_S:
        time.sleep(DRAWN_S)


def _network() -> dict[str, Any]:
    settings = app_settings()
    return rtc_configuration(settings.ice_servers, settings.ice_relay_only)


def _sends_back() -> bool:
    """Whether the picture goes back to the browser; a stream that runs goes on as it began."""
    processor = current_processor()
    if processor is None or processor.reading().ended:
        st.session_state[_SENDS_BACK] = not st.session_state.get(ANALYSIS_ONLY, False)
    return bool(st.session_state.setdefault(_SENDS_BACK, True))


def let_browser_stop() -> None:
    """Rerun the page where a stream has ended by itself and the browser does not know yet."""
    if _broken_off() and not st.session_state[_TOLD]:
        st.rerun(scope="app")


def _broken_off() -> bool:
    """Whether the stream ended by itself while the browser still takes it for running."""
    processor = current_processor()
    if processor is None or processor is st.session_state.get(_OVER):
        return False
    reading = processor.reading()
    return reading.ended and (reading.silent or processor in _REFUSED)


def _streamer(
    classifier: "Classifier",
    settings: LiveSettings,
    play: bool | None,
    kind: type[LiveProcessor],
) -> Any:
    try:
        configuration = _network()
    except EmotionCoreError as error:
        st.error(f"The installation's settings cannot be used: {error}", icon=":material/error:")
        return None
    sends_back = _sends_back()
    return webrtc_streamer(
        key="live",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration=configuration,
        media_stream_constraints=camera_constraints(),
        video_processor_factory=partial(_processor, classifier, settings, sends_back, kind),
        desired_playing_state=play,
        sendback_video=sends_back,
        # Somebody must ask for the frames where they are not sent on.
        out_recorder_factory=None if sends_back else MediaBlackhole,
        # The processor has a thread of its own; a second one would add a frame of delay.
        async_processing=False,
        video_html_attrs={
            "autoPlay": True,
            "controls": False,
            "muted": True,
            "playsInline": True,
            "style": {"width": "100%", "borderRadius": "8px"},
        },
        media_toggle_controls=False,
    )


def _processor(
    classifier: "Classifier",
    settings: LiveSettings,
    sends_back: bool,
    kind: type[LiveProcessor] = LiveProcessor,
) -> LiveProcessor:
    """Runs on the thread that answers the browser's offer, before any track is connected."""
    keep_newest_only(get_global_relay())
    hand_over_finished_frames(JitterBuffer)
    keep_sender_reports(RTCRtpReceiver)
    # Not when START is drawn: others who press it at the same time have seen a free seat too.
    seat = SEATS.take(_most_streams())
    processor = build_processor(classifier, settings, sends_back, seat, kind)
    if seat is None:
        _REFUSED.add(processor)
        processor.on_ended()
    return processor


def _most_streams() -> int:
    return app_settings().max_streams or default_max_streams()


def _has_room() -> bool:
    """False, after a polite word, where no further stream fits and this visitor has none."""
    mine = current_processor()
    if mine is not None and not mine.reading().ended:
        return True
    words = busy_words(_most_streams())
    if words:
        st.warning(words, icon=":material/hourglass_top:")
        st.button("Try again", icon=":material/refresh:", key="live_retry")
    return not words


def current_processor() -> LiveProcessor | None:
    """The stream that runs, or the last one of this visitor; None before the first."""
    processor: LiveProcessor | None = st.session_state.get(_PROCESSOR)
    return processor


def connection_problem(processor: LiveProcessor | None, running: bool) -> CameraProblem | None:
    """Why a stream that was started shows nothing; None while it may still come."""
    reading = processor.reading() if processor else None
    if reading and reading.silent and (_broken_off() or not (running and reading.ended)):
        return camera_problem("NoFrames")
    if not running:
        return None
    now_s = time.monotonic()
    if reading and reading.frames_in and not reading.ended:
        st.session_state[_WAITING] = now_s
        return None
    if now_s - st.session_state.setdefault(_WAITING, now_s) < CONNECT_S:
        return None
    return camera_problem(_media_step() or "NoConnection")


def show_problem(problem: CameraProblem) -> None:
    """Say what happened and what to do."""
    st.error(
        f"**{problem.what}** {problem.advice}  \n`{problem.name}`", icon=":material/videocam_off:"
    )


def probe() -> Probed:
    """Ask the browser about its camera; invisible, so call it where an empty line does no harm."""
    try:
        network = _network()
    except EmotionCoreError:
        network = {}  # reported in the place of the video
    return probe_camera(st.session_state.setdefault("live_checks", 0), network)


def camera_help(classifier: "Classifier", probed: Probed, *, other_ways: bool = True) -> None:
    """Say what keeps the camera away, and offer a way without a stream.

    Args:
        classifier: reads the snapshot.
        probed: what `probe` found.
        other_ways: offer a snapshot and a photo, too.
    """
    if probed.problem:
        show_problem(probed.problem)
    with st.expander(
        "No picture? Check the camera" + (" or take a snapshot" if other_ways else ""),
        icon=":material/help:",
        expanded=probed.problem is not None or probed.steps is not None,
    ):
        st.button(
            "Check the camera",
            icon=":material/troubleshoot:",
            key="live_check",
            on_click=_check_again,
            help="Turns the camera on briefly and checks each step of the connection.",
        )
        if probed.steps is not None:
            _show_steps(check_steps(probed.steps, probed.details, _media_step()))
        if not other_ways:
            return
        if st.toggle("Take a snapshot instead", key="live_snapshot"):
            _snapshot(classifier)
        st.markdown("Or analyse a picture that you have:")
        link_to("pages/3_Photo.py", "Read a photo")


def _check_again() -> None:
    st.session_state["live_checks"] += 1


def _show_steps(steps: list[CheckStep]) -> None:
    marks = {
        True: ":green[:material/check_circle:]",
        False: ":red[:material/cancel:]",
        None: ":gray[:material/pending:]",
    }
    st.markdown(
        "  \n".join(f"{marks[step.went_well]} **{step.title}.** {step.words}" for step in steps)
    )


def _media_step() -> str | None:
    """How the video's last step fares: "" well, an error's name, None where no stream runs."""
    processor = current_processor()
    if processor is None or (reading := processor.reading()).ended:
        return None
    if reading.display_fps > 0:
        return ""
    return "NoFrames" if reading.frames_in else "NoConnection"


def _snapshot(classifier: "Classifier") -> None:
    picture = st.camera_input("Snapshot", label_visibility="collapsed", key="live_snapshot_input")
    if picture is None:
        return
    settings = st.session_state.get(_SETTINGS, LiveSettings())
    try:
        image = read_photo(picture.getvalue())
        pipeline = Pipeline(
            classifier, PipelineSettings.for_photo(), adaptation=settings.adaptation
        )
        result = pipeline.process(Frame(image))
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    if settings.hide_faces:
        image = FaceHider().hide(image, result.boxes)
    st.image(draw_overlay(image, result, OverlaySettings()), channels="BGR", width="stretch")
    show_people(result)
