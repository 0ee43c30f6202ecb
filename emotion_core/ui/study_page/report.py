"""The report to print, and everything of the study to take away."""

import shlex
from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.results.paths import safe_name
from emotion_core.study.freshness import REPORT
from emotion_core.ui.common.document import show_document
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.study_page.study_view import StudyView

_LARGEST_PREVIEW: Final = 8_000_000
_FILES: Final = {
    "long.csv": ("Long table", "one row for each recording, event and signal"),
    "wide.csv": ("Wide table", "one row for each recording and event"),
    "long.json": ("Data dictionary", "label, unit and meaning of every column, and the settings"),
    "statistics.csv": ("Tests", "every test with effect size and interval"),
    "means.csv": ("Estimated means", "with intervals"),
    "curves.csv": ("Curves", "means around the events, by group"),
    "cells.csv": ("Cells", "what is left in each cell"),
    "exclusions.csv": ("Exclusions", "what was left out, and why"),
}


def show_report(view: StudyView) -> None:
    """Draw the tab."""
    name = safe_name(view.study.name)
    report = view.results_file(REPORT)
    with st.container(horizontal=True):
        if report.is_file():
            offered = OfferedFile(f"{name}.html", "text/html", report)
            show_download("Report to print", offered, key=f"{view.key}_get_report", kind="primary")
        # A closure over the view would keep what it has read as long as the link.
        pieces = view.study.zip_pieces
        whole = OfferedFile(f"{name}.zip", "application/zip", pieces)
        show_download("Whole study (zip)", whole, key=f"{view.key}_get_zip")
    if not report.is_file():
        st.caption("The report is written when the results are computed.")
    elif not view.is_current:
        st.caption("The report is older than your latest changes: update the results.")
    _preview(view, report)
    st.markdown("**Tables**")
    for file, (label, words) in _FILES.items():
        path = view.results_file(file)
        if not path.is_file():
            continue
        kind = "application/json" if path.suffix == ".json" else "text/csv"
        with st.container(horizontal=True, vertical_alignment="center"):
            show_download(label, OfferedFile(file, kind, path), key=f"{view.key}_get_{file}_all")
            st.caption(words, width="content")
    st.markdown("**Make it again**")
    st.caption(
        "Unzip the study; this version of the program then writes the same results, byte for byte:"
    )
    st.code(f"emotion-lab study run {shlex.quote(name)}", language=None, wrap_lines=True)


def _preview(view: StudyView, report: Path) -> None:
    try:
        if not report.is_file():
            return
        if report.stat().st_size > _LARGEST_PREVIEW:
            st.caption("The report is too large to be shown here: download it.")
            return
        html = report.read_text("utf-8", "replace")
    except OSError as error:
        st.error(f"The report cannot be read: {error.strerror}.", icon=":material/error:")
        return
    show_document(html, title="Report of the study", key=f"{view.key}_report")
