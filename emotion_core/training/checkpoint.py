"""What a training run keeps on disk, so that it can be killed at any moment and go on.

state.json names the newest complete set of weights; it is replaced in one step, after the weights
are written. A kill therefore costs at most the epoch under way.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_core.atomic_io import parse_json, replace_file, replacing
from emotion_core.errors import CheckpointError, OutputError
from emotion_core.labels import EXPRESSIONS

HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "val_macro_f1",
    # On faces of other origin; empty where they were not measured.
    "cross_score",
    "cross_ece",
    "learning_rate",
    "seconds",
)
# What is kept of each parameter: the weight, Adam's two moments, and the moving average.
_NUMBERS_KEPT = 4
# The rest of a file of weights, with a margin.
_FILE_BYTES = 1_000_000


def bytes_kept(parameters: int) -> int:
    """The size of a file that a run keeps of a network in training, and a margin."""
    return _FILE_BYTES + _NUMBERS_KEPT * 4 * parameters


@dataclass(slots=True)
class RunState:
    """The progress of a run.

    Attributes:
        settings: `TrainingSettings.to_dict()`.
        fingerprint: of the data set the run has seen.
        history: one row an epoch, keys as in HISTORY_COLUMNS.
        best_epoch: the epoch of the kept weights, counted from 1; 0 before the first.
        best_score: its score, as `judge.total_score` counts it.
        other_faces: SHA-256 of the file of other faces that the run is measured on; "" for none.
        labels: the expressions in the order of the network's answers.
    """

    settings: dict[str, Any]
    fingerprint: str
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = float("-inf")
    other_faces: str = ""
    labels: list[str] = field(default_factory=lambda: list(EXPRESSIONS))

    def check(self) -> None:
        """Refuse values of another kind, as a damaged file has them.

        Raises:
            TypeError: names the value.
        """
        kinds: dict[str, type | tuple[type, ...]] = {
            "settings": dict,
            "fingerprint": str,
            "history": list,
            "best_epoch": int,
            "best_score": (int, float),
            "other_faces": str,
            "labels": list,
        }
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} is {getattr(self, name)!r}")
        if not all(isinstance(row, dict) for row in self.history):
            raise TypeError("history holds something that is no epoch")

    @property
    def epochs_done(self) -> int:
        """Complete epochs."""
        return len(self.history)


class RunFolder:
    """The working folder of one training run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state_file = path / "state.json"

    def state_weights(self, epoch: int) -> Path:
        """Network and optimizer after an epoch; what is drawn follows from seed and epoch."""
        return self.path / f"state_{epoch:04d}.weights.h5"

    def best_weights(self, epoch: int) -> Path:
        """The averaged network of an epoch, without optimizer."""
        return self.path / f"best_{epoch:04d}.weights.h5"

    def load(self) -> RunState | None:
        """The state to go on from, or None where nothing was begun.

        Raises:
            CheckpointError: there is one, and it is damaged.
        """
        if not self._state_file.exists():
            return None
        try:
            state = RunState(**parse_json(self._state_file.read_text("utf-8")))
            state.check()
        except (ValueError, TypeError, OSError) as error:
            raise CheckpointError(
                f"{self._state_file} is damaged ({error}). Delete {self.path} to begin again, or "
                "restore the file; finished models are not touched."
            ) from error
        needed = [self.state_weights(state.epochs_done)]
        needed += [self.best_weights(state.best_epoch)] if state.best_epoch else []
        for file in needed:
            if not file.exists():
                raise CheckpointError(
                    f"{file} is missing, so this run cannot go on. Delete {self.path} to begin "
                    "again, or restore the file."
                )
        return state

    def save(self, state: RunState) -> None:
        """Make `state` the one to go on from; its weights must be on disk already."""
        try:
            values = {name: getattr(state, name) for name in RunState.__slots__}
            replace_file(self._state_file, json.dumps(values).encode())
            write_history(self.path / "history.csv", state.history)
        except OSError as error:
            raise OutputError(f"The run's state cannot be written to {self.path}: {error}") from (
                error
            )
        keep = {self.state_weights(state.epochs_done), self.best_weights(state.best_epoch)}
        for file in self.path.glob("*.weights.h5"):
            if file not in keep:
                file.unlink(missing_ok=True)


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """history.csv: one row an epoch."""
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HISTORY_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(history)
