"""Bootstrap intervals of the scores of `metrics`: how far they would move on other images.

Images are redrawn with replacement, as many as there are; 95% of the redraws score inside the
interval (Efron & Tibshirani 1993, percentiles). The same seed gives the same draws.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from emotion_core.evaluation import metrics
from emotion_core.evaluation.metrics import Floats, Ints


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its bootstrap 95% interval; all three NaN where the score has no meaning."""

    value: float
    low: float
    high: float


def bootstrap_scores(
    truth: ArrayLike,
    probs: ArrayLike,
    rare: tuple[int, ...] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Floats]:
    """The scores of `point_scores` on `resamples` redraws of the images: (B,) or (B, K) each.

    Images are redrawn with replacement, as many as there are; the same seed gives the same draws.
    """
    labels, matrix = np.asarray(truth, np.int64), np.asarray(probs, np.float64)
    # Sorted by falling confidence, the surest images of a draw are those with the lowest indices.
    order = np.argsort(-matrix.max(1), kind="stable")
    labels, matrix = labels[order], matrix[order]
    classes, images = matrix.shape[1], len(labels)
    cell = labels * classes + matrix.argmax(1)
    winning, right = metrics.winning_answers(labels, matrix)
    place, gap = metrics.bin_of(winning, metrics.ECE_BINS), right - winning
    losses = metrics.image_losses(labels, matrix)
    kept = [metrics.kept_count(images, coverage) for coverage in metrics.COVERAGES]

    rng = np.random.default_rng(seed)
    confusion = np.empty((resamples, classes, classes), np.int64)
    rest = np.empty((resamples, 2 + len(kept)))
    for b in range(resamples):
        weight = np.bincount(rng.integers(0, images, images), minlength=images)
        confusion[b] = np.bincount(cell, weight, classes**2).reshape(classes, classes)
        rest[b, 0] = np.abs(np.bincount(place, weight * gap, metrics.ECE_BINS)).sum() / images
        rest[b, 1] = weight @ losses / images
        rest[b, 2:] = _accuracy_of_surest(weight, right, kept)
    scores = metrics.confusion_scores(confusion, rare)
    names = ["ece", "nll", *map(metrics.coverage_name, metrics.COVERAGES)]
    return scores | dict(zip(names, rest.T, strict=True))


def _accuracy_of_surest(weight: Ints, right: Floats, kept: list[int]) -> list[float]:
    """Accuracy of the first k of the redrawn images, for each k; ordered by falling confidence."""
    drawn, hits = np.cumsum(weight), np.cumsum(weight * right)
    values = []
    for k in kept:
        last = int(np.searchsorted(drawn, k))
        # The image at the border counts only as often as it takes to reach k.
        values.append(float(hits[last] - (drawn[last] - k) * right[last]) / k)
    return values


def scores_with_intervals(
    truth: ArrayLike,
    probs: ArrayLike,
    rare: tuple[int, ...] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Interval | list[Interval]]:
    """Every score with its bootstrap 95% percentile interval; per-class ones are lists of K.

    Raises:
        ValueError: there is no image.
    """
    if not len(np.asarray(truth)):
        raise ValueError("scores need at least one labelled image")
    points = metrics.point_scores(truth, probs, rare)
    draws = bootstrap_scores(truth, probs, rare, resamples, seed)
    # Redraws repeat images and so look less calibrated than the whole: the draws are moved back
    # around the value, and keep their spread.
    draws["ece"] = np.maximum(draws["ece"] - draws["ece"].mean() + points["ece"], 0.0)
    result: dict[str, Interval | list[Interval]] = {}
    for name, point in points.items():
        if isinstance(point, float):
            result[name] = interval_of(point, draws[name])
        else:
            result[name] = [
                interval_of(float(p), d) for p, d in zip(point, draws[name].T, strict=True)
            ]
    return result


def interval_of(value: float, draws: Floats) -> Interval:
    """A value with the 95% percentile interval of its (R,) bootstrap draws that are not NaN."""
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or not defined.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def mean_interval(values: ArrayLike, resamples: int = 1000, seed: int = 0) -> Interval:
    """A mean over images with its bootstrap 95% interval."""
    array = np.asarray(values, np.float64)
    if not array.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    draws = np.array(
        [array[rng.integers(0, array.size, array.size)].mean() for _ in range(resamples)]
    )
    return interval_of(float(array.mean()), draws)
