"""What the home page shows besides the sample: ways in, readiness, what a reading does not tell."""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.ui.common.page import link_to
from emotion_core.ui.common.resources import shared_classifier

_STARTS: Final = (
    ("pages/1_Live.py", "Open the webcam",
        "The expression of every face as it changes, with a timeline of the last minute."),
    ("pages/2_Video.py", "Read a video", "A table, a timeline and an annotated clip to keep."),
    ("pages/3_Photo.py", "Read a photo", "Every face in a picture, boxed and labelled."),
    ("pages/4_Model.py", "See how accurate it is",
        "Scores, confusions and calibration of the network in use."),
    ("pages/5_Study.py", "Compare participants",
        "Groups, conditions and stimuli: tests, curves and a report. With a sample study."),
)  # fmt: skip


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
    """The ways in, each with a sentence."""
    with st.container(key="starts"):
        for column, (path, label, words) in zip(st.columns(len(_STARTS)), _STARTS, strict=True):
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
        "it finds four in five happy, neutral, surprised and angry faces, and three in four smiles "
        "with closed lips. Try it on a labelled sample of your own before you rely on it."
    )
    st.warning(
        "**Not for workers and pupils.** In the European Union, systems that infer emotions at the "
        "workplace and in education are prohibited, except for medical or safety reasons (AI Act, "
        "Regulation (EU) 2024/1689, Article 5(1)(f)). Ask people before you read their faces.",
        icon=":material/gavel:",
    )
