"""Scores of a classifier: pure functions of labels and probabilities, and their intervals.

Everywhere `truth` is (N,) integer class indices, `probs` is (N, K) float with rows that sum to 1,
and a confusion matrix is (..., K, K) with the truth in its rows and the answer in its columns.
Functions of a confusion matrix accept leading axes, so that a thousand bootstrap resamples are one
call. A score that has no meaning (the recall of a class without examples) is NaN.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ECE_BINS: Final[int] = 15
COVERAGES: Final[tuple[float, ...]] = (1.0, 0.9, 0.8)
# A probability of exactly 0 would make the log-likelihood infinite; float32 itself ends near here.
SMALLEST_PROBABILITY: Final[float] = 1e-12


def confusion_matrix(truth: ArrayLike, answers: ArrayLike, classes: int) -> Ints:
    """Count (K, K): row i, column j holds the images of class i that were called j.

    Raises:
        ValueError: the two differ in length, or an index lies outside 0..K-1.
    """
    rows, columns = np.asarray(truth, np.int64), np.asarray(answers, np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"truth and answers must be (N,) alike, got {rows.shape}, {columns.shape}")
    if rows.size and (
        min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= classes
    ):
        raise ValueError(f"class indices must lie in 0..{classes - 1}")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def _ratio(numerator: ArrayLike, denominator: ArrayLike, undefined: float = np.nan) -> Floats:
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, bottom, out=np.full_like(top, undefined), where=bottom > 0)


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis without its NaN; NaN where nothing is left."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1))


def _diagonal(confusion: ArrayLike) -> Floats:
    return np.diagonal(np.asarray(confusion, np.float64), axis1=-2, axis2=-1)


def accuracy(confusion: ArrayLike) -> Floats:
    """Share of right answers (...,)."""
    return _ratio(_diagonal(confusion).sum(-1), np.asarray(confusion).sum((-2, -1)))


def recall(confusion: ArrayLike) -> Floats:
    """Share of each class that was found (..., K); NaN for a class without examples."""
    return _ratio(_diagonal(confusion), np.asarray(confusion).sum(-1))


def precision(confusion: ArrayLike) -> Floats:
    """Share of each answer that was right (..., K); 0 for an answer never given.

    NaN where the class has neither examples nor answers.
    """
    matrix = np.asarray(confusion)
    undefined = (matrix.sum(-1) + matrix.sum(-2)) == 0
    return np.where(undefined, np.nan, _ratio(_diagonal(matrix), matrix.sum(-2), undefined=0.0))


def f1(confusion: ArrayLike) -> Floats:
    """Harmonic mean of precision and recall (..., K); NaN for a class neither there nor named."""
    matrix = np.asarray(confusion)
    return _ratio(2 * _diagonal(matrix), matrix.sum(-1) + matrix.sum(-2))


def balanced_accuracy(confusion: ArrayLike) -> Floats:
    """Mean recall of the classes that have examples (...,)."""
    return _mean_of_defined(recall(confusion))


def macro_f1(confusion: ArrayLike) -> Floats:
    """Mean F1 of the classes that have examples or answers (...,), as scikit-learn defines it."""
    return _mean_of_defined(f1(confusion))


def mean_recall(confusion: ArrayLike, classes: list[int]) -> Floats:
    """Mean recall of some classes (...,), such as the rare ones."""
    return _mean_of_defined(recall(confusion)[..., classes])


def negative_log_likelihood(truth: ArrayLike, probs: ArrayLike) -> float:
    """Mean of -ln(probability given to the true class), in nats; NaN for no image."""
    losses = image_losses(np.asarray(truth), np.asarray(probs))
    return float(losses.mean()) if losses.size else float("nan")


def image_losses(truth: NDArray[Any], probs: NDArray[Any]) -> Floats:
    """-ln(probability of the true class) of each image (N,), in nats."""
    chosen = probs[np.arange(len(truth)), truth].astype(np.float64)
    return -np.log(np.maximum(chosen, SMALLEST_PROBABILITY))


def bin_of(confidence: Floats, bins: int) -> Ints:
    """Equal-width bins, closed above, as in Guo et al. 2017 (arXiv 1706.04599)."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def reliability_table(truth: ArrayLike, probs: ArrayLike, bins: int = ECE_BINS) -> dict[str, Any]:
    """How often answers of a given confidence are right.

    Returns:
        Columns (bins,): `low` and `high` edges, `count`, mean `confidence` and `accuracy` of the
        images whose winning probability lies in (low, high]; the last two NaN in an empty bin.
    """
    winning, right = winning_answers(truth, probs)
    place = bin_of(winning, bins)
    count = np.bincount(place, minlength=bins)
    edges = np.arange(bins + 1) / bins
    return {
        "low": edges[:-1],
        "high": edges[1:],
        "count": count,
        "confidence": _ratio(np.bincount(place, winning, bins), count),
        "accuracy": _ratio(np.bincount(place, right, bins), count),
    }


