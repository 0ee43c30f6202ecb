"""What a visitor can change while the stream runs: three controls in view, the rest folded."""

from typing import Any, Final

import streamlit as st

from emotion_core.config import DetectionSettings, OverlaySettings, PipelineSettings
from emotion_core.live.settings import LiveSettings
from emotion_core.model.bundle import ModelBundle
from emotion_core.pipeline.smoothing import SPEAKING_STRENGTH
from emotion_core.ui.common.adaptation import choose_adaptation

_ONE_PERSON, _LARGEST = "One participant", "Largest face of each frame"
_FACES = ("Everybody", _ONE_PERSON, _LARGEST)
_BOXES, _WORDS, _BARS = "Boxes", "Expression", "Bars"
RESOLUTIONS: Final[dict[str, tuple[int, int]]] = {
    "320 × 240": (320, 240),
    "640 × 480": (640, 480),
    "1280 × 720": (1280, 720),
}
FRAME_RATES: Final = [10, 15, 30, 60]
# Media Capture and Streams, VideoFacingModeEnum; "" leaves the choice to the browser.
FACING: Final[dict[str, str]] = {"Any": "", "Front": "user", "Back": "environment"}
_RECORDING: Final = "A recording uses one adaptation. Finish it to choose another."
# Key of the choice to send no picture back.
ANALYSIS_ONLY: Final = "live_analysis_only"


def live_controls(bundle: ModelBundle, recording: bool = False) -> LiveSettings:
    """Draw the controls; a change takes effect with the next frame, the stream goes on.

    Args:
        bundle: the network that reads.
        recording: a recording runs, which is made with one adaptation from its start to its end.
    """
    # Not columns: those would cut off the words next to the picture.
    with st.container(horizontal=True, gap="medium"):
        strength = st.slider(
            "Smoothing",
            0.0,
            1.0,
            0.5,
            0.05,
            key="live_smoothing",
            help="0 shows every reading unsmoothed; 1 smooths most.",
            width=180,
        )
        drawn = st.pills(
            "Show on the picture",
            [_BOXES, _WORDS, _BARS],
            selection_mode="multi",
            default=[_BOXES, _WORDS],
            key="live_overlay",
            help="Choose none to see the plain camera picture.",
            width="content",
        )
        mirrored = st.toggle(
            "Mirror",
            value=True,
            key="live_mirror",
            help="Mirrors the picture. Readings do not change.",
            width="content",
        )
    pipeline, hidden = _more_settings(strength)
    adaptation = choose_adaptation(bundle, "live", _RECORDING if recording else "")
    return LiveSettings(
        pipeline=pipeline,
        overlay=OverlaySettings(
            show=bool(drawn), boxes=_BOXES in drawn, labels=_WORDS in drawn, bars=_BARS in drawn
        ),
        mirror=mirrored,
        hide_faces=hidden,
        adaptation=adaptation,
    )


def _more_settings(strength: float) -> tuple[PipelineSettings, bool]:
    with st.expander("More settings", icon=":material/tune:"):
        left, right = st.columns(2, gap="medium")
        with left:
            smallest = st.slider(
                "Smallest face, pixels",
                0,
                240,
                0,
                10,
                key="live_min_face",
                help="0 adapts to the picture's size. Larger values find fewer false faces.",
            )
            calmer = st.toggle(
                "Smooth more while a person speaks",
                key="live_speaking",
                help="Talking moves the mouth, and the readings flicker with it. Who speaks is "
                "told from the movement of the mouth, not from the sound.",
            )
        with right:
            faces = st.selectbox(
                "Faces to read",
                list(_FACES),
                key="live_faces",
                help="People who return are recognised by how they look; what is remembered of "
                "them stays in memory and is deleted when the stream ends. One participant: every "
                "face is taken for the same person.",
            )
            hidden = st.toggle(
                "Hide faces",
                key="live_hide",
                help="Every face becomes a mosaic in the picture, including those that are not "
                "read. A picture is shown only after it has been searched for faces, so it lags a "
                "little and shows fewer frames per second. Readings continue.",
            )
        _stream_wishes()
    settings = PipelineSettings(
        # Who is not found cannot be hidden.
        detection=DetectionSettings(min_face_px=0 if hidden else smallest),
        smoothing_strength=strength,
        largest_face_only=faces == _LARGEST,
        one_person=faces == _ONE_PERSON,
        speaking_smoothing=max(strength, SPEAKING_STRENGTH) if calmer else None,
    )
    return settings, hidden


def _stream_wishes() -> None:
    """What the stream is started with; a change waits for the next START."""
    st.caption("Applied at the next START:")
    size, rate, side = st.columns(3, gap="medium")
    size.selectbox(
        "Camera resolution",
        list(RESOLUTIONS),
        index=1,
        key="live_resolution",
        help="The camera uses the nearest size it supports.",
    )
    rate.selectbox(
        "Frames a second",
        FRAME_RATES,
        index=2,
        key="live_rate",
        help="A lower rate saves computation and bandwidth.",
    )
    side.selectbox(
        "Camera",
        list(FACING),
        key="live_facing",
        help="For phones and tablets. On a computer, choose the camera under SELECT DEVICE.",
    )
    st.toggle(
        "Analysis only",
        key=ANALYSIS_ONLY,
        help="No picture is sent back: readings and charts only. Saves drawing and encoding, and "
        "half of the traffic.",
    )


def camera_constraints() -> dict[str, Any]:
    """What the browser is asked for: a picture of the chosen size, rate and camera, no sound."""
    # The keys are absent until the controls have been drawn for the first time.
    chosen = st.session_state.get
    width, height = RESOLUTIONS.get(chosen("live_resolution", ""), (640, 480))
    wishes: dict[str, Any] = {
        "width": {"ideal": width},
        "height": {"ideal": height},
        "frameRate": {"ideal": chosen("live_rate", 30)},
    }
    facing = FACING.get(chosen("live_facing", ""), "")
    if facing:
        wishes["facingMode"] = {"ideal": facing}
    return {"video": wishes, "audio": False}
