"""Bootstrap over participants: how far a coefficient would move with other people.

Moments of one person resemble each other. Drawing moments, as if they were independent, gives
intervals that are far too narrow; whole participants are drawn with all their recordings.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from emotion_core.results.face_table import Float64Array
from emotion_core.study.statistics.effects import Estimate

DRAWS: Final = 2000
# Draws of fewer people say little about other people.
LEAST: Final = 5
_SEED: Final = 0
_PERCENT: Final = (2.5, 97.5)
_LEAST_DEFINED: Final = 0.5


def estimates(
    sums: ArrayLike, coefficient: Callable[[Float64Array], Float64Array], draws: int = DRAWS
) -> list[Estimate]:
    """A coefficient of all participants, with 95% percentile intervals (Efron & Tibshirani 1993).

    The same sums give the same intervals.

    Args:
        sums: (P, ...) what each participant contributes; coefficients are computed of their total.
        coefficient: maps (..., *rest) totals to (...) or (..., K) values.
        draws: how many.

    Returns:
        One estimate, or K. Limits are NaN with fewer than `LEAST` participants who contribute
        anything, or where the coefficient is undefined in most draws.
    """
    parts = np.asarray(sums, np.float64)
    point = np.atleast_1d(coefficient(parts.sum(axis=0)))
    parts = parts[np.abs(parts).reshape(len(parts), -1).sum(axis=1) > 0]
    if len(parts) < LEAST:
        return [Estimate(float(value), np.nan, np.nan) for value in point]
    rng = np.random.default_rng(_SEED)
    weights = rng.multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=draws)
    drawn = coefficient(np.tensordot(weights.astype(np.float64), parts, axes=1))
    return [
        _interval(float(value), column)
        for value, column in zip(point, drawn.reshape(draws, -1).T, strict=True)
    ]


def _interval(value: float, drawn: Float64Array) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(known) < _LEAST_DEFINED * len(drawn):
        return Estimate(value, np.nan, np.nan)
    low, high = np.percentile(known, _PERCENT)
    return Estimate(value, float(low), float(high))