def winning_answers(truth: ArrayLike, probs: ArrayLike) -> tuple[Floats, Floats]:
    """The largest probability of each row, and 1.0 where its class is the true one."""
    matrix = np.asarray(probs, np.float64)
    return matrix.max(1, initial=0.0), (matrix.argmax(1) == np.asarray(truth)).astype(np.float64)


def expected_calibration_error(truth: ArrayLike, probs: ArrayLike, bins: int = ECE_BINS) -> float:
    """Mean distance of confidence and accuracy over equal-width bins, weighted by images."""
    winning, right = winning_answers(truth, probs)
    if not winning.size:
        return float("nan")
    place = bin_of(winning, bins)
    return float(np.abs(np.bincount(place, right - winning, bins)).sum() / winning.size)


def kept_count(images: int, coverage: float) -> int:
    """How many of the surest answers a coverage keeps: rounded half up, at least one."""
    return min(images, max(1, int(np.floor(images * coverage + 0.5))))


def accuracy_at_coverage(truth: ArrayLike, probs: ArrayLike, coverage: float) -> float:
    """Accuracy of the surest `coverage` (0-1) of the answers; ties keep the images' order."""
    winning, right = winning_answers(truth, probs)
    if not winning.size:
        return float("nan")
    surest = np.argsort(-winning, kind="stable")[: kept_count(winning.size, coverage)]
    return float(right[surest].mean())


