"""The sample on the home page: a clip made in code, read now, played beside its timeline."""

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.media.portrait import SHAPES, portrait_as
from emotion_core.media.write import write_sample
from emotion_core.ui.common.page import link_to
from emotion_core.ui.common.pictures import show_picture
from emotion_core.ui.common.resources import classifier_or_message, network_key
from emotion_core.ui.video_page.result_page import show_clock, show_facts, show_player
from emotion_core.ui.video_page.result_view import ResultView, load_result_data
from emotion_core.ui.video_page.timeline import show_timelines
from emotion_core.video.api import analyze_video

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier


@dataclass(frozen=True, eq=False)
class _Reading:
    """The results of the sample, in a temporary folder that goes with the last reference."""

    folder: Path

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.folder.parent, ignore_errors=True)


def show_sample() -> None:
    """A synthetic clip, analysed by the real pipeline: needs neither camera nor upload."""
    st.subheader("Try a sample", anchor=False)
    st.markdown(
        "A twelve-second clip, read now by the network that reads your webcam. It is made by this "
        "program from one public-domain portrait (astronaut Eileen Collins, NASA): mouth, brows "
        "and eyes are warped until the network reads another expression, and the second person is "
        "her mirror image. It shows what a timeline is for, not how good the network is."
    )
    if st.button("Play the sample", icon=":material/play_arrow:", type="primary", key="sample"):
        st.session_state["sample_wanted"] = True
    if not st.session_state.get("sample_wanted"):
        show_picture(_first_look(), "The same face with five expressions: " + ", ".join(SHAPES))
        return
    classifier = classifier_or_message()
    if classifier is None:
        return
    try:
        _show_reading(_folder(classifier))
    except (EmotionCoreError, OSError) as error:
        st.error(f"The sample could not be analysed: {error}", icon=":material/error:")


@st.fragment
def _show_reading(folder: Path) -> None:
    view = ResultView("home", folder, "The sample", load_result_data(folder))
    show_facts(view)
    player = st.container(key="player")
    bar = st.container()
    show_timelines(view)
    with player:
        show_player(view)
    with bar:
        show_clock(view, can_mark=False, autoplay=True)
    link_to("pages/2_Video.py", "Read a video of your own")


def _folder(classifier: "Classifier") -> Path:
    key = network_key(classifier)
    folder = _read_sample(key, classifier).folder
    if not folder.is_dir():
        # Systems empty their temporary folders.
        _read_sample.clear()
        folder = _read_sample(key, classifier).folder
    return folder


@st.cache_data(show_spinner=False, max_entries=1)
def _first_look() -> bytes:
    """The expressions of the sample side by side, a JPEG."""
    faces = [portrait_as(shape)[36:196, 81:241] for shape in SHAPES.values()]
    return bytes(cv2.imencode(".jpg", np.hstack(faces))[1].tobytes())


@st.cache_resource(show_spinner="Analysing the sample …", max_entries=2)
def _read_sample(
    network: tuple[object, ...],  # noqa: ARG001 – the key: another network needs another reading
    _classifier: "Classifier",
) -> _Reading:
    reading = _Reading(Path(tempfile.mkdtemp(prefix="emotion-lab-sample-")) / "results")
    clip = write_sample(reading.folder.with_name("sample.mp4"))
    analyze_video(clip, reading.folder, annotate=True, classifier=_classifier)
    return reading
