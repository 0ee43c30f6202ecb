"""The tables behind the charts of the model page: computed from a model folder's own files.

Nothing here draws; every function returns plain rows, so that a chart and the file behind its
download button hold the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_core.datasets.near_duplicates import has_near_duplicate
from emotion_core.evaluation import metrics
from emotion_core.evaluation.evaluate import SCORE_NAMES, score_block
from emotion_core.evaluation.predictions import Predictions
from emotion_core.evaluation.published_results import peers_of
from emotion_core.labels import EXPRESSIONS, LABEL_SETS, NUM_EXPRESSIONS

# More points than a chart has pixels only make the page slow.
MAX_POINTS: Final[int] = 300
# Who the figures of a comparison belong to, other than the models.
PEOPLE_AND_CHANCE: Final[str] = "people and chance"
MEASURED_HERE: Final[str] = "measured here"
PUBLISHED: Final[str] = "published elsewhere"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The images of one split that count for one label set, and what the network said.

    Attributes:
        label_set: whose labels.
        names: (N,) str.
        truth: (N,) int64 indices into EXPRESSIONS.
        probs: (N, 7) float64, served and calibrated.
        raw: (N, 7) float64, served before calibration.
        near_duplicate: (N,) bool, the image has a near-identical one in an earlier split; None:
            not known.
    """

    label_set: str
    names: NDArray[np.str_]
    truth: NDArray[np.int64]
    probs: NDArray[np.float64]
    raw: NDArray[np.float64]
    near_duplicate: NDArray[np.bool_] | None

    @property
    def score_name(self) -> str:
        """What the score of these images is called."""
        return SCORE_NAMES[self.label_set]

    @property
    def answers(self) -> NDArray[np.int64]:
        """(N,) the most probable expression of each image."""
        return self.probs.argmax(axis=1)


def scored(
    rows: Predictions,
    label_set: str,
    split: str,
    temperature: float,
    near_duplicates: pd.DataFrame | None,
) -> Scored:
    """The rows of a predictions file that count for a label set."""
    kept = rows.labelled(label_set)
    names, probs = rows.names[kept], rows.served_probs[kept]
    duplicated = None
    if near_duplicates is not None:
        duplicated = has_near_duplicate(names, split, near_duplicates)
    raw = before_calibration(probs, temperature)
    return Scored(label_set, names, rows.labels[label_set][kept], probs, raw, duplicated)


