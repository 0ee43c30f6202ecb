"""What a model folder says about itself: written by `train` and `evaluate`, read by the model page
and the model card.

evaluation.json holds {version, evaluations: {<dataset>_<split>: report of evaluate_model}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_core.atomic_io import parse_json, replace_file, write_json
from emotion_core.datasets import known_images, near_duplicates
from emotion_core.datasets.former_names import existing_file, with_present_names
from emotion_core.errors import ModelError
from emotion_core.evaluation import experiment_log
from emotion_core.evaluation.labels_learnt import folder_learnt, learnt_words
from emotion_core.evaluation.other_faces import load_other_faces
from emotion_core.evaluation.predictions import (
    Predictions,
    predictions_path,
    read_predictions,
    write_predictions,
)
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS
from emotion_core.model.bundle import (
    FORMAT_VERSION,
    is_external,
    list_models,
    load_bundle,
)

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.datasets.dataset import Dataset
    from emotion_core.evaluation.evaluate import Evaluation

VERSION: Final[int] = 1
HISTORY_COLUMNS: Final[tuple[str, ...]] = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
ROBUSTNESS_COLUMNS: Final[tuple[str, ...]] = ("split", "damage", "level", "unit", "accuracy")
_WORDS: Final[tuple[str, ...]] = ("split", "damage", "unit")
_BLOCK_SCORES: Final[tuple[str, ...]] = (
    *("accuracy", "balanced_accuracy", "macro_f1", "rare_recall", "ece", "nll"),
    *("accuracy_at_90", "accuracy_at_80"),
)
_SCORE_PARTS: Final = frozenset({"name", "full", "without_near_duplicates", "chance"})


@dataclass(slots=True, eq=False)
class ModelRecord:
    """All that could be read of a model folder; what could not is named in `problems`.

    Attributes:
        name: of the folder.
        metadata: model.json.
        evaluations: `<dataset>_<split>` → report of `evaluate.evaluate_model`.
        predictions: `<dataset>_<split>` → the rows of its file.
        other_faces: scores on faces of other origin; None where not measured or damaged.
        history, robustness, near_duplicates: the tables; None where missing or damaged.
        problems: one sentence a file that is missing or damaged.
    """

    name: str
    metadata: dict[str, Any] = field(default_factory=dict)
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    other_faces: dict[str, Any] | None = None
    history: pd.DataFrame | None = None
    robustness: pd.DataFrame | None = None
    near_duplicates: pd.DataFrame | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def label_set(self) -> str:
        """Whose labels judge it first: those it learnt; `ferplus` where model.json does not say."""
        if self.folder:
            return FOLDER_LABELS
        return "fer2013" if self.metadata.get("label_set") == "fer2013" else "ferplus"

    @property
    def is_external(self) -> bool:
        """Whether the network was made elsewhere."""
        return is_external(self.metadata)

    @property
    def folder(self) -> str:
        """Name of the faces whose folders gave the labels; "" where the labels were others."""
        return folder_learnt(self.metadata, self.evaluations)

    @property
    def learnt(self) -> str:
        """Whose labels it learnt, in words that follow "learnt"."""
        return learnt_words(self.metadata, self.folder)


def read_record(folder: Path) -> ModelRecord:
    """Read everything in models/<name> that is there and whole; never raises for a bad file."""
    record = ModelRecord(folder.name)
    record.metadata = _attempt(record, lambda: _read_metadata(folder / "model.json")) or {}
    _read_measured(record, folder)
    files = sorted(folder.glob("predictions_*_*.csv"))
    for file in files:
        rows = _attempt(record, lambda file=file: read_predictions(file))
        if rows is not None:
            record.predictions[file.stem.removeprefix("predictions_")] = rows
    if record.is_external:
        # It has no training history, and need not have been measured.
        return record
    record.problems += _doubts(folder / "model.json", record.metadata)
    record.history = _attempt(record, lambda: _table(folder / "history.csv", HISTORY_COLUMNS))
    if not files:
        record.problems.append(f"{folder} has no predictions_<dataset>_<split>.csv. {_REMAKE}")
    return record


def _read_measured(record: ModelRecord, folder: Path) -> None:
    """Scores; of a network made elsewhere only those that are there."""
    trained = not record.is_external
    if trained or (folder / "evaluation.json").exists():
        record.evaluations = _attempt(record, lambda: read_evaluations(folder)) or {}
    record.other_faces = _attempt(record, lambda: load_other_faces(folder))
    robustness = folder / "robustness.csv"
    # Fine-tuning leaves that measurement out: its tab says how to make up for it.
    if (trained and not record.folder) or robustness.exists():
        record.robustness = _attempt(record, lambda: _table(robustness, ROBUSTNESS_COLUMNS))
    file = near_duplicates_file(folder)
    if trained or file.exists():
        record.near_duplicates = _attempt(
            record, lambda: near_duplicates.read_near_duplicates(file)
        )


def served_sizes(folders: Mapping[str, Path]) -> dict[str, int]:
    """Name → bytes of the network that is asked, of the model folders that keep one."""
    sizes = {}
    for name, folder in folders.items():
        try:
            sizes[name] = load_bundle(folder.name, folder.parent).served_file.stat().st_size
        except (ModelError, OSError):
            continue
    return sizes


def list_records(models_dir: Path) -> list[str]:
    """Names of the folders that hold anything of a model, the default one first.

    More than `list_models`: a folder without its model.json still has scores to show.
    """
    whole = list_models(models_dir)
    files = [file for name in _ANY_OF for file in models_dir.glob(f"*/{name}")]
    found = {file.parent.name for file in files if not file.parent.name.startswith(".")}
    return whole + sorted(found - set(whole))


_ANY_OF: Final[tuple[str, ...]] = ("predictions_*_*.csv", "evaluation.json", "history.csv")
_REMAKE: Final[str] = "`python -m emotion_core evaluate --data PATH` writes it."


def _attempt(record: ModelRecord, read: Any) -> Any:
    try:
        return read()
    except ModelError as error:
        record.problems.append(str(error))
        return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = parse_json(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing. {_REMAKE}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}). {_REMAKE}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} does not hold a JSON object. {_REMAKE}")
    return values


def _read_metadata(path: Path) -> dict[str, Any]:
    values = _read_json(path)
    groups = ("settings", "training", "network", "dataset", "packages", "unsure")
    wrong = [name for name in groups if not isinstance(values.get(name, {}), dict)]
    temperature = values.get("temperature", 1 if is_external(values) else None)
    if not isinstance(temperature, int | float) or not temperature > 0:
        wrong.append("temperature")
    if wrong:
        raise ModelError(f"{path} is damaged: {', '.join(wrong)}. Restore it or train again.")
    return values


def _doubts(path: Path, values: dict[str, Any]) -> list[str]:
    """What a reader of the page must know about a model.json that can be read."""
    if not values:
        return []
    doubts = []
    if values.get("version") != FORMAT_VERSION:
        doubts.append(
            f"{path} has the version {values.get('version')}; this program reads version "
            f"{FORMAT_VERSION}, so some of it may be missing or wrong here."
        )
    if list(values.get("labels") or ()) != list(EXPRESSIONS):
        doubts.append(
            f"{path} lists the labels {values.get('labels')}, expected {list(EXPRESSIONS)}. "
            "Columns are read by their names here, but such a network is not served."
        )
    return doubts


def read_evaluations(folder: Path) -> dict[str, dict[str, Any]]:
    """The reports in a folder's evaluation.json.

    Raises:
        ModelError: the file is missing, damaged or of another version.
    """
    path = folder / "evaluation.json"
    values = with_present_names(_read_json(path))
    reports = values.get("evaluations")
    if values.get("version") != VERSION or not isinstance(reports, dict):
        raise ModelError(f"{path} is of another version of this program. {_REMAKE}")
    for name, report in reports.items():
        if not _is_report(report):
            raise ModelError(f"{path} is damaged: {name} is no complete report. {_REMAKE}")
    return reports


def _is_report(report: Any) -> bool:
    """Whether what the page and the card read of a report is there."""
    if not isinstance(report, dict) or not {"split", "headline", "speed"} <= set(report):
        return False
    scores, headline = report.get("scores"), report["headline"]
    return (
        isinstance(scores, dict)
        and isinstance(headline, dict)
        and {"label_set", "name", "accuracy"} <= set(headline)
        and headline["label_set"] in scores
        and all(_is_score(score) for score in scores.values())
    )


def _is_score(score: Any) -> bool:
    if not isinstance(score, dict) or not set(score) >= _SCORE_PARTS:
        return False
    people, without = score.get("human_agreement"), score["without_near_duplicates"]
    blocks = [score["full"], *([without] if without else [])]
    return (people is None or _is_interval(people)) and all(_is_block(block) for block in blocks)


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict) or not all(_is_interval(block.get(s)) for s in _BLOCK_SCORES):
        return False
    rows, matrix = block.get("per_class"), block.get("confusion_matrix")
    return (
        {"images", "ece_uncalibrated"} <= set(block)
        and isinstance(rows, dict)
        and all(isinstance(rows.get(e), dict) and _is_class(rows[e]) for e in EXPRESSIONS)
        and isinstance(matrix, list)
        and [len(row) for row in matrix if isinstance(row, list)] == [len(EXPRESSIONS)] * 7
    )


def _is_class(row: dict[str, Any]) -> bool:
    return "images" in row and all(_is_interval(row.get(s)) for s in ("precision", "recall", "f1"))


def _is_interval(score: Any) -> bool:
    return isinstance(score, dict) and {"value", "low", "high"} <= set(score)


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ModelError(f"{path} lacks the columns {', '.join(missing)}.")
    words = [c for c in columns if c not in _WORDS and not pd.api.types.is_numeric_dtype(table[c])]
    if words or not len(table):
        what = f"{words[0]} holds something that is no number" if len(table) else "it has no row"
        raise ModelError(f"{path} is damaged: {what}.")
    return table


def near_duplicates_file(folder: Path) -> Path:
    """Path of the near-duplicates of a model's data: in its folder, else in the folder above."""
    name = near_duplicates.FILE_NAME
    found = existing_file(folder, name) or existing_file(folder.parent, name)
    return found or folder.parent / name


