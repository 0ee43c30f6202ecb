"""Everything of a video to keep: tables, clip, subtitles, report, and a zip of all."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import streamlit as st

from emotion_core.interchange.formats import FORMATS
from emotion_core.reports.archive import ResultDownloads
from emotion_core.results.paths import safe_name
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.video_page.result_view import ResultView


def show_exports(view: ResultView) -> None:
    """Download buttons; each file is made when its button is pressed, with the edits applied."""
    make = ResultDownloads(view.folder, view.name)
    with st.container(horizontal=True):
        _button(view, "Everything", ".zip", "application/zip", make.everything)
        if view.clip.is_file():
            _button(view, "Clip", "_annotated.mp4", "video/mp4", view.clip)
        _button(view, "Table (CSV)", "_faces.csv", "text/csv", make.table_csv)
        parquet = "application/vnd.apache.parquet"
        _button(view, "Table (Parquet)", "_faces.parquet", parquet, make.table_parquet)
        _button(view, "Summary", "_summary.json", "application/json", make.summary)
        _button(view, "Subtitles", ".vtt", "text/vtt", make.subtitles)
        _button(view, "Report to print", "_report.html", "text/html", make.report)
        with st.popover("For other programs", icon=":material/output:"):
            _other_programs(view, make)
    words = "Your names, merges, exclusions and markers are applied. The zip explains every column."
    if view.edits.hides:
        words += " Pictures of hidden faces are omitted"
        words += ", and so is the clip until it is redrawn." if view.clip_is_older else "."
    elif view.clip_is_older:
        words += " The clip shows people as detected: it was drawn before your changes."
    st.caption(words)


def _other_programs(view: ResultView, make: ResultDownloads) -> None:
    """Each person's episodes and the markers, in the formats of other programs."""
    st.caption(
        "Each person’s dominant expressions, speaking and unsure readings, and the markers. Keep "
        "the file next to the video, so that ELAN and BORIS find it."
    )
    with st.container(horizontal=True):
        for to, known in FORMATS.items():
            pieces = partial(make.annotations, to)
            _button(view, known.label, known.suffix, known.media_type, pieces)


def _button(
    view: ResultView,
    label: str,
    ending: str,
    media_type: str,
    content: Path | Callable[[], Iterator[bytes]],
) -> None:
    name = safe_name(Path(view.name).stem) + ending
    show_download(
        label,
        OfferedFile(name, media_type, content),
        key=f"{view.key}_get_{label}",
        kind="primary" if label == "Everything" else "secondary",
    )
