"""What the model page looks at: the chosen model, split and labels, their scores, the headline.

Everything is computed from the chosen model folder's own files; tensorflow is never imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.labels import LABEL_SETS
from emotion_core.training import tables
from emotion_core.training.evaluate import SCORE_NAMES
from emotion_core.training.record import ModelRecord, read_record
from emotion_core.ui.charts import download_data

if TYPE_CHECKING:
    import pandas as pd

# The test split stands first: only its score says how new faces fare.
_SPLITS: Final[tuple[str, ...]] = ("test", "validation", "train")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What the visitor looks at, with its scores.

    Attributes:
        record: the model folder's files.
        key: `<dataset>_<split>` of the predictions; "" where the folder has none.
        split: `test` or `validation`.
        images: those that count for the chosen label set; None where there are none.
        blocks: scores of `images`: `full` and perhaps `without_twins`.
    """

    record: ModelRecord
    key: str
    split: str
    images: tables.Scored | None
    blocks: dict[str, dict[str, Any]]

    @property
    def report(self) -> dict[str, Any] | None:
        """What `evaluate` wrote about the same images."""
        return self.record.evaluations.get(self.key)


def _stamp(folder: Path) -> float:
    """Changes whenever a file that the page reads is replaced."""
    files = [*folder.glob("*"), folder.parent / "twins.csv"]
    return max((f.stat().st_mtime for f in files if f.is_file()), default=0.0)


@st.cache_data(show_spinner="Reading the model's files …", max_entries=8)
def _record(folder: Path, stamp: float) -> ModelRecord:  # noqa: ARG001  # the stamp renews the cache
    return read_record(folder)


@st.cache_data(show_spinner="Computing scores and intervals …", max_entries=32)
def _scores(
    folder: Path, stamp: float, key: str, label_set: str
) -> tuple[tables.Scored, dict[str, dict[str, Any]]]:
    record = _record(folder, stamp)
    temperature = float(record.metadata.get("temperature") or 1.0)
    split = key.rpartition("_")[2]
    rows = record.predictions[key]
    images = tables.scored(rows, label_set, split, temperature, record.twins)
    return images, tables.score_blocks(images) if len(images.truth) else {}


def choose(models_dir: Path, names: list[str]) -> Choice:
    """Draw the three choices (model, split, labels) and score what was chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = st.selectbox("Model", names, key="model_name", width=230)
        folder = models_dir / (name or names[0])
        stamp = _stamp(folder)
        record = _record(folder, stamp)
        key = _choose_split(record)
        label_set = _choose_labels(record, key)
    split = key.rpartition("_")[2]
    if not key or label_set is None:
        return Choice(record, key, split, None, {})
    images, blocks = _scores(folder, stamp, key, label_set)
    return Choice(record, key, split, images if blocks else None, blocks)


def _choose_split(record: ModelRecord) -> str:
    """The key of the predictions to look at; the test split first."""
    rank = list(_SPLITS)
    known = [k for k in record.predictions if k.rpartition("_")[2] in rank]
    keys = sorted(known, key=lambda k: rank.index(k.rpartition("_")[2]))
    if not keys:
        return ""
    chosen = st.segmented_control(
        "Images of",
        keys,
        default=keys[0],
        format_func=lambda k: f"{k.rpartition('_')[2]} split",
        key=f"model_split_{record.name}",
        help="The network was fitted on the training split, all choices were made on validation, "
        "and test was kept back: only its score says how new faces fare. They are never mixed.",
    )
    return chosen or keys[0]


def _choose_labels(record: ModelRecord, key: str) -> str | None:
    if not key:
        return None
    rows = record.predictions[key]
    known = [s for s in LABEL_SETS if rows.labelled(s).any()]
    if not known:
        return None
    default = record.label_set if record.label_set in known else known[0]
    chosen = st.segmented_control(
        "Judged by",
        known,
        default=default,
        format_func=lambda s: SCORE_NAMES[s],
        key=f"model_labels_{record.name}_{key}",
        help="Two label sets exist for the same images and agree on few more than six in ten: "
        "scores on them are different tasks.",
    )
    return chosen or default


def show_problems(record: ModelRecord) -> None:
    """Name the files that are missing or damaged; the rest of the page goes on."""
    if not record.problems:
        return
    count = len(record.problems)
    noun = "file is" if count == 1 else "files are"
    with st.expander(
        f"{count} {noun} missing or damaged; the rest is shown", icon=":material/warning:"
    ):
        st.markdown("\n".join(f"- {problem}" for problem in record.problems))


def _interval(score: dict[str, Any], show: str = ".1%") -> str:
    return f"95 %: {score['low']:{show}} – {score['high']:{show}}"


def show_headline(choice: Choice) -> None:
    """Five figures, each with its interval."""
    images, full = choice.images, choice.blocks["full"]
    assert images is not None
    whole = len(choice.record.predictions[choice.key].names)
    learnt = {"ferplus": "FER+", "fer2013": "FER2013"}[choice.record.label_set]
    st.markdown(
        f"**{images.score_name}, {choice.split} split**: {full['images']:,} of {whole:,} images "
        f"carry a label that counts. The network learnt the {learnt} labels."
    )
    figures = (
        ("Accuracy", "accuracy", ".1%", "Share of the images that are named rightly."),
        ("Macro-F1", "macro_f1", ".1%", "Mean F1 of the seven: rare ones weigh as much."),
        ("Recall of disgust and fear", "rare_recall", ".1%", "How many of the rarest are found."),
        ("Calibration error (ECE)", "ece", ".3f", "Mean gap of confidence and accuracy, 15 bins."),
    )
    columns = st.columns(len(figures) + 1)
    for column, (title, name, show, words) in zip(columns, figures, strict=False):
        score = full[name]
        note = _interval(score, show)
        column.metric(
            title,
            f"{score['value']:{show}}",
            note,
            "off",
            help=words,
            delta_arrow="off",
            border=True,
        )
    _show_speed(columns[-1], choice)


def _show_speed(column: Any, choice: Choice) -> None:
    speed = (choice.report or {}).get("speed")
    if not speed:
        column.metric("One face", "not measured", border=True)
        return
    column.metric(
        "One face, one thread",
        f"{speed['served_ms_per_face_one_thread']:.2f} ms",
        f"{speed['served_bytes'] / 1e6:.2f} MB served",
        "off",
        help="Median on the machine that ran `evaluate`; the served network is int8 inside.",
        delta_arrow="off",
        border=True,
    )


def heading(text: str) -> None:
    """The title of one chart: smaller than the page's own."""
    st.markdown(f"##### {text}")


def show_chart(chart: Any, how_to_read: str, table: pd.DataFrame, key: str) -> None:
    """A chart, one sentence on how to read it, and its data."""
    st.altair_chart(chart, width="stretch", key=f"chart_{key}")
    st.caption(how_to_read)
    download_data(table, f"{key}.csv", key=f"download_{key}")


def share_column(title: str) -> Any:
    """A column of a table that shows shares 0-1 in percent."""
    return st.column_config.NumberColumn(title, format="percent")


def dark_ground() -> bool:
    """The visitor looks at a dark page: words in coloured squares must be light."""
    return st.context.theme.type == "dark"
