"""How good a model is on one split: every score with its interval, for every label set there is.

Nothing here decides anything: choices are made on validation, and `commands.evaluate` is the only
caller that hands in a test split.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datasets import near_duplicates
from emotion_core.errors import DatasetError
from emotion_core.evaluation import bootstrap, corruptions, experiment_log, metrics
from emotion_core.evaluation.bootstrap import Interval
from emotion_core.evaluation.inference import (
    Answers,
    ask_both,
    float_milliseconds_per_face,
    served_readings,
)
from emotion_core.evaluation.predictions import as_written, predictions_table
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS, LABEL_SETS, NUM_EXPRESSIONS
from emotion_core.model import tflite_export
from emotion_core.model.classify import Classifier
from emotion_core.progress import OnProgress, Progress, ignore_progress

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.datasets.dataset import Dataset, Split
    from emotion_core.model.adaptation import Adaptation
    from emotion_core.model.bundle import ModelBundle

SCORE_NAMES: Final[dict[str, str]] = {
    "ferplus": "FER+ 7-class",
    "fer2013": "FER2013",
    FOLDER_LABELS: "labels of the folders",
}
# Seldom seen and hardest: their mean recall is a score of its own.
RARE: Final[tuple[int, ...]] = (EXPRESSIONS.index("disgust"), EXPRESSIONS.index("fear"))


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One model on one split.

    Attributes:
        report: plain values for JSON; see `evaluate_model`.
        predictions: the table of predictions_<dataset>_<split>.csv.
        near_duplicates: across the splits of the data set, as `near_duplicates.pairs_across`.
        robustness: the table of corruptions.csv; None where it was not asked for.
    """

    report: dict[str, Any]
    predictions: pd.DataFrame
    near_duplicates: pd.DataFrame
    robustness: pd.DataFrame | None


def dataset_kind(split: Split) -> str:
    """`ferplus`, `fer2013` or `folder`: the name in file names and reports."""
    if split.votes.any():
        return "ferplus"
    known = re.compile(r"fer\d{7}\.png")
    return "fer2013" if all(known.fullmatch(str(n)) for n in split.names) else "folder"


def label_sets_of(split: Split) -> dict[str, NDArray[np.int8]]:
    """The label sets that a split carries: name → (N,) indices, -1 where an image has none."""
    if dataset_kind(split) == "folder":
        return {FOLDER_LABELS: split.fer2013}
    return {s: split.labels(s) for s in LABEL_SETS if (split.labels(s) >= 0).any()}


def score_block(
    truth: NDArray[np.integer],
    probs: NDArray[np.floating],
    raw: NDArray[np.floating],
    resamples: int = 1000,
) -> dict[str, Any]:
    """All scores of one set of images as plain values; shares are 0-1.

    Args:
        truth: (N,) indices into EXPRESSIONS, N >= 1.
        probs: (N, 7) calibrated.
        raw: (N, 7) before calibration: only for `ece_uncalibrated`.
        resamples: of the bootstrap.

    Returns:
        images; accuracy, balanced_accuracy, macro_f1, rare_recall, ece, nll, accuracy_at_100, _90
        and _80, each {value, low, high}; ece_uncalibrated; per_class: expression → {images,
        precision, recall, f1}; confusion_matrix: 7 rows (truth) of 7 counts (answer).
    """
    scores = bootstrap.scores_with_intervals(truth, probs, RARE, resamples)
    block: dict[str, Any] = {"images": len(truth)}
    block |= {k: asdict(v) for k, v in scores.items() if isinstance(v, Interval)}
    block["ece_uncalibrated"] = metrics.expected_calibration_error(truth, raw)
    counts = np.bincount(truth, minlength=NUM_EXPRESSIONS)
    per_class = {k: v for k, v in scores.items() if isinstance(v, list)}
    block["per_class"] = {
        expression: {"images": int(counts[i])} | {k: asdict(v[i]) for k, v in per_class.items()}
        for i, expression in enumerate(EXPRESSIONS)
    }
    answers = probs.argmax(axis=1)
    confusion = metrics.confusion_matrix(truth, answers, NUM_EXPRESSIONS)
    block["confusion_matrix"] = confusion.tolist()
    return block