def before_calibration(probs: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Undo a temperature: softmax(z) from softmax(z / T), as p ** T made to sum to 1."""
    logs = temperature * np.log(np.maximum(probs, metrics.SMALLEST_PROBABILITY))
    powers = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def score_blocks(images: Scored, resamples: int = 1000) -> dict[str, dict[str, Any]]:
    """`full` and, where they are known, `without_near_duplicates`: as `evaluate.score_block`."""
    keep = {"full": np.ones(len(images.truth), bool)}
    if images.near_duplicate is not None:
        keep["without_near_duplicates"] = ~images.near_duplicate
    return {
        name: score_block(images.truth[k], images.probs[k], images.raw[k], resamples)
        for name, k in keep.items()
        if k.any()
    }


def confusion_table(block: dict[str, Any]) -> pd.DataFrame:
    """Columns truth, answer, count, of_truth and of_answer (shares 0-1); 49 rows.

    Args:
        block: of `evaluate.score_block`.
    """
    counts = np.asarray(block["confusion_matrix"], np.int64)
    of_truth = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    of_answer = counts / np.maximum(counts.sum(0, keepdims=True), 1)
    rows = [
        (truth, answer, int(counts[i, j]), of_truth[i, j], of_answer[i, j])
        for i, truth in enumerate(EXPRESSIONS)
        for j, answer in enumerate(EXPRESSIONS)
    ]
    return pd.DataFrame(rows, columns=["truth", "answer", "count", "of_truth", "of_answer"])


def cell_table(images: Scored, truth: str, answer: str) -> pd.DataFrame:
    """The images of one cell of the confusion matrix, the surest first."""
    row, column = EXPRESSIONS.index(truth), EXPRESSIONS.index(answer)
    inside = (images.truth == row) & (images.answers == column)
    table = pd.DataFrame(
        {
            "image": images.names[inside],
            "confidence": images.probs[inside].max(axis=1),
            f"probability of {truth}": images.probs[inside, row],
        }
    )
    return table.sort_values("confidence", ascending=False, ignore_index=True)


def class_table(block: dict[str, Any]) -> pd.DataFrame:
    """One row an expression: images, then precision, recall and f1 with their 95% intervals."""
    rows = []
    for expression in EXPRESSIONS:
        scores = block["per_class"][expression]
        row: dict[str, Any] = {"expression": expression, "images": scores["images"]}
        for name in ("precision", "recall", "f1"):
            row[name] = scores[name]["value"]
            row |= {f"{name}_{end}": scores[name][end] for end in ("low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def other_faces_table(
    measured: Mapping[str, Mapping[str, Any]], fer: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """One row for each network, set and expression: recall with its 95% interval, and images.

    Args:
        measured: model → its other_faces.json.
        fer: set → expression → recall of the library `fer`, without interval.
    """
    rows = [
        {"who": name, "set": block["name"], "expression": expression}
        | {"recall": r["value"], "low": r["low"], "high": r["high"], "images": r["images"]}
        for name, scores in measured.items()
        for block in scores["sets"]
        for expression, r in block["recall"].items()
    ]
    rows += [
        {"who": "fer 25.10", "set": name, "expression": expression, "recall": recall}
        for name, recalls in fer.items()
        for expression, recall in recalls.items()
    ]
    table = pd.DataFrame(rows)
    return table.assign(where=table["set"] + ", " + table["expression"])


def reliability_table(images: Scored) -> pd.DataFrame:
    """Filled bins before and after calibration: confidence and accuracy 0-1, and images."""
    parts = []
    for state, probs in (("before calibration", images.raw), ("after calibration", images.probs)):
        part = pd.DataFrame(metrics.reliability_table(images.truth, probs))
        part.insert(0, "state", state)
        parts.append(part[part["count"] > 0])
    return pd.concat(parts, ignore_index=True).rename(columns={"count": "images"})


def coverage_table(images: Scored) -> pd.DataFrame:
    """Accuracy of the surest share of the answers, from few to all of them."""
    coverage, accuracy, confidence = metrics.coverage_curve(images.truth, images.probs)
    # The first few answers are always right or always wrong: noise, no information.
    first = min(len(coverage) - 1, max(0, len(coverage) // 50))
    rows = np.unique(np.linspace(first, len(coverage) - 1, MAX_POINTS).astype(int))
    columns = {"coverage": coverage, "accuracy": accuracy, "confidence": confidence}
    return pd.DataFrame({name: values[rows] for name, values in columns.items()})


def precision_recall_table(images: Scored) -> pd.DataFrame:
    """One curve an expression: recall, precision and the threshold that gives them."""
    parts = []
    for i, expression in enumerate(EXPRESSIONS):
        curve = metrics.precision_recall_curve(images.truth == i, images.probs[:, i])
        if not curve[0].size:
            continue
        area = metrics.average_precision(images.truth == i, images.probs[:, i])
        rows = np.unique(np.linspace(0, curve[0].size - 1, MAX_POINTS).astype(int))
        precision, recall, threshold = (values[rows] for values in curve)
        columns = {"recall": recall, "precision": precision, "threshold": threshold}
        parts.append(pd.DataFrame({"expression": expression, **columns, "average_precision": area}))
    return pd.concat(parts, ignore_index=True)


def roc_table(images: Scored) -> pd.DataFrame:
    """One curve an expression: false and true positive rate and the threshold that gives them."""
    parts = []
    for i, expression in enumerate(EXPRESSIONS):
        curve = metrics.roc_curve(images.truth == i, images.probs[:, i])
        if not curve[0].size:
            continue
        area = metrics.roc_auc(images.truth == i, images.probs[:, i])
        false_rate, true_rate, threshold = curve
        # Nearly all points are near the left edge and the top: steps along both axes keep both.
        way = np.linspace(0, 2, MAX_POINTS)
        rows = np.unique(np.searchsorted(false_rate + true_rate, way).clip(0, threshold.size - 1))
        columns = {
            "false_positive_rate": false_rate[rows],
            "true_positive_rate": true_rate[rows],
            # Above every score nothing is called: the curve's beginning has the threshold 1.
            "threshold": np.minimum(threshold[rows], 1.0),
        }
        parts.append(pd.DataFrame({"expression": expression, **columns, "auc": area}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def area_table(images: Scored) -> pd.DataFrame:
    """One row an expression and one for their mean: share of the images (what guessing scores in
    average precision), average precision and ROC AUC; NaN for an expression without an image."""
    rows = []
    for i, expression in enumerate(EXPRESSIONS):
        mine, score = images.truth == i, images.probs[:, i]
        areas = metrics.average_precision(mine, score), metrics.roc_auc(mine, score)
        rows.append((expression, int(mine.sum()), float(mine.mean()), *areas))
    columns = ["expression", "images", "share", "average_precision", "auc"]
    table = pd.DataFrame(rows, columns=columns)
    means = table[["average_precision", "auc"]].mean()
    shown = int((table["images"] > 0).sum())
    name = "mean of the seven" if shown == NUM_EXPRESSIONS else f"mean of the {shown} that occur"
    whole = (name, len(images.truth), float("nan"), *means)
    return pd.concat([table, pd.DataFrame([whole], columns=columns)], ignore_index=True)


def comparison_table(
    blocks_by_model: Mapping[str, Mapping[str, dict[str, Any]]],
    label_set: str,
    report: dict[str, Any] | None,
    with_peers: bool,
) -> pd.DataFrame:
    """Our accuracy among others': columns who, group, accuracy, low, high, source.

    Args:
        blocks_by_model: name of a model → blocks of `score_blocks`, all on the same images.
        label_set: whose labels.
        report: of evaluation.json for the same split: the people's agreement is there.
        with_peers: their figures are about the test split, and are not comparable with others.
    """
    rows: list[tuple[str, str, float, float | None, float | None, str]] = []
    for model, blocks in blocks_by_model.items():
        for name, block in blocks.items():
            who = model if name == "full" else f"{model}, without near-duplicates"
            source = f"computed from its predictions of {block['images']:,} images"
            rows.append((who, model, *_ends(block["accuracy"]), source))
    people = (report or {}).get("scores", {}).get(label_set, {}).get("human_agreement")
    if people:
        source = "one voter against the majority of the others, same images"
        rows.append(("people", PEOPLE_AND_CHANCE, *_ends(people), source))
    largest = _largest_class(blocks_by_model)
    if largest is not None:
        source = "always the most frequent expression, same images"
        rows.append(("chance", PEOPLE_AND_CHANCE, largest, None, None, source))
    if with_peers:
        for peer in peers_of(label_set):
            group = MEASURED_HERE if peer.measured else PUBLISHED
            group = PEOPLE_AND_CHANCE if peer.name.startswith("people") else group
            rows.append((peer.name, group, peer.accuracy, None, None, peer.source))
    columns = ["who", "group", "accuracy", "low", "high", "source"]
    return pd.DataFrame(rows, columns=columns).astype({"low": float, "high": float})


def _largest_class(blocks_by_model: Mapping[str, Mapping[str, dict[str, Any]]]) -> float | None:
    """The share of the most frequent expression among the images that were scored."""
    for blocks in blocks_by_model.values():
        counts = [row["images"] for row in blocks["full"]["per_class"].values()]
        return max(counts) / sum(counts)
    return None


def _ends(score: dict[str, Any]) -> tuple[float, float, float]:
    return score["value"], score["low"], score["high"]


def label_agreement(rows: Predictions) -> tuple[pd.DataFrame, float, int]:
    """Where the two label sets differ on the images that both keep.

    Returns:
        The table (fer2013, ferplus, count, share of the FER2013 label's images), the share of
        images with the same label in both (NaN without an image), and how many images that is of.
    """
    ours, theirs = (rows.labels[name] for name in LABEL_SETS)
    both = (ours >= 0) & (theirs >= 0)
    counts = metrics.confusion_matrix(theirs[both], ours[both], NUM_EXPRESSIONS)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    table = pd.DataFrame(
        [
            (original, voted, int(counts[i, j]), share[i, j])
            for i, original in enumerate(EXPRESSIONS)
            for j, voted in enumerate(EXPRESSIONS)
        ],
        columns=["fer2013", "ferplus", "count", "share"],
    )
    same = float(np.trace(counts) / counts.sum()) if both.any() else float("nan")
    return table, same, int(both.sum())


def with_share_left(robustness: pd.DataFrame) -> pd.DataFrame:
    """robustness.csv with a column `left`: the share of the undamaged accuracy that is left."""
    whole = robustness.loc[robustness["damage"] == "none", "accuracy"]
    undamaged = float(whole.iloc[0]) if len(whole) else float(robustness["accuracy"].max())
    return robustness.assign(left=robustness["accuracy"] / max(undamaged, 1e-9))


def history_long(history: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Some columns of history.csv as rows: epoch, curve (a name for reading), value."""
    kept = {column: name for column, name in columns.items() if column in history}
    long = history.melt("epoch", list(kept), "curve", "value")
    return long.assign(curve=long["curve"].map(kept)).dropna()


def best_epoch(history: pd.DataFrame, metadata: dict[str, Any]) -> int:
    """The epoch whose weights were kept; without a note of it, the one most often right."""
    noted = metadata.get("training", {}).get("best_epoch")
    if isinstance(noted, int) and noted in set(history["epoch"]):
        return noted
    return int(history["epoch"].to_numpy()[int(history["val_accuracy"].to_numpy().argmax())])
