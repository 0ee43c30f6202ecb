"""What a visitor can change while the stream runs: three controls in view, the rest folded."""

from typing import Any, Final

import streamlit as st

from emotion_core.config import DetectionSettings, OverlaySettings, PipelineSettings
from emotion_core.live.settings import LiveSettings

_BOXES, _WORDS, _BARS = "Boxes", "Expression", "Bars"
RESOLUTIONS: Final[dict[str, tuple[int, int]]] = {
    "320 × 240": (320, 240),
    "640 × 480": (640, 480),
    "1280 × 720": (1280, 720),
}


def live_controls() -> LiveSettings:
    """Draw the controls; a change takes effect with the next frame, the stream goes on."""
    smooth, shows, mirror = st.columns([5, 6, 3], vertical_alignment="top", gap="medium")
    with smooth:
        strength = st.slider(
            "Smoothing",
            0.0,
            1.0,
            0.5,
            0.05,
            key="live_smoothing",
            help="0 shows every single reading; 1 follows slowly and calmly.",
        )
    with shows:
        drawn = st.pills(
            "Shown on the picture",
            [_BOXES, _WORDS, _BARS],
            selection_mode="multi",
            default=[_BOXES, _WORDS],
            key="live_overlay",
            help="Choose none to see the bare camera picture.",
        )
    with mirror:
        mirrored = st.toggle(
            "Mirror",
            value=True,
            key="live_mirror",
            help="Shows you as a mirror does. Readings do not change.",
        )
    pipeline, hidden = _more_settings(strength)
    return LiveSettings(
        pipeline=pipeline,
        overlay=OverlaySettings(
            show=bool(drawn), boxes=_BOXES in drawn, labels=_WORDS in drawn, bars=_BARS in drawn
        ),
        mirror=mirrored,
        hide_faces=hidden,
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
                help="0 follows the picture's size. Larger finds fewer false faces.",
            )
        with right:
            largest = st.toggle(
                "Largest face only",
                key="live_largest",
                help="Reads the person who is nearest and ignores everyone behind.",
            )
            hidden = st.toggle(
                "Hide faces",
                key="live_hide",
                help="Faces become a mosaic in the picture; the whole picture does while no face "
                "is found. The readings go on.",
            )
        st.selectbox(
            "Camera resolution",
            list(RESOLUTIONS),
            index=1,
            key="live_resolution",
            help="A wish: the camera gives the nearest it has. Takes effect at the next START.",
        )
    settings = PipelineSettings(
        detection=DetectionSettings(min_face_px=smallest),
        smoothing_strength=strength,
        largest_face_only=largest,
    )
    return settings, hidden


def camera_constraints() -> dict[str, Any]:
    """What the browser is asked for: a picture of the chosen size, no sound."""
    # The key is absent until the controls have been drawn for the first time.
    chosen = st.session_state.get("live_resolution", "640 × 480")
    width, height = RESOLUTIONS.get(chosen, (640, 480))
    wishes = {"width": {"ideal": width}, "height": {"ideal": height}, "frameRate": {"ideal": 30}}
    return {"video": wishes, "audio": False}
