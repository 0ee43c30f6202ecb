"""models/runs.csv: every training run with its validation scores, and every look at a test split.

Looking at a test split often enough amounts to choosing on it; the log says how often that was.
"""

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_core.atomic_io import replacing
from emotion_core.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME: Final[str] = "runs.csv"
SCORES: Final[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "macro_f1", "rare_recall", "ece")
# On faces of other origin; empty where they were not measured, and in files of earlier versions.
CROSS_SCORES: Final[tuple[str, ...]] = ("cross_score", "cross_ece")
ALL_SCORES: Final[tuple[str, ...]] = SCORES + CROSS_SCORES


@dataclass(frozen=True, slots=True)
class Run:
    """One row.

    Attributes:
        model: name of the model folder.
        event: `train` (scores on validation after training), `trial` (the same of a short training
            in which one thing differs) or `evaluate` (a look at a split).
        dataset, split, label_set: what the scores were measured on.
        images: how many counted.
        scores: 0-1, by the names in `SCORES` and `CROSS_SCORES`; others are left out.
        note: the recipe in a few words, or why the look was taken.
    """

    model: str
    event: str
    dataset: str
    split: str
    label_set: str
    images: int
    scores: Mapping[str, float]
    note: str = ""

    def row(self, date: str) -> dict[str, Any]:
        """The row's columns."""
        return {
            "date": date,
            "model": self.model,
            "event": self.event,
            "dataset": self.dataset,
            "split": self.split,
            "label_set": self.label_set,
            "images": self.images,
            **{s: round(self.scores[s], 5) if s in self.scores else "" for s in ALL_SCORES},
            "note": self.note,
        }


def now() -> str:
    """The date and time of a row: UTC, to the minute."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M")


def log_run(models_dir: Path, run: Run) -> None:
    """Add a row to models/runs.csv; begin the file where there is none."""
    path, row = models_dir / FILE_NAME, run.row(now())
    begin = not path.exists() or path.stat().st_size == 0
    if not begin:
        _add_columns(path, list(row))
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if begin:
            writer.writeheader()
        writer.writerow(row)


def _add_columns(path: Path, columns: list[str]) -> None:
    """Give a file of an earlier version the columns that it lacks, empty, in today's order."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        before = list(reader.fieldnames or ())
        missing = set(columns) - set(before)
        if before == columns or not missing or not missing <= set(CROSS_SCORES):
            return
        rows = list(reader)
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, columns, restval="", extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


def read_runs(models_dir: Path) -> "pd.DataFrame":
    """All rows, oldest first; empty with the right columns where nothing was logged yet.

    Raises:
        ModelError: the file is there and cannot be read.
    """
    import pandas as pd

    path = models_dir / FILE_NAME
    columns = list(Run("", "", "", "", "", 0, {}).row(""))
    if not path.exists():
        return pd.DataFrame(columns=columns)
    try:
        table = pd.read_csv(path, keep_default_na=True, dtype={"note": str, "model": str})
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}. Restore it from the repository.") from (
            error
        )
    table[[c for c in CROSS_SCORES if c not in table.columns]] = float("nan")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ModelError(f"{path} lacks the columns {', '.join(missing)}.")
    return table[columns].fillna({"note": ""})
