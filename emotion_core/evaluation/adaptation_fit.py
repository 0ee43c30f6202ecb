"""The corrections of an adaptation that suit labelled faces best.

The fit is a maximum a posteriori estimate by L-BFGS. Each expression counts the same, however many
faces show it. The Gaussian priors are centred on "change nothing"; their widths were chosen on FER+
validation, LFW and London (`benchmarks/adaptation.py`), and the fewer the faces, the more they
decide. Some of the faces that the network was calibrated on are learnt together with the new ones
(*rehearsal*; Robins 1995, Connection Science 7(2), 123-146): with little weight for the expressions
that the new faces show, and with a little less for those that they lack, about which the new faces
know only that they were not meant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.calibrate import centred_logits

# Standard deviations of the priors, in logits.
_OFFSET_SD, _MIXING_SD, _SCALE_SD = 1.5, 0.2, 0.5
# Weight of the rehearsed faces of an expression that the new faces show, and of one that they lack,
# as a share of the weight of an expression's new faces.
_REHEARSED, _REHEARSED_ABSENT = 0.3, 0.1
_REHEARSED_FACES = 60


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Labelled faces: centred logits (N, 7), labels (N,), people (N,) as numbers, and the network's
    features (N, F), where F may be 0."""

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    people: NDArray[np.int64]
    features: NDArray[np.float64]


def drawn_evenly(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Rows of up to `most` faces of each expression, the same in every call.

    Args:
        labels: (N,) index into `EXPRESSIONS`.
        most: of one expression.
    """
    rng = np.random.default_rng(0)
    codes = range(NUM_EXPRESSIONS)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:most] for c in codes])


def rehearsed_faces(rehearsal: tuple[ArrayLike, ArrayLike] | None) -> LabelledFaces | None:
    """The faces to rehearse, equally many of each expression where there are enough."""
    if rehearsal is None:
        return None
    probs, labels = np.asarray(rehearsal[0], np.float64), np.asarray(rehearsal[1], np.int64)
    rows = drawn_evenly(labels, _REHEARSED_FACES)
    none = np.empty((len(rows), 0))
    return LabelledFaces(centred_logits(probs[rows]).astype(np.float64), labels[rows], rows, none)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """What L-BFGS minimises: faces (N, 7), their weights (N,), and where their labels are among
    the (C,) expressions that may change."""

    logits: NDArray[np.float64]
    target: NDArray[np.int64]
    weights: NDArray[np.float64]
    shown: NDArray[np.int64]

    def parts(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Offsets (C,), mixing (7, C) and log_scale of one vector."""
        count = len(self.shown)
        return values[:count], values[count:-1].reshape(NUM_EXPRESSIONS, count), float(values[-1])

    def loss(self, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The negative logarithm of the posterior, and its gradient."""
        offsets, mixing, log_scale = self.parts(values)
        scale, base = np.exp(log_scale), self.logits[:, self.shown]
        scores = scale * base + self.logits @ mixing + offsets
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        total = powers.sum(axis=1, keepdims=True)
        rows = np.arange(len(self.target))
        nll = self.weights @ (np.log(total[:, 0]) - scores[rows, self.target])
        slope = powers / total
        slope[rows, self.target] -= 1
        slope *= self.weights[:, None]
        penalty = (offsets**2).sum() / _OFFSET_SD**2 + (mixing**2).sum() / _MIXING_SD**2
        penalty += log_scale**2 / _SCALE_SD**2
        of_offsets = slope.sum(axis=0) + offsets / _OFFSET_SD**2
        of_mixing = self.logits.T @ slope + mixing / _MIXING_SD**2
        of_scale = (slope * base).sum() * scale + log_scale / _SCALE_SD**2
        return float(nll + penalty / 2), np.concatenate([of_offsets, of_mixing.ravel(), [of_scale]])


def _problem(
    logits: NDArray[np.float64], labels: NDArray[np.int64], kept: LabelledFaces | None
) -> _Problem:
    """Each expression of the new faces has the same weight, in all as many as there are faces."""
    shown, counts = np.unique(labels, return_counts=True)
    each = len(labels) / len(shown)
    weights = each / counts[np.searchsorted(shown, labels)]
    if kept is None:
        return _Problem(logits, np.searchsorted(shown, labels), weights, shown)
    share = np.where(np.isin(kept.labels, shown), _REHEARSED, _REHEARSED_ABSENT)
    rehearsed = share * each / np.bincount(kept.labels)[kept.labels]
    return _Problem(
        np.concatenate([logits, kept.logits]),
        np.concatenate([labels, kept.labels]),
        np.concatenate([weights, rehearsed]),
        np.arange(NUM_EXPRESSIONS),
    )


def fit_corrections(
    logits: NDArray[np.float64], labels: NDArray[np.int64], kept: LabelledFaces | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Offsets (7,), mixing (7, 7) and log_scale with the largest posterior probability.

    Args:
        logits: (N, 7) centred logits of the new faces.
        labels: (N,) index into `EXPRESSIONS`.
        kept: faces to rehearse; None: expressions that the new faces lack keep their logit.
    """
    # It takes 0.3 s to import, and is needed only where an adaptation is made.
    from scipy.optimize import minimize

    problem = _problem(logits, labels, kept)
    start = np.zeros((1 + NUM_EXPRESSIONS) * len(problem.shown) + 1)
    found = minimize(problem.loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    few_offsets, few_mixing, log_scale = problem.parts(found.x)
    offsets, mixing = np.zeros(NUM_EXPRESSIONS), np.zeros((NUM_EXPRESSIONS, NUM_EXPRESSIONS))
    offsets[problem.shown], mixing[:, problem.shown] = few_offsets, few_mixing
    return offsets, mixing, log_scale
