"""What the home page shows: ways in, readiness, a sample, and what a reading does not tell."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import FrameResult, ImageArray
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.media.synthetic import sample_frames
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.ui.common.charts import show_people, show_timeline
from emotion_core.ui.common.page import link_to
from emotion_core.ui.common.resources import classifier_or_message, network_key, shared_classifier
from emotion_core.vision.overlay import draw_overlay

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

_STARTS: Final = (
    ("pages/1_Live.py", "Open the webcam", "Every face's expression as it changes, with the last "
     "minute beside it."),
    ("pages/2_Video.py", "Read a video", "A table, a timeline and an annotated clip to keep."),
    ("pages/3_Photo.py", "Read a photo", "Every face in a picture, boxed and read."),
    ("pages/4_Model.py", "See how good it is", "Scores, confusions and calibration of the network "
     "that reads."),
)  # fmt: skip
_SAMPLE_SECONDS: Final = 6.0
_SAMPLE_FPS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be ready.

    Attributes:
        name: what it is.
        ready: True or False; None where only the visitor's browser can tell.
        words: what was found, and what to do where it is not ready.
    """

    name: str
    ready: bool | None
    words: str


def readiness() -> list[Check]:
    """Check the model and the video encoder; only the browser knows about the camera."""
    return [_model_check(), _encoder_check(), _camera_check()]


def _model_check() -> Check:
    try:
        classifier = shared_classifier()
    except EmotionCoreError as error:
        return Check("Network", False, f"{error}")
    name = getattr(getattr(classifier, "bundle", None), "name", "default")
    return Check("Network", True, f"The model “{name}” is loaded.")


def _encoder_check() -> Check:
    encoder = clip_encoder()
    if encoder is None:
        words = "Videos are analysed, but without an annotated clip, and recordings keep no video."
        return Check("Video encoder", False, f"{words} {NO_ENCODER}")
    return Check("Video encoder", True, f"Annotated clips are written as {encoder.format}.")


def _camera_check() -> Check:
    words = (
        "Only your browser knows. Open Live and press START; the browser asks whether this page "
        "may use the camera. It gives cameras to `http://localhost` and to https pages alone."
    )
    return Check("Camera", None, words)


def show_readiness(checks: list[Check]) -> None:
    """A line for each check."""
    st.subheader("Is everything ready?", anchor=False)
    icons = {
        True: ":green[:material/check_circle:]",
        False: ":red[:material/error:]",
        None: ":gray[:material/help:]",
    }
    for check in checks:
        st.markdown(f"{icons[check.ready]} **{check.name}** – {check.words}")


def show_starts() -> None:
    """Four ways in, each with a sentence."""
    for column, (path, label, words) in zip(st.columns(4), _STARTS, strict=True):
        with column, st.container(border=True, height="stretch"):
            link_to(path, label)
            st.caption(words)


def show_limits() -> None:
    """What a facial expression does not tell, and where reading it is forbidden."""
    st.subheader("What a face does not tell", anchor=False)
    st.markdown(
        "**An expression is not a felt emotion.** People scowl when they concentrate and smile "
        "when they are embarrassed; how anger, fear or joy look differs between people, situations "
        "and cultures. This program names what a face *looks like to human labellers*, with a "
        "probability. It cannot tell what somebody feels, intends or is like "
        "([Barrett et al. 2019](https://doi.org/10.1177/1529100619832930), *Psychological Science "
        "in the Public Interest* 20(1))."
    )
    st.markdown(
        "**On your own faces expect less than its test score.** Of people photographed elsewhere, "
        "it finds four in five happy, neutral, surprised and angry faces, and two in three smiles "
        "with closed lips. Try it on a labelled sample of your own before you rely on it."
    )
    st.warning(
        "**Not for workers and pupils.** In the European Union, systems that infer emotions at the "
        "workplace and in education are prohibited, except for medical or safety reasons (AI Act, "
        "Regulation (EU) 2024/1689, Article 5(1)(f)). Ask people before you read their faces.",
        icon=":material/gavel:",
    )


def show_sample() -> None:
    """A synthetic clip, analysed by the real pipeline: needs neither camera nor upload."""
    st.subheader("Try a sample", anchor=False)
    st.markdown(
        "A six-second clip of a public-domain portrait (astronaut Eileen Collins, NASA) that moves "
        "about, made by this program and read now, by the network that reads your webcam."
    )
    if st.button("Read the sample", icon=":material/play_arrow:", type="primary", key="sample"):
        st.session_state["sample_wanted"] = True
    if not st.session_state.get("sample_wanted"):
        st.image(_first_look(), channels="BGR", width=420)
        return
    classifier = classifier_or_message()
    if classifier is None:
        return
    image, result, table = _read_sample(network_key(classifier), classifier)
    st.image(image, channels="BGR", width="stretch")
    show_people(result)
    people = sorted(table["track_id"].unique()) if len(table) else []
    for track in people[:1]:
        rows = table[table["track_id"] == track]
        show_timeline(rows, title=f"Person #{track}, the whole clip", key="sample_timeline")


@st.cache_data(show_spinner=False, max_entries=1)
def _first_look() -> "ImageArray":
    """(480, 640, 3) uint8 BGR: the sample's first frame, not read yet."""
    return next(iter(sample_frames(_SAMPLE_SECONDS, _SAMPLE_FPS))).image


@st.cache_data(show_spinner="Reading the sample …", max_entries=1)
def _read_sample(
    network: tuple[object, ...],  # noqa: ARG001 – the key: another network needs another reading
    _classifier: "Classifier",
) -> "tuple[ImageArray, FrameResult, Any]":
    """The last frame that shows a face with its overlay, its result, and a row for each reading."""
    import pandas as pd

    pipeline = Pipeline(_classifier)
    rows: list[dict[str, Any]] = []
    best = FrameResult.empty(0, 0.0)
    shown = None
    for frame in sample_frames(_SAMPLE_SECONDS, _SAMPLE_FPS):
        result = pipeline.process(frame)
        for track, probs in zip(result.track_ids.tolist(), result.probs.tolist(), strict=True):
            row = dict(zip(EXPRESSIONS, probs, strict=True))
            rows.append({"track_id": track, "time_s": frame.time_s, **row})
        if shown is None or len(result):
            best, shown = result, frame.image
    assert shown is not None  # a clip has at least one frame
    columns = ["track_id", "time_s", *EXPRESSIONS]
    return draw_overlay(shown, best, OverlaySettings()), best, pd.DataFrame(rows, columns=columns)
