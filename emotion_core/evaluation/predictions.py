"""predictions_<dataset>_<split>.csv: one row an image, from which every score can be recomputed.

Columns: `image`, `ferplus_label` and `fer2013_label` (names of expressions, empty where the label
set's rule drops the image), the seven expressions (probabilities of the float network, not
calibrated; empty where a model folder keeps no float network), then `served_<expression>` seven
times: what the program answers, from the quantised network, calibrated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.errors import ModelError
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS, LABEL_SETS

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.datasets.dataset import Split

SERVED_COLUMNS: Final[tuple[str, ...]] = tuple(f"served_{e}" for e in EXPRESSIONS)
LABEL_COLUMNS: Final[tuple[str, ...]] = tuple(f"{s}_label" for s in LABEL_SETS)
_OF_FOLDERS: Final = "predictions_folder_"
# Significant digits: no score needs more.
WRITTEN: Final = "%.4g"


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The file's rows as arrays; row i is the same image everywhere.

    Attributes:
        names: (N,) str.
        labels: label set → (N,) int64 indices into EXPRESSIONS, -1 where the image has none. The
            one label of a face that is labelled by its folder is under `labels`, not under the
            `fer2013` of its column.
        float_probs: (N, 7) float64, uncalibrated, of the float network; None if not kept.
        served_probs: (N, 7) float64, calibrated, of the served network.
    """

    names: NDArray[np.str_]
    labels: Mapping[str, NDArray[np.int64]]
    float_probs: NDArray[np.float64] | None
    served_probs: NDArray[np.float64]

    @property
    def label_sets(self) -> tuple[str, ...]:
        """The label sets that say something of these images."""
        return tuple(name for name in self.labels if self.labelled(name).any())

    def label_set_of(self, preferred: str) -> str | None:
        """This label set where it says something of these images, else the first that does."""
        known = self.label_sets
        return preferred if preferred in known else next(iter(known), None)

    def labelled(self, label_set: str) -> NDArray[np.bool_]:
        """(N,) bool: the image counts for this label set."""
        return self.labels[label_set] >= 0


def predictions_path(folder: Path, dataset: str, split: str) -> Path:
    """Path of the predictions for a split of a data set in a model folder."""
    return folder / f"predictions_{dataset}_{split}.csv"


def predictions_table(
    split: "Split", float_probs: NDArray[Any] | None, served_probs: NDArray[Any]
) -> "pd.DataFrame":
    """The file's table: probabilities (N, 7), rows as in the split."""
    import pandas as pd

    words = np.array([*EXPRESSIONS, ""])  # -1 picks the last: no label
    columns: dict[str, Any] = {"image": split.names}
    for label_set, column in zip(LABEL_SETS, LABEL_COLUMNS, strict=True):
        columns[column] = words[split.labels(label_set)]
    for i, expression in enumerate(EXPRESSIONS):
        columns[expression] = np.nan if float_probs is None else float_probs[:, i]
    for i, column in enumerate(SERVED_COLUMNS):
        columns[column] = served_probs[:, i]
    return pd.DataFrame(columns)


def as_written(probs: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities as a reader of the file gets them.

    The answers of an int8 network lie on a grid, so now and then two are equal but for the last
    digit. Scored before and after rounding, such a face would count differently.
    """
    return np.char.mod(WRITTEN, np.asarray(probs, np.float64)).astype(np.float64)


def write_predictions(path: Path, table: "pd.DataFrame") -> None:
    """Write the file whole."""
    replace_file(path, table.to_csv(index=False, float_format=WRITTEN).encode("utf-8"))


def read_predictions(path: Path) -> Predictions:
    """Read the file; its columns may be in any order.

    Raises:
        ModelError: it is missing, unreadable, lacks a column or holds an unknown expression.
    """
    import pandas as pd

    again = "`python -m emotion_core evaluate` writes it anew."
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(("image", *LABEL_COLUMNS), str))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}). {again}") from error
    wanted = ("image", *LABEL_COLUMNS, *EXPRESSIONS, *SERVED_COLUMNS)
    missing = [c for c in wanted if c not in table.columns]
    if missing:
        raise ModelError(f"{path} lacks the columns {', '.join(missing)}. {again}")
    float_probs, served = (_numbers(table, c, path) for c in (EXPRESSIONS, SERVED_COLUMNS))
    if np.isnan(served).any():
        raise ModelError(f"{path} has rows without served probabilities. {again}")
    # Wider than seven written digits can be off; a mixed-up or foreign column is off by far more.
    if (served < 0).any() or np.abs(served.sum(axis=1) - 1).max(initial=0) > 0.01:
        raise ModelError(f"{path} has served probabilities that do not add up to 1. {again}")
    labels = {s: _indices(table[f"{s}_label"], path) for s in LABEL_SETS}
    if path.name.startswith(_OF_FOLDERS):
        nothing = np.full(len(table), -1, np.int64)
        labels = {"ferplus": nothing, "fer2013": nothing, FOLDER_LABELS: labels["fer2013"]}
    return Predictions(
        names=table["image"].to_numpy(dtype=str),
        labels=labels,
        float_probs=None if np.isnan(float_probs).any() else float_probs,
        served_probs=served,
    )


def _numbers(table: "pd.DataFrame", columns: tuple[str, ...], path: Path) -> NDArray[np.float64]:
    try:
        return table[list(columns)].to_numpy(dtype=np.float64)
    except ValueError as error:
        raise ModelError(f"{path} holds a probability that is no number: {error}.") from error


def _indices(words: "pd.Series[Any]", path: Path) -> NDArray[np.int64]:
    codes = {e: i for i, e in enumerate(EXPRESSIONS)}
    unknown = set(words.dropna()) - set(codes)
    if unknown:
        raise ModelError(f"{path} names unknown expressions: {', '.join(sorted(unknown))}.")
    return np.asarray(words.map(codes).fillna(-1), np.int64)