def coverage_curve(truth: ArrayLike, probs: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Coverage, accuracy of what is kept, and the confidence of the last kept answer, each (N,)."""
    winning, right = winning_answers(truth, probs)
    order = np.argsort(-winning, kind="stable")
    kept = np.arange(1, winning.size + 1)
    return kept / max(winning.size, 1), np.cumsum(right[order]) / kept, winning[order]


def precision_recall_curve(is_class: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Precision and recall of one class against the rest at every distinct threshold.

    Args:
        is_class: (N,) bool, the image belongs to the class.
        score: (N,) float, the probability given to the class.

    Returns:
        precision, recall and threshold, each (T,), by falling threshold; empty without an example.
    """
    positive, value = np.asarray(is_class, bool), np.asarray(score, np.float64)
    order = np.argsort(-value, kind="stable")
    positive, value = positive[order], value[order]
    if not positive.any():
        return np.empty(0), np.empty(0), np.empty(0)
    last_of_tie = np.append(np.flatnonzero(np.diff(value)), value.size - 1)
    found = np.cumsum(positive)[last_of_tie].astype(np.float64)
    return found / (last_of_tie + 1), found / positive.sum(), value[last_of_tie]


def average_precision(is_class: ArrayLike, score: ArrayLike) -> float:
    """Area under the precision-recall steps (scikit-learn's definition); NaN without an example."""
    precisions, recalls, _ = precision_recall_curve(is_class, score)
    if not recalls.size:
        return float("nan")
    return float((np.diff(recalls, prepend=0.0) * precisions).sum())


def roc_curve(is_class: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """False and true positive rate of one class against the rest at every distinct threshold.

    Args:
        is_class: (N,) bool, the image belongs to the class.
        score: (N,) float, the probability given to the class.

    Returns:
        false positive rate, true positive rate and threshold, each (T,), by falling threshold,
        beginning at (0, 0) above every score; empty where one of the two kinds has no example.
    """
    positive, value = np.asarray(is_class, bool), np.asarray(score, np.float64)
    order = np.argsort(-value, kind="stable")
    positive, value = positive[order], value[order]
    if positive.all() or not positive.any():
        return np.empty(0), np.empty(0), np.empty(0)
    last_of_tie = np.append(np.flatnonzero(np.diff(value)), value.size - 1)
    found = np.cumsum(positive)[last_of_tie].astype(np.float64)
    wrong = last_of_tie + 1 - found
    ends = found / positive.sum(), wrong / (~positive).sum(), value[last_of_tie]
    true_rate, false_rate = (np.concatenate(([0.0], rate)) for rate in ends[:2])
    return false_rate, true_rate, np.concatenate(([np.inf], ends[2]))


def roc_auc(is_class: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve: how often a face of the class gets a higher score than another one.

    A tie counts as half (Fawcett 2006). NaN where one of the two kinds has no example.
    """
    false_rate, true_rate, _ = roc_curve(is_class, score)
    return float(np.trapezoid(true_rate, false_rate)) if false_rate.size else float("nan")


def human_agreement(votes: ArrayLike) -> float:
    """How often one voter agrees with the majority of the others, exactly, over all voters.

    Every voter of every image is set against the others once: the mean over images of the share of
    their voters whose label has the most votes among the others. Where several labels tie for the
    most, a voter of one of them agrees with the fitting fraction. Nothing is drawn at random.

    Args:
        votes: (N, L) counts, one column a label (for FER+ all ten: a voter may say "unknown").
            Images with fewer than two voters are left out.

    Returns:
        0-1; NaN if no image has two voters.
    """
    counts = np.asarray(votes, np.int64)
    counts = counts[counts.sum(1) >= 2]
    if not len(counts):
        return float("nan")
    return float(agreement_by_image(counts).mean())


def agreement_by_image(counts: Ints) -> Floats:
    """The same for each image (N,): each has two voters or more."""
    agreed = np.zeros(len(counts))
    for label in range(counts.shape[1]):
        others = counts.copy()
        others[:, label] -= 1
        most = others.max(1)
        wins = (others[:, label] == most) & (counts[:, label] > 0) & (most > 0)
        agreed += np.where(wins, counts[:, label] / (others == most[:, None]).sum(1), 0.0)
    return agreed / counts.sum(1)


def point_scores(
    truth: ArrayLike, probs: ArrayLike, rare: tuple[int, ...] = ()
) -> dict[str, float | Floats]:
    """All scores of one set of answers, without intervals; per-class ones are (K,)."""
    labels, matrix = np.asarray(truth, np.int64), np.asarray(probs, np.float64)
    confusion = confusion_matrix(labels, matrix.argmax(1), matrix.shape[1])
    scores = confusion_scores(confusion, rare)
    scores["ece"] = np.asarray(expected_calibration_error(labels, matrix))
    scores["nll"] = np.asarray(negative_log_likelihood(labels, matrix))
    for coverage in COVERAGES:
        value = accuracy_at_coverage(labels, matrix, coverage)
        scores[coverage_name(coverage)] = np.asarray(value)
    return {k: float(v) if v.ndim == 0 else v for k, v in scores.items()}


def coverage_name(coverage: float) -> str:
    """The key of a coverage in tables: accuracy_at_90."""
    return f"accuracy_at_{round(coverage * 100)}"


def confusion_scores(confusion: Ints, rare: tuple[int, ...]) -> dict[str, Floats]:
    """The scores that follow from a confusion matrix (..., K, K)."""
    scores = {
        "accuracy": accuracy(confusion),
        "balanced_accuracy": balanced_accuracy(confusion),
        "macro_f1": macro_f1(confusion),
        "precision": precision(confusion),
        "recall": recall(confusion),
        "f1": f1(confusion),
    }
    if rare:
        scores["rare_recall"] = mean_recall(confusion, list(rare))
    return scores


def chance_scores(truth: ArrayLike, classes: int) -> Mapping[str, float]:
    """What knowing nothing scores: `uniform` guessing, and always the `largest` class."""
    labels = np.asarray(truth, np.int64)
    if not labels.size:
        return {"uniform": 1 / classes, "largest": float("nan")}
    largest = np.bincount(labels, minlength=classes).max() / labels.size
    return {"uniform": 1 / classes, "largest": float(largest)}
