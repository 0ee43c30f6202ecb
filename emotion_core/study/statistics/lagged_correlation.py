"""Correlation of two signals in windows, shifted by every lag, and its peaks.

After Boker, Xu, Rotondo & King (2002, doi 10.1037/1082-989X.7.3.338).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Correlations are kept below one, so that Fisher's z stays finite.
_MOST_R: Final = 0.999
# Correlations kept in memory at once.
_MOST_NUMBERS: Final = 4_000_000
# Of two peaks at the same distance from lag zero the higher one is taken.
_TIE: Final = 1e-9
_LEAST_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows in samples."""

    rate_hz: float
    window: int
    step: int
    lag: int

    @property
    def reach(self) -> int:
        """Samples that one window needs, with its lags."""
        return self.window + self.lag


def windows_of(
    rate_hz: float, window_s: float, step_s: float, max_lag_s: float, min_valid: float
) -> Windows:
    """Windows in samples, from seconds.

    Raises:
        InputError: a value that makes no window.
    """
    values = (rate_hz, window_s, step_s, max_lag_s)
    if not all(math.isfinite(v) and v > 0 for v in values) or not 0 < min_valid <= 1:
        raise InputError("Rate, window, step, lag and share of valid samples must be above zero.")
    grid = Windows(
        rate_hz,
        round(window_s * rate_hz),
        max(1, round(step_s * rate_hz)),
        max(1, round(max_lag_s * rate_hz)),
    )
    if grid.window < _LEAST_SAMPLES:
        raise InputError(f"A window of {window_s:g} s holds fewer than five samples.")
    return grid


def window_starts(length: int, grid: Windows) -> Ints:
    """(W,) first samples of the windows of a signal of `length` samples.

    Raises:
        InputError: it is shorter than a window with its lags.
    """
    starts = np.arange(0, length - grid.reach + 1, grid.step)
    if not len(starts):
        raise InputError(
            f"A window with its lags needs {grid.reach / grid.rate_hz:g} s, and the signals have"
            f" {length / grid.rate_hz:g} s."
        )
    return starts


def cut(signal: Floats, starts: Ints, grid: Windows, shift: int) -> tuple[Floats, Floats]:
    """(W, window) samples from `starts` + shift on, NaN as 0, and (W, window) which are known."""
    windows = signal[starts[:, None] + shift + np.arange(grid.window)]
    known = np.isfinite(windows)
    # Around each window's own mean: correlations do not change, and sums lose no digits.
    count = np.maximum(known.sum(1, keepdims=True), 1)
    filled = np.where(known, windows, 0.0)
    filled = np.where(known, filled - filled.sum(1, keepdims=True) / count, 0.0)
    return filled, known.astype(np.float64)


def lag_shifts(grid: Windows) -> list[tuple[int, int]]:
    """Shifts of the first and the second person's window, for lags from −lag to +lag.

    Only one of them moves, always forward in time (Boker et al. 2002), so that both directions are
    treated alike.
    """
    return [(max(-lag, 0), max(lag, 0)) for lag in range(-grid.lag, grid.lag + 1)]


def peaks(
    x: Floats, y: Floats, at_x: Ints, at_y: Ints, grid: Windows, min_valid: float
) -> tuple[Floats, Floats]:
    """(W, V) peaks in Fisher's z and their lags in samples, of every window with every other."""
    lags = 2 * grid.lag + 1
    rows = max(1, _MOST_NUMBERS // (lags * len(at_y)))
    parts = []
    for start in range(0, len(at_x), rows):
        some = at_x[start : start + rows]
        r = np.empty((lags, len(some), len(at_y)))
        for place, (shift_x, shift_y) in enumerate(lag_shifts(grid)):
            a, known_a = cut(x, some, grid, shift_x)
            b, known_b = cut(y, at_y, grid, shift_y)
            r[place] = all_correlations(a, known_a, b, known_b, grid.window * min_valid)
        parts.append(pick(r))
    return np.vstack([z for z, _ in parts]), np.vstack([lag for _, lag in parts])


def all_correlations(
    a: Floats, known_a: Floats, b: Floats, known_b: Floats, least: float
) -> Floats:
    """(W, V) correlations of each row of `a` with each row of `b`."""
    if known_a.all() and known_b.all():
        # Nothing is missing, and each row is centred: one product instead of six.
        n, zero = np.full((len(a), len(b)), float(a.shape[1])), np.zeros((len(a), len(b)))
        aa, bb = (a**2).sum(1)[:, None] + zero, (b**2).sum(1)[None, :] + zero
        return _correlation(n, zero, zero, aa, bb, a @ b.T, least)
    n, sum_a, sum_b = known_a @ known_b.T, a @ known_b.T, known_a @ b.T
    return _correlation(n, sum_a, sum_b, a**2 @ known_b.T, known_a @ (b**2).T, a @ b.T, least)


def matched_peaks(
    x: Floats, y: Floats, starts: Ints, grid: Windows, min_valid: float
) -> tuple[Floats, Floats]:
    """(W,) peaks and lags of windows at the same time only."""
    r = np.empty((2 * grid.lag + 1, len(starts)))
    for place, (shift_x, shift_y) in enumerate(lag_shifts(grid)):
        a, known_a = cut(x, starts, grid, shift_x)
        b, known_b = cut(y, starts, grid, shift_y)
        n, sum_a, sum_b, aa, bb, ab = (
            (u * v).sum(1)
            for u, v in (
                *((known_a, known_b), (a, known_b), (known_a, b)),
                *((a**2, known_b), (known_a, b**2), (a, b)),
            )
        )
        r[place] = _correlation(n, sum_a, sum_b, aa, bb, ab, grid.window * min_valid)
    return pick(r)


def _correlation(
    n: Floats, sum_a: Floats, sum_b: Floats, aa: Floats, bb: Floats, ab: Floats, least: float
) -> Floats:
    """Pearson's r from sums over the samples that both have; NaN with too few, or no variance."""
    count = np.maximum(n, 1)
    var_a, var_b = aa - sum_a**2 / count, bb - sum_b**2 / count
    product = np.sqrt(np.maximum(var_a, 0) * np.maximum(var_b, 0))
    usable = (n >= least - 1e-9) & (product > 1e-12)
    found = np.full(n.shape, np.nan)
    np.divide(ab - sum_a * sum_b / count, product, out=found, where=usable)
    return np.clip(found, -_MOST_R, _MOST_R)


def pick(r: Floats) -> tuple[Floats, Floats]:
    """Peak nearest to lag zero along the first axis, in Fisher's z, and its lag in samples.

    A peak is higher than both neighbours; at the largest lags there is none. NaN without a peak.
    """
    middle = len(r) // 2
    inner = r[1:-1]
    with np.errstate(invalid="ignore"):
        top = (inner >= r[:-2]) & (inner >= r[2:])
    lags = np.arange(1 - middle, middle)
    distance = np.where(top, np.abs(lags).reshape(-1, *[1] * (r.ndim - 1)) - _TIE * inner, np.inf)
    best = distance.argmin(0)
    found = np.isfinite(distance.min(0))
    peak = np.take_along_axis(inner, best[None], 0)[0]
    z = np.arctanh(np.where(found, peak, np.nan))
    return z, np.where(found, lags[best], np.nan)