def score_label_set(
    label_set: str,
    split: Split,
    labels: NDArray[np.int8],
    answers: Answers,
    duplicated: NDArray[np.bool_] | None,
    resamples: int = 1000,
) -> dict[str, Any]:
    """A split scored against one label set: full, without near-duplicates, the float network, the
    served one without second looks, and people."""

    def block(rows: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not rows.any():
            return None
        chosen = (answers.served_probs[rows], answers.served_raw[rows])
        return score_block(labels[rows].astype(np.int64), *chosen, resamples)

    kept = labels >= 0
    truth = labels[kept].astype(np.int64)
    result: dict[str, Any] = {
        "name": SCORE_NAMES[label_set],
        "full": block(kept),
        "without_near_duplicates": None if duplicated is None else block(kept & ~duplicated),
        "chance": dict(metrics.chance_scores(truth, NUM_EXPRESSIONS)),
    }
    if answers.float_probs is not None:
        scores = metrics.point_scores(truth, answers.float_probs[kept], RARE)
        result["float"] = {k: v for k, v in scores.items() if isinstance(v, float)}
    scores = metrics.point_scores(truth, answers.once_raw[kept], RARE)
    result["served_once"] = {k: v for k, v in scores.items() if isinstance(v, float)}
    counts = split.votes[kept].astype(np.int64)
    counts = counts[counts.sum(axis=1) >= 2]
    if label_set == "ferplus" and len(counts):
        agreed = metrics.agreement_by_image(counts)
        result["human_agreement"] = asdict(bootstrap.mean_interval(agreed))
    return result


def evaluate_model(
    bundle: ModelBundle,
    dataset: Dataset,
    split_name: str,
    label_set: str | None = None,
    with_robustness: bool = True,
    progress: OnProgress = ignore_progress,
    adaptation: Adaptation | None = None,
) -> Evaluation:
    """Measure a model on one split, without writing anything.

    Args:
        bundle: the model folder.
        dataset: its other splits are searched for near-duplicates.
        split_name: `train`, `validation`, `test` or `all`.
        label_set: whose score is the headline; None: the one the model learnt, where it is there.
        with_robustness: also on damaged faces, which takes most of the time, and the float network
            timed next to the served one.
        progress: called with the step's name and how far it is.
        adaptation: corrects the served network's answers before they are scored; the float network
            and `served_against_float` are without it.

    Returns:
        `report` holds model, label_set, dataset, split, fingerprint, date, images, splits (images
        of each), notes (what was done to the pictures), headline (label set and plain figures),
        scores by label set, served_against_float, labels_agree and speed; with an adaptation
        also adaptation, as `Adaptation.described`.

    Raises:
        DatasetError: the split is missing or has no label of the set asked for.
        ModelError: a network cannot be loaded.
    """
    split = dataset.split(split_name)
    label_sets = label_sets_of(split)
    headline = _headline(label_set, bundle.label_set, label_sets, split_name)
    answers = _as_written(_adapted(ask_both(bundle, split.images, progress), adaptation))
    table, duplicated = _near_duplicates(dataset, split, progress)
    scores = {}
    for done, (name, labels) in enumerate(label_sets.items()):
        progress(Progress("scores and intervals", done, len(label_sets)))
        scores[name] = score_label_set(name, split, labels, answers, duplicated)
    progress(Progress("scores and intervals", len(label_sets), len(label_sets)))
    report = _origin(bundle, dataset, split) | {
        "headline": _plain(headline, scores[headline]),
        "scores": scores,
        "served_against_float": _compare(answers, scores),
        "labels_agree": _labels_agree(label_sets),
        "speed": _speed(bundle, answers, split if with_robustness else None),
    }
    if adaptation is not None:
        report["adaptation"] = adaptation.described()
    asked = (bundle, split, headline, progress, adaptation)
    damaged = _robustness(*asked) if with_robustness else None
    rows = predictions_table(split, answers.float_probs, answers.served_probs)
    return Evaluation(report, rows, table, damaged)


def _adapted(answers: Answers, adaptation: Adaptation | None) -> Answers:
    if adaptation is None:
        return answers
    probs = np.asarray(answers.served_probs, np.float32)
    return replace(answers, served_probs=adaptation.apply(probs, answers.features))


def _as_written(answers: Answers) -> Answers:
    """What the file of predictions will say, so that scores computed from it are the same."""
    floats = answers.float_probs
    return replace(
        answers,
        served_probs=as_written(answers.served_probs),
        float_probs=None if floats is None else as_written(floats),
    )


def _origin(bundle: ModelBundle, dataset: Dataset, split: Split) -> dict[str, Any]:
    """What was measured, on what and when."""
    return {
        "model": bundle.name,
        "label_set": bundle.label_set,
        "dataset": dataset_kind(split),
        "split": split.name,
        "fingerprint": dataset.fingerprint,
        "date": experiment_log.now(),
        "images": len(split),
        "splits": {name: len(part) for name, part in dataset.splits.items()},
        "notes": list(dataset.notes),
    }


def _headline(
    asked: str | None, learnt: str, label_sets: dict[str, NDArray[np.int8]], split_name: str
) -> str:
    if FOLDER_LABELS in label_sets:
        if asked:
            raise DatasetError(
                f"These images carry the labels of their folders, not those of {asked}: leave "
                "--labels out."
            )
        return FOLDER_LABELS
    wanted = asked or (learnt if learnt in label_sets else next(iter(label_sets), learnt))
    if wanted not in label_sets:
        raise DatasetError(
            f"The {split_name} split has no {wanted} labels; it has "
            f"{', '.join(label_sets) or 'none at all'}. Choose with --labels, or give other --data."
        )
    return wanted


def _plain(label_set: str, scores: dict[str, Any]) -> dict[str, Any]:
    """The headline's figures without intervals, for readers in a hurry."""
    full = scores["full"]
    values = {k: v["value"] for k, v in full.items() if isinstance(v, dict) and "value" in v}
    without = scores["without_near_duplicates"]
    return {
        "label_set": label_set,
        "name": scores["name"],
        "images": full["images"],
        **values,
        "accuracy_without_near_duplicates": without["accuracy"]["value"] if without else None,
    }


def _near_duplicates(
    dataset: Dataset, split: Split, progress: OnProgress
) -> tuple[pd.DataFrame, NDArray[np.bool_] | None]:
    """The near-duplicates, and which images of this split have one (None: nothing to compare)."""
    earlier = [dataset.splits.get(name) for name in near_duplicates.EARLIER.get(split.name, ())]
    progress(Progress("near-duplicates across splits", 0, 1))
    table = near_duplicates.pairs_across(dataset.splits)
    progress(Progress("near-duplicates across splits", 1, 1))
    if not any(other is not None and len(other) for other in earlier):
        return table, None
    return table, near_duplicates.has_near_duplicate(split.names, split.name, table)


def _compare(answers: Answers, scores: dict[str, Any]) -> dict[str, Any] | None:
    """The served network compared with the float one, each run once; differences in points."""
    if answers.float_probs is None:
        return None
    points = {
        name: {
            score: 100 * (block["served_once"][score] - block["float"][score])
            for score in ("accuracy", "macro_f1")
        }
        for name, block in scores.items()
    }
    near = tflite_export.agreement(answers.float_probs, answers.once_raw)
    return asdict(near) | {"served_minus_float_points": points}


def _labels_agree(label_sets: dict[str, NDArray[np.int8]]) -> dict[str, Any] | None:
    """How often both label sets say the same of the images that both keep."""
    if len(label_sets) < 2:
        return None
    ours, theirs = (label_sets[s] for s in LABEL_SETS)
    both = (ours >= 0) & (theirs >= 0)
    table = metrics.confusion_matrix(theirs[both], ours[both], NUM_EXPRESSIONS)
    return {
        "images": int(both.sum()),
        "share": float((ours[both] == theirs[both]).mean()) if both.any() else None,
        "fer2013_rows_ferplus_columns": table.tolist(),
    }


def _speed(bundle: ModelBundle, answers: Answers, timed: Split | None) -> dict[str, Any]:
    """Size and speed of both networks; the float one is timed on `timed`, where that is given."""
    keras_file = bundle.keras_file
    return {
        "served_ms_per_face_one_thread": answers.ms_per_face,
        "float_ms_per_face_one_thread": (
            None
            if timed is None or keras_file is None
            else float_milliseconds_per_face(bundle, timed.images)
        ),
        "served_bytes": bundle.served_file.stat().st_size,
        "float_bytes": keras_file.stat().st_size if keras_file else None,
    }


def _robustness(
    bundle: ModelBundle,
    split: Split,
    headline: str,
    progress: OnProgress,
    adaptation: Adaptation | None,
) -> pd.DataFrame:
    classifier = Classifier(bundle)

    def logits(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found, _, features = served_readings(classifier, images)
        if adaptation is None:
            return found
        return adaptation.logits(classifier.probabilities(found), features)

    labels = label_sets_of(split)[headline]
    kept = labels >= 0
    total = 1 + sum(len(d.levels) for d in corruptions.DAMAGES)
    rows = []
    truth = labels[kept].astype(np.int64)
    for row in corruptions.measure_robustness(split.images[kept], truth, logits):
        rows.append(row)
        progress(Progress("damaged faces", len(rows), total))
    return corruptions.robustness_table(rows, dataset_kind(split), split.name, headline)
