"""What the model page looks at: one model or two, the split and the labels, and their scores.

Everything is computed from the model folders' own files; tensorflow is never imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.evaluation import chart_tables
from emotion_core.evaluation.evaluate import SCORE_NAMES
from emotion_core.evaluation.model_record import ModelRecord, near_duplicates_file, read_record
from emotion_core.labels import FOLDER_LABELS

# The test split comes first: only its score says how new faces fare.
_SPLITS: Final[tuple[str, ...]] = ("test", "validation", "train")
# Two of them fit next to each other on a phone.
_MENU_PX: Final[int] = 165
_NOBODY: Final[str] = "no other model"


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A model that the visitor looks at, with its scores on the chosen images.

    Attributes:
        folder: models/<name>.
        record: the model folder's files.
        key: `<dataset>_<split>` of the images; "" where the folder says nothing of any.
        label_set: whose labels judge.
        images: those that count for the label set; None where their predictions are not kept.
        blocks: scores: `full` and perhaps `without_near_duplicates`; empty where nothing is known.
        faces: the data set that holds the images; None: the one of the installation.
    """

    folder: Path
    record: ModelRecord
    key: str
    label_set: str
    images: chart_tables.Scored | None
    blocks: dict[str, dict[str, Any]]
    faces: Path | None = None

    @property
    def name(self) -> str:
        """Of the model."""
        return self.record.name

    @property
    def split(self) -> str:
        """`test` or `validation`."""
        return self.key.rpartition("_")[2]

    @property
    def report(self) -> dict[str, Any] | None:
        """What `evaluate` wrote about the same images."""
        return self.record.evaluations.get(self.key)

    @property
    def adaptation(self) -> dict[str, Any] | None:
        """The adaptation that the images were read with, as `evaluate` names it."""
        return (self.report or {}).get("adaptation")


def _stamp(folder: Path) -> float:
    """Changes whenever a file that the page reads is replaced."""
    files = [*folder.glob("*"), near_duplicates_file(folder)]
    return max((f.stat().st_mtime for f in files if f.is_file()), default=0.0)


@st.cache_data(show_spinner="Reading the model's files …", max_entries=8)
def _record(folder: Path, stamp: float) -> ModelRecord:  # noqa: ARG001  # the stamp renews the cache
    return read_record(folder)


@st.cache_data(show_spinner="Computing scores and intervals …", max_entries=32)
def _scores(
    folder: Path, stamp: float, key: str, label_set: str
) -> tuple[chart_tables.Scored | None, dict[str, dict[str, Any]]]:
    """From the predictions; without them, what evaluation.json keeps of the same score."""
    record = _record(folder, stamp)
    rows = record.predictions.get(key)
    if rows is None or label_set not in rows.labels:
        score = record.evaluations.get(key, {}).get("scores", {}).get(label_set, {})
        known = {name: score.get(name) for name in ("full", "without_near_duplicates")}
        return None, {name: _numbers(block) for name, block in known.items() if block}
    temperature = float(record.metadata.get("temperature") or 1.0)
    split = key.rpartition("_")[2]
    images = chart_tables.scored(rows, label_set, split, temperature, record.near_duplicates)
    if not len(images.truth):
        return None, {}
    return images, chart_tables.score_blocks(images)


def _numbers(value: Any) -> Any:
    """JSON has no NaN: a score without meaning is written as null."""
    if isinstance(value, dict):
        return {name: _numbers(inner) for name, inner in value.items()}
    return float("nan") if value is None else value


def choose(models_dir: Path, names: list[str]) -> list[Choice]:
    """Draw the choices (model, a second one, split, labels) and score what was chosen.

    Returns:
        One or two; all are judged on the same images by the same labels.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Model", names, key="model_name", width=_MENU_PX) or names[0]
        record = _record(models_dir / name, _stamp(models_dir / name))
        others = [other for other in names if other != name]
        second = st.selectbox(
            "Beside it",
            [_NOBODY, *others],
            key="model_second",
            width=_MENU_PX,
            disabled=not others,
            help="A second model, judged on the same images by the same labels, in the same charts."
            if others
            else "There is one model only. `python -m emotion_core train` makes another.",
        )
        key = _choose_images(record)
        label_set = _choose_labels(record, key)
    chosen = [name, *([second] if second in others else [])]
    return [_choice(models_dir / one, key, label_set) for one in chosen]


def _choice(folder: Path, key: str, label_set: str) -> Choice:
    stamp = _stamp(folder)
    record = _record(folder, stamp)
    images, blocks = _scores(folder, stamp, key, label_set) if key else (None, {})
    return Choice(folder, record, key, label_set, images, blocks)


def judged_by_each(choice: Choice) -> dict[str, dict[str, dict[str, Any]]]:
    """Scores of a model on the chosen images by each label set that says something of them, worked
    out as those at the head of the page are: label set → block → scores."""
    if not choice.key:
        return {}
    stamp = _stamp(choice.folder)
    record = choice.record
    rows = record.predictions.get(choice.key)
    asked = rows.label_sets if rows else tuple(SCORE_NAMES)
    known = {s: _scores(choice.folder, stamp, choice.key, s)[1] for s in asked}
    return {label_set: blocks for label_set, blocks in known.items() if blocks}


def _choose_images(record: ModelRecord) -> str:
    """The key of the images to look at; the test split first."""
    rank = list(_SPLITS)
    known = {*record.predictions, *record.evaluations}
    keys = sorted(
        (k for k in known if k.rpartition("_")[2] in rank),
        key=lambda k: (rank.index(k.rpartition("_")[2]), k),
    )
    if not keys:
        return ""
    datasets = {k.rpartition("_")[0] for k in keys}
    chosen = st.segmented_control(
        "Images of",
        keys,
        default=keys[0],
        format_func=lambda k: (
            f"{k.rpartition('_')[0]} {k.rpartition('_')[2]}"
            if len(datasets) > 1
            else f"{k.rpartition('_')[2]} split"
        ),
        key=f"model_split_{record.name}",
        help="The network was fitted on the training split, all choices were made on validation, "
        "and test was kept back: only its score says how new faces fare. They are never mixed.",
    )
    return chosen or keys[0]


def _choose_labels(record: ModelRecord, key: str) -> str:
    if not key:
        return record.label_set
    rows = record.predictions.get(key)
    if rows is None:
        known = [s for s in SCORE_NAMES if s in record.evaluations[key]["scores"]]
    else:
        known = list(rows.label_sets)
    if not known:
        return record.label_set
    default = record.label_set if record.label_set in known else known[0]
    chosen = st.segmented_control(
        "Judged by",
        known,
        default=default,
        format_func=lambda s: SCORE_NAMES[s],
        key=f"model_labels_{record.name}_{key}",
        help="The names of the folders that the pictures are in."
        if known == [FOLDER_LABELS]
        else "Two label sets exist for the same images and agree on few more than six in ten: "
        "scores on them are different tasks.",
    )
    return chosen or default
