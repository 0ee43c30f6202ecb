"""The files of a presentation: whether browsers can show them, and their addresses."""

from pathlib import Path

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.media.photo import read_photo
from emotion_core.media.probe import probe
from emotion_core.study.presentation.checks import (
    PICTURE_TYPES,
    STIMULUS_TYPES,
    check_plan,
    stimulus_path,
)
from emotion_core.study.presentation.plan import Item, Plan
from emotion_core.study.problems import Problem
from emotion_core.ui.common.downloads import PLAYED_CODECS
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.study_view import file_state


def problems_of(plan: Plan, folder: Path) -> tuple[Problem, ...]:
    """What keeps a plan from being shown, files looked into."""
    return check_plan(plan, folder, lambda path: _wrong(str(path), file_state(path)))


@st.cache_data(max_entries=500, show_spinner=False)
def _wrong(path: str, state: tuple[int, int, int]) -> str:
    """What is wrong with the content of a file; "" if browsers show it."""
    del state
    file = Path(path)
    try:
        if file.suffix.lower() in PICTURE_TYPES:
            read_photo(file)
            return ""
        codec = probe(file).codec
    except EmotionCoreError as error:
        return str(error)
    if codec not in PLAYED_CODECS:
        return f"browsers do not play {file.suffix} with {codec}. Convert it to MP4 with H.264."
    return ""


def offered(folder: Path, item: Item) -> OfferedFile | None:
    """The file of a stimulus for the browser, under a name that tells nothing; None for others."""
    path = stimulus_path(folder, item) if item.is_stimulus else None
    if path is None:
        return None
    suffix = path.suffix.lower()
    return OfferedFile(f"stimulus{suffix}", STIMULUS_TYPES[suffix], path, inline=True)
