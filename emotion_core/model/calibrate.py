"""Confidence that can be believed: one temperature, and the line below which we are unsure.

Temperature scaling after Guo et al. 2017, "On Calibration of Modern Neural Networks"
(arXiv 1706.04599): one number, fitted on validation, that divides the logits. It never changes
which expression wins.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotion_core.errors import InputError

TEMPERATURE_RANGE: Final[tuple[float, float]] = (0.05, 20.0)
# The least sure tenth of the validation answers is called unsure.
DEFAULT_COVERAGE: Final[float] = 0.9
# A crop to which the network responds as weakly as to this share of the validation faces is
# unusual: benchmarks/odd_inputs.py says what is.
UNUSUAL_SHARE: Final[float] = 0.01


@dataclass(frozen=True, slots=True)
class UnsureThreshold:
    """Where "unsure" begins and what that means on validation; shares and accuracies are 0-1.

    Attributes:
        threshold: an answer is unsure when its winning probability lies below this.
        coverage: share of the answers at or above it.
        accuracy_sure, accuracy_unsure: accuracy on either side; NaN where a side is empty.
    """

    threshold: float
    coverage: float
    accuracy_sure: float
    accuracy_unsure: float


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities (N, K) float32 of logits (N, K): softmax(logits / temperature); N may be 0."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max(axis=-1, keepdims=True, initial=-np.inf)
    powers = np.exp(scaled)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def centred_logits(probs: ArrayLike) -> NDArray[np.float32]:
    """Logits (…, K) float32 that give these probabilities (…, K), with the mean 0 in each row:
    softmax leaves the mean open."""
    logs = np.log(np.maximum(np.asarray(probs, np.float32), 1e-7))
    return np.asarray(logs - logs.mean(axis=-1, keepdims=True), np.float32)


def logits_nll(logits: ArrayLike, truth: ArrayLike, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood in nats of the true classes, computed without underflow."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    chosen = scaled[np.arange(len(scaled)), np.asarray(truth)]
    return float((np.log(np.exp(scaled).sum(axis=1)) - chosen).mean())


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> float:
    """The temperature with the least negative log-likelihood on labelled validation images.

    Args:
        logits: (N, K) float, as the served network gives them.
        truth: (N,) integer class indices.

    Raises:
        InputError: no image, lengths that differ, or logits that are not finite.
    """
    # scipy.optimize takes 0.3 s to import, and the live page reads only `softmax` from here.
    from scipy.optimize import minimize_scalar

    values, labels = np.asarray(logits, np.float64), np.asarray(truth, np.int64)
    if values.ndim != 2 or not len(values) or len(values) != len(labels):
        raise InputError(
            f"Calibration needs logits (N, K) and labels (N,) of at least one image, "
            f"got {values.shape} and {labels.shape}."
        )
    if not np.isfinite(values).all():
        raise InputError("Calibration needs finite logits; the network has not learnt or diverged.")
    low, high = np.log(TEMPERATURE_RANGE)
    # In the logarithm the problem is nearly symmetric, and no temperature can become negative.
    found = minimize_scalar(
        lambda log_t: logits_nll(values, labels, float(np.exp(log_t))),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(np.exp(found.x))


def unusual_activation(activation: ArrayLike) -> float:
    """The mean activation below which a crop is unlike the faces that a network knows.

    Args:
        activation: (N,) of validation faces (`Classifier.read`).

    Returns:
        What one of these faces in a hundred has less of; 0 where the activation is not known (NaN).

    Raises:
        InputError: no image.
    """
    values = np.asarray(activation, np.float64)
    if not len(values):
        raise InputError("A limit of the activation needs at least one image.")
    return 0.0 if np.isnan(values).any() else float(np.quantile(values, UNUSUAL_SHARE))


def unsure_threshold(
    probs: ArrayLike, truth: ArrayLike, coverage: float = DEFAULT_COVERAGE
) -> UnsureThreshold:
    """The winning probability that the surest `coverage` (0-1] of the validation answers reach.

    Args:
        probs: (N, K) calibrated probabilities.
        truth: (N,) integer class indices.

    Raises:
        InputError: no image, or a coverage outside (0, 1].
    """
    matrix = np.asarray(probs, np.float64)
    if not len(matrix) or not 0 < coverage <= 1:
        raise InputError(
            f"A threshold needs at least one image and a coverage in (0, 1], got {len(matrix)} "
            f"images and {coverage}."
        )
    winning, right = matrix.max(axis=1), matrix.argmax(axis=1) == np.asarray(truth)
    kept = max(1, round(len(winning) * coverage))
    threshold = float(np.sort(winning)[::-1][kept - 1])
    sure = winning >= threshold
    return UnsureThreshold(
        threshold,
        float(sure.mean()),
        float(right[sure].mean()) if sure.any() else float("nan"),
        float(right[~sure].mean()) if (~sure).any() else float("nan"),
    )
