"""Everything of a video to keep: tables, clip, subtitles, report, and a zip of all."""

import tempfile
from pathlib import Path

import streamlit as st

from emotion_core.results.export import (
    export_files,
    faces_csv,
    faces_parquet,
    results_zip,
    webvtt,
)
from emotion_core.results.paths import FACES, safe_name
from emotion_core.results.summary import summarise, summary_json
from emotion_core.ui.video_page.result_view import ResultView


def show_exports(view: ResultView) -> None:
    """Download buttons; each file is made when its button is pressed, with the edits applied."""
    st.subheader("Downloads", anchor=False)
    stem = safe_name(Path(view.name).stem)
    faces = view.folder / FACES
    with st.container(horizontal=True):
        _button(view, "Everything", f"{stem}.zip", "application/zip", lambda: _zip(view), True)
        if view.clip.is_file():
            _button(view, "Clip", f"{stem}_annotated.mp4", "video/mp4", view.clip.read_bytes)
        _button(
            view,
            "Table (CSV)",
            f"{stem}_faces.csv",
            "text/csv",
            lambda: faces_csv(faces, view.edits),
        )
        _button(
            view,
            "Table (Parquet)",
            f"{stem}_faces.parquet",
            "application/vnd.apache.parquet",
            lambda: faces_parquet(faces, view.edits),
        )
        _button(view, "Summary", f"{stem}_summary.json", "application/json", lambda: _summary(view))
        _button(
            view,
            "Subtitles",
            f"{stem}.vtt",
            "text/vtt",
            lambda: webvtt(view.table, view.edits, view.origin_s).encode(),
        )
        _button(view, "Report to print", f"{stem}_report.html", "text/html", lambda: _report(view))
    words = "With your names, merges, exclusions and markers. The zip explains every column."
    if view.clip_is_older:
        words += " The clip shows everybody as they were found: it was drawn before your changes."
    st.caption(words)


def _button(view, label, file_name, mime, make, primary=False) -> None:  # type: ignore[no-untyped-def]
    st.download_button(
        label,
        make,
        file_name=file_name,
        mime=mime,
        key=f"{view.key}_get_{label}",
        icon=":material/download:",
        type="primary" if primary else "secondary",
        on_click="ignore",
    )


def _summary(view: ResultView) -> bytes:
    summary = view.summary | summarise(view.whole, view.edits)
    return summary_json(summary)


def _report(view: ResultView) -> bytes:
    from emotion_core.results.html_report import report_html

    return report_html(view.folder, view.whole, view.edits, view.name).encode()


def _zip(view: ResultView) -> bytes:
    files = export_files(view.folder, view.edits, view.origin_s)
    files |= {"summary.json": _summary(view), "report.html": _report(view)}
    with tempfile.TemporaryDirectory(dir=view.folder.parent) as place:
        return results_zip(Path(place) / "all.zip", files).read_bytes()