def known_file(folder: Path) -> Path:
    """Path of the sample by which a model's data are recognised."""
    own = folder / known_images.FILE_NAME
    return own if own.is_file() else folder.parent / known_images.FILE_NAME


def _data_place(folder: Path, fingerprint: str, name: str) -> Path:
    """Files above the model folders belong to the data of the default model; other data have
    their own."""
    shared = folder.parent / name
    default = shared_fingerprint(folder.parent)
    same = default == fingerprint if default else not existing_file(folder.parent, name)
    return shared if same else folder / name


def save_known(folder: Path, dataset: Dataset) -> None:
    """Write known_images.csv for the data that a model learnt from.

    Raises:
        OSError: the file cannot be written.
    """
    place = _data_place(folder, dataset.fingerprint, known_images.FILE_NAME)
    known_images.write_known(place, dataset.splits)


def shared_fingerprint(models_dir: Path) -> str:
    """The fingerprint of the data that the default model was trained on; "" where not known."""
    try:
        data = load_bundle(models_dir=models_dir).metadata.get("dataset")
    except ModelError:
        return ""
    return str(data.get("fingerprint", "")) if isinstance(data, dict) else ""


def save_evaluation(found: Evaluation, folder: Path, *, apart: bool = False) -> None:
    """Write the scores into a model folder, next to those of other splits.

    predictions_<dataset>_<split>.csv and evaluation.json; robustness.csv where it was measured,
    unless it would replace the test split's by another's;
    near_duplicates.csv into the folder above where it is of the data that all models there share.

    Args:
        found: what was measured.
        folder: models/<name>, or another folder.
        apart: write nothing outside of the folder.

    Raises:
        OSError: a file cannot be written.
    """
    report = found.report
    write_predictions(
        predictions_path(folder, report["dataset"], report["split"]), found.predictions
    )
    try:
        reports = read_evaluations(folder)
    except ModelError:  # missing or damaged: start again
        reports = {}
    reports[f"{report['dataset']}_{report['split']}"] = report
    write_json(folder / "evaluation.json", {"version": VERSION, "evaluations": reports})
    if found.robustness is not None and _is_next(folder / "robustness.csv", report["split"]):
        text = found.robustness.to_csv(index=False)
        replace_file(folder / "robustness.csv", text.encode("utf-8"))
    name = near_duplicates.FILE_NAME
    place = folder / name if apart else _data_place(folder, report["fingerprint"], name)
    near_duplicates.write_near_duplicates(place, found.near_duplicates)


def _is_next(path: Path, split: str) -> bool:
    """Whether a measurement on this split replaces the one there: the test split's stays."""
    try:
        before = set(_table(path, ROBUSTNESS_COLUMNS)["split"])
    except ModelError:
        return True
    return split == "test" or "test" not in before


def run_of(report: dict[str, Any], event: str, note: str = "") -> experiment_log.Run:
    """The row of experiment_log.csv for a report."""
    headline = report["headline"]
    return experiment_log.Run(
        model=report["model"],
        event=event,
        dataset=report["dataset"],
        split=report["split"],
        label_set=headline["label_set"],
        images=headline["images"],
        scores={s: headline[s] for s in experiment_log.SCORES},
        note=note,
    )
