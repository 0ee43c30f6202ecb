"""The form of the video page: which videos, what to read of them, start."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.errors import EmotionCoreError, OutputError, SettingsError
from emotion_core.jobs.log import JobInput
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.media.write import write_sample
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import ModelBundle, load_bundle
from emotion_core.pipeline.smoothing import SPEAKING_STRENGTH
from emotion_core.ui.common.adaptation import as_file, choose_adaptation
from emotion_core.ui.common.frames import choose_frames
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.visitor_jobs import retention_words, visitor
from emotion_core.ui.video_page.jobs import VIDEO_JOBS, job_store
from emotion_core.video.options import described_network

_TYPES: Final = ["mp4", "mov", "mkv", "avi", "webm", "m4v", "mpg", "mpeg", "ts", "wmv", "3gp"]
# Words → options of the command. The first is the default.
_FACES: Final[dict[str, tuple[str, ...]]] = {
    "Everybody": (),
    "One participant": ("--one-person",),
    "Largest face of each frame": ("--largest-face",),
}
_WHILE_SPEAKING: Final = ("--speaking-smoothing", str(SPEAKING_STRENGTH))
_MOST_LISTED: Final = 500
_SAMPLE_NAME: Final = "sample.mp4"


@dataclass(frozen=True, slots=True)
class _Choice:
    """The contents of the form: uploads, files of the allowed folder, options of the command."""

    uploads: list[Any]
    files: list[Path]
    arguments: list[str]
    problem: str = ""
    adaptation: Adaptation | None = None


def show_setup() -> None:
    """Draw the form; a started job is shown from the next run on."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        uploads, files = _inputs()
    with right:
        arguments, problem = _options()
        adaptation = _adaptation()
    if adaptation is not None:
        arguments += ["--adaptation", as_file(adaptation)]
    choice = _Choice(uploads, files, arguments, problem, adaptation)
    ready = bool(uploads or files) and not problem
    with left, st.container(horizontal=True, vertical_alignment="center"):
        started = st.button(
            _start_words(len(uploads) + len(files)),
            type="primary",
            icon=":material/play_arrow:",
            disabled=not ready,
            key="video_start",
        )
        sample = st.button(
            "Try a sample",
            icon=":material/science:",
            key="video_sample",
            help="Twelve seconds made by this program: a public-domain portrait, warped into "
            "several expressions.",
        )
    if started:
        _start(choice)
    if sample and not problem:
        _start(choice, sample=True)


def _start_words(count: int) -> str:
    return "Analyse video" if count < 2 else f"Analyse {count} videos"


def _inputs() -> tuple[list[Any], list[Path]]:
    limit = int(st.get_option("server.maxUploadSize"))
    round_ = st.session_state.setdefault("video_upload_round", 0)
    uploads = st.file_uploader(
        f"Videos – MP4, MOV, MKV, AVI, WebM …, up to {limit} MB and 4096×2304 pixels each",
        type=_TYPES,
        accept_multiple_files=True,
        key=f"video_upload_{round_}",
    )
    try:
        folder = app_settings().video_folder()
    except SettingsError as error:
        st.warning(f"{error} Until then, upload your videos.", icon=":material/warning:")
        return list(uploads or []), []
    if folder is None:
        st.caption(
            f"Longer recordings: the administrator of this installation can allow a folder, or use "
            f"`python -m emotion_core analyze`. Uploads and results are deleted after "
            f"{retention_words()}."
        )
        return list(uploads or []), []
    listed = _listed(str(folder))
    chosen = st.multiselect(
        "Or from the allowed folder, without uploading",
        listed,
        key="video_folder_files",
        placeholder=f"{len(listed)} videos available" if listed else "no videos found",
        disabled=not listed,
    )
    return list(uploads or []), [folder / name for name in chosen]


