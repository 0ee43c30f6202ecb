"""Intraclass correlation of two coders' intensities, with confidence limits.

Two-way models for single ratings: ICC(A,1), absolute agreement, and ICC(C,1), consistency (McGraw &
Wong 1996, doi 10.1037/1082-989X.1.1.30, tables 4 and 7). Written out here, since every package that
offers them brings a plotting stack along, and a bootstrap over participants needs them from sums.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from emotion_core.results.face_table import Float64Array
from emotion_core.study.statistics.effects import CONFIDENCE, Estimate

_TAIL: Final = (1 - CONFIDENCE) / 2
_UNDEFINED: Final = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Icc:
    """ICC(A,1) and ICC(C,1), each with its F-based 95% limits, of `targets` rated things."""

    agreement: Estimate
    consistency: Estimate
    targets: int


@dataclass(frozen=True, slots=True, eq=False)
class _Squares:
    """Mean squares of a two-way table without repetition: rows, columns, error."""

    rows: Float64Array
    columns: Float64Array
    error: Float64Array


def icc(ratings: ArrayLike) -> Icc:
    """Both coefficients of (N, k) ratings without missing values, k coders of N targets.

    NaN with fewer than two targets, or where all ratings are equal.
    """
    table = np.asarray(ratings, np.float64)
    n, k = table.shape
    if n < 2 or k < 2 or np.ptp(table) == 0:
        return Icc(_UNDEFINED, _UNDEFINED, n)
    squares = _squares(table)
    return Icc(_agreement(squares, n, k), _consistency(squares, n, k), n)


def _squares(table: Float64Array) -> _Squares:
    n, k = table.shape
    mean, row, column = table.mean(), table.mean(1), table.mean(0)
    rest = ((table - row[:, None] - column[None, :] + mean) ** 2).sum()
    return _Squares(
        np.asarray(k * ((row - mean) ** 2).sum() / (n - 1)),
        np.asarray(n * ((column - mean) ** 2).sum() / (k - 1)),
        np.asarray(rest / ((n - 1) * (k - 1))),
    )


def _consistency(squares: _Squares, n: int, k: int) -> Estimate:
    rows, error = float(squares.rows), float(squares.error)
    value = (rows - error) / (rows + (k - 1) * error)
    if error <= 0:
        return Estimate(value, value, value)
    df = (n - 1, (n - 1) * (k - 1))
    low = rows / error / float(stats.f.ppf(1 - _TAIL, *df))
    high = rows / error * float(stats.f.ppf(1 - _TAIL, *reversed(df)))
    return Estimate(value, (low - 1) / (low + k - 1), (high - 1) / (high + k - 1))


def _agreement(squares: _Squares, n: int, k: int) -> Estimate:
    rows, columns, error = (float(s) for s in (squares.rows, squares.columns, squares.error))
    value = (rows - error) / (rows + (k - 1) * error + k / n * (columns - error))
    if not value < 1:
        return Estimate(value, value, value)
    # Satterthwaite's degrees of freedom of the error and the coders together.
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    both = (a * columns + b * error) ** 2
    parts = (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    if parts <= 0:
        return Estimate(value, math.nan, math.nan)
    df = both / parts
    rest = k * columns + (k * n - k - n) * error
    upper = float(stats.f.ppf(1 - _TAIL, n - 1, df))
    lower = float(stats.f.ppf(1 - _TAIL, df, n - 1))
    low = n * (rows - upper * error) / (upper * rest + n * rows)
    high = n * (lower * rows - error) / (rest + n * lower * rows)
    return Estimate(value, low, high)


def pair_sums(ratings: ArrayLike) -> Float64Array:
    """(6,) sums of (N, 2) ratings from which `pair_icc` computes: n, Σx, Σy, Σx², Σy², Σxy."""
    x, y = np.asarray(ratings, np.float64).reshape(-1, 2).T
    return np.array([len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()])


def pair_icc(sums: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """(...) ICC(A,1) and ICC(C,1) of two coders from (..., 6) sums of `pair_sums`."""
    n, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = ((xx + 2 * xy + yy) / 2 - (x + y) ** 2 / (2 * n)) / (n - 1)
        columns = (x - y) ** 2 / (2 * n)
        error = ((xx - 2 * xy + yy) / 2 - (x - y) ** 2 / (2 * n)) / (n - 1)
        agreement = (rows - error) / (rows + error + 2 / n * (columns - error))
        consistency = (rows - error) / (rows + error)
    enough = (n > 1) & (rows + error + columns > 1e-12)
    return np.where(enough, agreement, np.nan), np.where(enough, consistency, np.nan)
