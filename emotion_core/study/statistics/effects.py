"""Intervals, effect sizes and corrections for multiple tests.

Standardised differences have intervals by the noncentral t distribution (Steiger & Fouladi 1997;
Cumming & Finch 2001, doi 10.1177/0013164401614002), and explained variance by the noncentral F
distribution (Steiger 2004, doi 10.1037/1082-989X.9.2.164). They assume normal values of equal
spread, unlike the tests themselves.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

Floats = NDArray[np.float64]
CONFIDENCE: Final = 0.95
# Tails left out on each side of an interval.
_TAIL: Final = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TResult:
    """A t test: the estimate with its interval, t, its degrees of freedom, and a two-sided p."""

    estimate: Estimate
    t: float
    df: float
    p: float


def t_test(value: float, standard_error: float, df: float) -> TResult:
    """Test an estimate against zero."""
    t = value / standard_error
    half = standard_error * float(stats.t.ppf(1 - _TAIL, df))
    p = 2 * float(stats.t.sf(abs(t), df))
    return TResult(Estimate(value, value - half, value + half), t, df, p)


def mean_interval(values: ArrayLike) -> Estimate:
    """Mean of (n,) values without NaN, with its t interval; no interval for a single value."""
    x = np.asarray(values, np.float64)
    if not len(x):
        return Estimate(math.nan, math.nan, math.nan)
    if len(x) == 1:
        return Estimate(float(x[0]), math.nan, math.nan)
    half = float(stats.t.ppf(1 - _TAIL, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Estimate(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


def welch(a: Floats, b: Floats) -> TResult:
    """Welch's t test of the difference in means, a − b; each group needs two values that differ.

    Welch (1947, doi 10.1093/biomet/34.1-2.28); also recommended where variances may be equal
    (Delacre, Lakens & Leys 2017, doi 10.5334/irsp.82).
    """
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return t_test(float(a.mean() - b.mean()), math.sqrt(va + vb), float(df))


def one_sample(differences: Floats) -> TResult:
    """t test of the mean of (n,) values against zero; n ≥ 2, not all equal."""
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return t_test(float(differences.mean()), error, len(differences) - 1)


def small_sample_factor(df: float) -> float:
    """Hedges' exact correction of a standardised difference (Hedges 1981)."""
    log = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    return float(np.exp(log) / math.sqrt(df / 2)) if df > 1 else 1.0


def hedges_g(a: Floats, b: Floats) -> Estimate:
    """Hedges' g of two groups: difference over the pooled standard deviation, without its bias."""
    df = len(a) + len(b) - 2
    squares = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
    pooled = math.sqrt(float(squares) / df)
    size = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    return _standardised(float(a.mean() - b.mean()) / pooled, size, df, small_sample_factor(df))


def d_z(differences: Floats) -> Estimate:
    """Cohen's d_z: mean of the differences over their own standard deviation (Lakens 2013)."""
    d = float(differences.mean() / differences.std(ddof=1))
    return _standardised(d, math.sqrt(len(differences)), len(differences) - 1, 1.0)


def _standardised(d: float, size: float, df: int, factor: float) -> Estimate:
    """`d` with the interval of its noncentrality d · size; all multiplied by `factor`."""
    low, high = noncentral_t(d * size, df)
    return Estimate(d * factor, low / size * factor, high / size * factor)


def noncentral_t(t: float, df: float) -> tuple[float, float]:
    """Noncentralities for which the observed t is at the upper and at the lower 2.5%."""
    if t < 0:
        low, high = noncentral_t(-t, df)
        return -high, -low

    def below(nc: float) -> float:
        share = float(stats.nct.cdf(t, df, nc))
        # scipy gives NaN far out in some tails.
        return float(nc < t) if math.isnan(share) else share

    spread = 10 + abs(t)
    limits = (t - spread, t + spread)
    return _crossing(below, 1 - _TAIL, *limits), _crossing(below, _TAIL, *limits)


def partial_eta_squared(f: float, df1: float, df2: float) -> Estimate:
    """Share of variance that a factor explains, from its F, with the interval of Steiger (2004)."""
    if not math.isfinite(df2):
        return Estimate(math.nan, math.nan, math.nan)

    def below(nc: float) -> float:
        share = float(special.ncfdtr(df1, df2, nc, f) if nc else special.fdtr(df1, df2, f))
        return float(nc < f * df1) if math.isnan(share) else share

    most = 100 + 10 * f * df1
    low, high = (_crossing(below, tail, 0.0, most) for tail in (1 - _TAIL, _TAIL))
    scale = df1 + df2 + 1
    return Estimate(f * df1 / (f * df1 + df2), low / (low + scale), high / (high + scale))


def _crossing(falling: Callable[[float], float], level: float, low: float, high: float) -> float:
    """Where a falling function crosses `level`; the nearer end where it does not."""
    if falling(low) <= level:
        return low
    if falling(high) >= level:
        return high
    return float(optimize.brentq(lambda x: falling(x) - level, low, high, xtol=1e-10))


def holm(p_values: Sequence[float]) -> Floats:
    """p values corrected by Holm's method (1979), in their order; NaN are no tests and stay."""
    p = np.asarray(p_values, np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    # The smallest counts as often as there are tests, the next one time less, never less than it.
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return corrected
