"""What a model folder says about itself: written by `train` and `evaluate`, read by the model page
and the model card.

evaluation.json holds {version, evaluations: {<dataset>_<split>: report of evaluate_model}}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_core.errors import ModelError
from emotion_core.training import runs
from emotion_core.training.files import replace_file, write_json
from emotion_core.training.predictions import (
    Predictions,
    predictions_path,
    read_predictions,
    write_predictions,
)
from emotion_core.training.twins import read_twins, write_twins

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.training.evaluate import Evaluation

VERSION: Final[int] = 1
HISTORY_COLUMNS: Final[tuple[str, ...]] = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
ROBUSTNESS_COLUMNS: Final[tuple[str, ...]] = ("split", "damage", "level", "unit", "accuracy")
_WORDS: Final[tuple[str, ...]] = ("split", "damage", "unit")


@dataclass(slots=True, eq=False)
class ModelRecord:
    """All that could be read of a model folder; what could not is named in `problems`.

    Attributes:
        name: of the folder.
        metadata: model.json.
        evaluations: `<dataset>_<split>` → report of `evaluate.evaluate_model`.
        predictions: `<dataset>_<split>` → the rows of its file.
        history, robustness, twins: the tables; None where missing or damaged.
        problems: one sentence a file that is missing or damaged.
    """

    name: str
    metadata: dict[str, Any] = field(default_factory=dict)
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    history: pd.DataFrame | None = None
    robustness: pd.DataFrame | None = None
    twins: pd.DataFrame | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def label_set(self) -> str:
        """Whose labels the model learnt; `ferplus` where model.json does not say."""
        return "fer2013" if self.metadata.get("label_set") == "fer2013" else "ferplus"


def read_record(folder: Path) -> ModelRecord:
    """Read everything in models/<name> that is there and whole; never raises for a bad file."""
    record = ModelRecord(folder.name)
    record.metadata = _attempt(record, lambda: _read_metadata(folder / "model.json")) or {}
    record.evaluations = _attempt(record, lambda: read_evaluations(folder)) or {}
    record.history = _attempt(record, lambda: _table(folder / "history.csv", HISTORY_COLUMNS))
    record.robustness = _attempt(
        record, lambda: _table(folder / "robustness.csv", ROBUSTNESS_COLUMNS)
    )
    record.twins = _attempt(record, lambda: read_twins(folder.parent / "twins.csv"))
    files = sorted(folder.glob("predictions_*_*.csv"))
    for file in files:
        rows = _attempt(record, lambda file=file: read_predictions(file))
        if rows is not None:
            record.predictions[file.stem.removeprefix("predictions_")] = rows
    if not files:
        record.problems.append(f"{folder} has no predictions_<dataset>_<split>.csv. {_REMAKE}")
    return record


_REMAKE: Final[str] = "`python -m emotion_core evaluate --data PATH` writes it."


def _attempt(record: ModelRecord, read: Any) -> Any:
    try:
        return read()
    except ModelError as error:
        record.problems.append(str(error))
        return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
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
    temperature = values.get("temperature")
    if not isinstance(temperature, int | float) or not temperature > 0:
        wrong.append("temperature")
    if wrong:
        raise ModelError(f"{path} is damaged: {', '.join(wrong)}. Restore it or train again.")
    return values


def read_evaluations(folder: Path) -> dict[str, dict[str, Any]]:
    """The reports in a folder's evaluation.json.

    Raises:
        ModelError: the file is missing, damaged or of another version.
    """
    path = folder / "evaluation.json"
    values = _read_json(path)
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
    scores = report.get("scores")
    needed = {"name", "full", "without_twins", "chance"}
    return isinstance(scores, dict) and all(
        isinstance(block, dict) and needed <= set(block) for block in scores.values()
    )


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


def save_evaluation(found: Evaluation, folder: Path) -> None:
    """Write what was measured into a model folder, beside what was measured on other splits.

    predictions_<dataset>_<split>.csv and evaluation.json; robustness.csv where it was measured;
    twins.csv into the folder above, where all models share it.

    Raises:
        OSError: a file cannot be written.
    """
    report = found.report
    write_predictions(
        predictions_path(folder, report["dataset"], report["split"]), found.predictions
    )
    try:
        known = read_evaluations(folder)
    except ModelError:  # missing or damaged: begun anew
        known = {}
    known[f"{report['dataset']}_{report['split']}"] = report
    write_json(folder / "evaluation.json", {"version": VERSION, "evaluations": known})
    if found.robustness is not None:
        text = found.robustness.to_csv(index=False)
        replace_file(folder / "robustness.csv", text.encode("utf-8"))
    write_twins(folder.parent / "twins.csv", found.twins)


def run_of(report: dict[str, Any], event: str, note: str = "") -> runs.Run:
    """The row of runs.csv for a report."""
    headline = report["headline"]
    return runs.Run(
        model=report["model"],
        event=event,
        dataset=report["dataset"],
        split=report["split"],
        label_set=headline["label_set"],
        images=headline["images"],
        scores={s: headline[s] for s in runs.SCORES},
        note=note,
    )
