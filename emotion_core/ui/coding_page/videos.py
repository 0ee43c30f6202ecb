"""The original videos of a study as coders see them: which can be played, and their length."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.errors import VideoError
from emotion_core.media.probe import VideoInfo, probe
from emotion_core.results.paths import is_result
from emotion_core.study.additions import is_outside
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.spans import span_of
from emotion_core.ui.common.downloads import PLAYED_CODECS, PLAYED_TYPES, can_play
from emotion_core.ui.study_page.adding import allowed_folders
from emotion_core.ui.study_page.study_view import file_state

_CONVERT: Final = "Convert it to MP4 with H.264, and name the new file in recordings.csv."


@dataclass(frozen=True, slots=True)
class CodableVideo:
    """The video of a recording.

    Attributes:
        path: of the file.
        media_type: "video/mp4" and the like.
        span: first and last second that can be coded, seconds on the clock of the video.
        frame_s: how long a frame is shown.
        problem: why it cannot be coded; "" if it can.
    """

    path: Path
    media_type: str = "video/mp4"
    span: tuple[float, float] | None = None
    frame_s: float = 1 / 25
    problem: str = ""


def codable_videos(study: Study) -> dict[str, CodableVideo]:
    """Recording → its video, also where that cannot be coded."""
    return {r.recording: codable_video(study, r) for r in study.recordings}


def codable_video(study: Study, recording: Recording) -> CodableVideo:
    """The original video of a recording; a clip with the machine's boxes is none."""
    path = study.source_of(recording)
    if not path.exists():
        return CodableVideo(path, problem="the file is missing.")
    if not path.is_file() or path.suffix.lower() == ".csv" or is_result(path):
        words = "no original video, only results. Add the video to the study."
        return CodableVideo(path, problem=words)
    if is_outside(study, path, allowed_folders()):
        return CodableVideo(path, problem="the video is not in the study’s folder.")
    media_type = PLAYED_TYPES.get(path.suffix.lower(), "")
    try:
        info = _info(str(path), file_state(path))
    except VideoError as error:
        return CodableVideo(path, problem=str(error))
    if not media_type or info.codec not in PLAYED_CODECS:
        words = f"browsers do not play {path.suffix or 'this type'} with {info.codec}. {_CONVERT}"
        return CodableVideo(path, problem=words)
    if not can_play(path.stat().st_size):
        return CodableVideo(path, problem="too large to be played here.")
    span = _span(study, recording, info)
    problem = "" if span else "length unknown: analyse the video, or give its end."
    return CodableVideo(path, media_type, span, 1 / info.fps, problem)


def _span(study: Study, recording: Recording, info: VideoInfo) -> tuple[float, float] | None:
    if info.end_s is None:
        return span_of(study, recording)
    end_s = info.end_s if recording.end_s is None else min(info.end_s, recording.end_s)
    return (recording.start_s, end_s) if end_s > recording.start_s else None


@st.cache_data(max_entries=500, show_spinner=False)
def _info(path: str, state: tuple[int, int, int]) -> VideoInfo:
    del state
    return probe(path)
