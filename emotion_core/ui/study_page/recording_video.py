"""The video of a recording that the page can play."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.errors import VideoError
from emotion_core.media.probe import probe
from emotion_core.results.paths import CLIP, FACES, read_summary
from emotion_core.results.summary import origin_of
from emotion_core.study.additions import is_outside
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.ui.common.downloads import PLAYED_TYPES, can_play, play_video
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.study_view import file_state

_USUAL_FRAME_S: Final = 1 / 25


@dataclass(frozen=True, slots=True)
class RecordingVideo:
    """A video of a recording.

    Attributes:
        path: of the file.
        origin_s: the recording's time at which it begins, in seconds.
    """

    path: Path
    origin_s: float = 0.0

    @property
    def frame_s(self) -> float:
        """How long a frame is shown on average, in seconds."""
        return _frame_s(str(self.path), file_state(self.path))

    def play(self, key: str) -> None:
        """Draw the player; a key tells one from the next."""
        if not can_play(self.path.stat().st_size):
            st.info("The video is too large to be played here.", icon=":material/movie_off:")
            return
        kind = PLAYED_TYPES.get(self.path.suffix.lower(), "video/mp4")
        play_video(OfferedFile(self.path.name, kind, self.path, inline=True), key=key)


def recording_video(
    study: Study, recording: Recording, allowed: Sequence[Path]
) -> RecordingVideo | None:
    """The video to play for a recording; None: it was added without one, or it is gone.

    Args:
        study: of the recording.
        recording: whose video it is.
        allowed: folders besides the study's own from which a video may be shown.
    """
    source = study.source_of(recording)
    found = []
    if source.is_file() and source.name != FACES:
        found.append(RecordingVideo(source))
    folder = study.results_folder(recording)
    if folder is not None and (folder / CLIP).is_file():
        found.append(RecordingVideo(folder / CLIP, origin_of(read_summary(folder))))
    found = [video for video in found if not is_outside(study, video.path, allowed)]
    # Stable: the original before the annotated clip, unless browsers do not play it.
    found.sort(key=lambda video: video.path.suffix.lower() not in PLAYED_TYPES)
    return found[0] if found else None


@st.cache_data(max_entries=200, show_spinner=False)
def _frame_s(path: str, state: tuple[int, int, int]) -> float:
    del state
    try:
        return 1 / probe(path).fps
    except VideoError:
        return _USUAL_FRAME_S
