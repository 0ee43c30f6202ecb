"""The scores of a visitor's own faces, drawn as the shipped ones are."""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.model_record import ModelRecord, read_record
from emotion_core.labels import FOLDER_LABELS
from emotion_core.results.summary import adaptation_words
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.text import escape
from emotion_core.ui.common.visitor_jobs import retention_words
from emotion_core.ui.evaluate.jobs import EVALUATIONS, data_of, delete_evaluation, zip_of
from emotion_core.ui.evaluate.training import show_training
from emotion_core.ui.model_page import confidence, confusion, facts, scores
from emotion_core.ui.model_page.headline import show_headline
from emotion_core.ui.model_page.selection import Choice

if TYPE_CHECKING:
    from emotion_core.evaluation.chart_tables import Scored
    from emotion_core.jobs.log import JobState


@dataclass(frozen=True, slots=True, eq=False)
class OwnChoice(Choice):
    """A model on a visitor's own faces: figures published about test splits are shown elsewhere."""

    @property
    def split(self) -> str:
        """What the images are called."""
        return "own"


def show_result(state: "JobState") -> None:
    """Draw one finished evaluation."""
    folder = state.files[0].folder
    assert folder is not None
    choice = OwnChoice(folder, *_read(folder, _changed(folder)), data_of(state))
    _head(state, choice)
    for note in (choice.report or {}).get("notes", []):
        st.markdown(f":material/info: {escape(note)}")
    if not choice.blocks:
        st.error("None of these faces carries a label that counts.", icon=":material/error:")
        return

    show_headline([choice])
    _tabs(choice)
    splits = (choice.report or {}).get("splits", {})
    divided = bool(splits.get("train") and splits.get("validation"))
    show_training(state.files[0].name, choice.name, divided=divided)


def _head(state: "JobState", choice: Choice) -> None:
    name = state.files[0].name
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Evaluate other data", icon=":material/add:", key="evaluate_new"):
            EVALUATIONS.show(None)
            st.rerun()
        show_download(
            "Everything",
            OfferedFile(
                f"scores_{Path(name).stem}.zip",
                "application/zip",
                partial(zip_of, choice.folder),
            ),
            key="evaluate_zip",
            help="The report, the answer to each picture, and the accuracy on damaged faces.",
        )
        with st.popover("Delete", icon=":material/delete:", key="evaluate_delete_menu"):
            st.markdown("Removes the upload and its scores from this computer.")
            if st.button("Delete now", type="primary", key="evaluate_delete"):
                delete_evaluation(state.job_id)
                st.rerun()
        st.caption(f"Kept for {retention_words()}.", width="content")
    adapted = adaptation_words(choice.adaptation)
    network = f"{choice.name} {escape(adapted)}," if adapted else choice.name
    st.info(
        f"**Your own data**: {network} on {escape(name)}, {_images_words(choice)}. Kept apart from "
        "the scores that come with the program.",
        icon=":material/folder_shared:",
    )


def _images_words(choice: Choice) -> str:
    """How many faces, and which where the data hold more."""
    report = choice.report or {}
    images, splits = report.get("images", 0), report.get("splits", {})
    words = "one face" if images == 1 else f"{images:,} faces"
    if images < sum(splits.values()):
        words += f" of its {report['split']} split ({sum(splits.values()):,} in all)"
    return words


def _tabs(choice: Choice) -> None:
    tabs: dict[str, Any] = {
        "Scores": scores.scores_tab,
        "Confusions": confusion.confusion_tab,
        "Confidence": confidence.confidence_tab,
        "Trade-offs": confidence.tradeoffs_tab,
    }
    if choice.record.robustness is not None:
        tabs["Robustness"] = facts.robustness_tab
    places = st.tabs(list(tabs), key="evaluate_tab", on_change="rerun")
    for place, show in zip(places, tabs.values(), strict=True):
        if place.open:
            with place:
                show([choice])


def _changed(folder: Path) -> int:
    file = folder / "evaluation.json"
    return file.stat().st_mtime_ns if file.is_file() else 0


@st.cache_data(show_spinner="Computing scores and intervals …", max_entries=8)
def _read(
    folder: Path,
    changed: int,  # noqa: ARG001  # renews the cache
) -> tuple[ModelRecord, str, str, "Scored | None", dict[str, dict[str, Any]]]:
    """What was measured: the record, which images, whose labels, and the scores."""
    record = read_record(folder)
    key = next(iter(record.predictions), "")
    if not key:
        return record, "folder_all", FOLDER_LABELS, None, {}
    rows = record.predictions[key]
    label_set = rows.label_set_of(record.label_set)
    if label_set is None:
        return record, key, record.label_set, None, {}
    report = record.evaluations.get(key, {})
    if report.get("adaptation"):
        # Dividing by the temperature does not lead back to answers before an adaptation.
        record.metadata.pop("temperature", None)
    split = key.rpartition("_")[2]
    temperature = float(record.metadata.get("temperature") or 1.0)
    images = chart_tables.scored(rows, label_set, split, temperature, record.near_duplicates)
    if not report.get("scores", {}).get(images.label_set, {}).get("without_near_duplicates"):
        # There is no other split to have near-duplicates in.
        images = dataclasses.replace(images, near_duplicate=None)
    return record, key, images.label_set, images, chart_tables.score_blocks(images)