@st.cache_data(ttl=10, show_spinner=False)
def _listed(folder: str) -> list[str]:
    root = Path(folder)
    found = (p for p in root.rglob("*") if p.suffix.lower().lstrip(".") in _TYPES and p.is_file())
    # A name that is not UTF-8 cannot be sent to a browser.
    found = (p for p in found if "\ufffd" not in os.fsencode(p).decode("utf-8", "replace"))
    return sorted(
        str(p.relative_to(root)) for _, p in zip(range(_MOST_LISTED), found, strict=False)
    )


def _options() -> tuple[list[str], str]:
    """Options of the command, and what is wrong with them ("" where nothing is)."""
    frames = choose_frames("video_frames")
    encoder = clip_encoder()
    annotate = st.toggle(
        "Write an annotated clip",
        value=encoder is not None,
        key="video_annotate",
        disabled=encoder is None,
        help=f"{encoder.format} MP4." if encoder else NO_ENCODER,
    )
    faces = st.selectbox(
        "Faces to read",
        list(_FACES),
        key="video_faces",
        help="One participant: every face is taken for the same person, however long the gaps. Of "
        "several faces in a frame, the one most like this person is read. Otherwise people who "
        "return after a gap or a cut are recognised by how they look; what is remembered of them "
        "stays in memory and is deleted when the analysis ends.",
    )
    arguments = list(frames)
    arguments += [] if annotate else ["--no-annotate"]
    arguments += _FACES[faces]
    calmer = st.toggle(
        "Smooth more while a person speaks",
        key="video_speaking",
        help="Talking moves the mouth, and the readings flicker with it. Who speaks is told from "
        "the movement of the mouth, not from the sound; it needs at least eight frames a second.",
    )
    arguments += _WHILE_SPEAKING if calmer else ()
    with st.expander("Part of the video only"):
        start_column, end_column = st.columns(2)
        start = start_column.number_input("From second", 0.0, value=0.0, step=1.0, key="video_from")
        end = end_column.number_input(
            "To second", 0.0, value=None, step=1.0, placeholder="the end", key="video_to"
        )
    if start:
        arguments += ["--start", str(start)]
    if end is not None:
        arguments += ["--end", str(end)]
    if end is not None and end <= start:
        st.error("The part must end after it begins.", icon=":material/error:")
        return arguments, "range"
    return arguments, ""


def _start(choice: _Choice, *, sample: bool = False) -> None:
    store = job_store()
    try:
        with st.spinner("Preparing …"):
            model = described_network(_bundle(), choice.adaptation)
            inputs = [_sample_input()] if sample else _kept(choice)
            job_id = store.start(inputs, choice.arguments, model, visitor())
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    # A new uploader: the server's memory need not hold the videos any longer.
    st.session_state["video_upload_round"] = st.session_state.get("video_upload_round", 0) + 1
    VIDEO_JOBS.show(job_id)
    st.rerun()


def _kept(choice: _Choice) -> list[JobInput]:
    store, folder = job_store(), app_settings().video_dir
    inputs = [store.add_input(upload.name, upload) for upload in choice.uploads]
    if folder is not None:
        inputs += [store.refer_to(path, folder) for path in choice.files]
    return inputs


def _bundle() -> ModelBundle:
    """The network that will read; a missing one is told before the start."""
    return load_bundle(models_dir=app_settings().models_dir)


def _adaptation() -> Adaptation | None:
    try:
        return choose_adaptation(_bundle(), "video")
    except EmotionCoreError:
        # Without a network nothing can be started, and the start says why.
        return None


def _sample_input() -> JobInput:
    try:
        if not _sample_file().is_file():
            # Systems empty their temporary folders.
            _sample_file.clear()
        with _sample_file().open("rb") as file:
            return job_store().add_input(_SAMPLE_NAME, file)
    except OSError as error:
        raise OutputError(f"The sample could not be made: {error.strerror}.") from error


@st.cache_resource(show_spinner="Making the sample clip …")
def _sample_file() -> Path:
    path = app_settings().work_dir / _SAMPLE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_sample(path)
