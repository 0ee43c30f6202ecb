"""Synchrony of two people: windowed cross-lagged correlation against surrogates.

In each window one signal is correlated with the other, shifted by every lag (Boker, Xu, Rotondo &
King 2002, doi 10.1037/1082-989X.7.3.338); the peak nearest to lag zero is how strongly, and with
which delay, the two move together there. Applied to facial expression by Riehle, Kempkensteffen &
Lincoln (2017, doi 10.1007/s10919-016-0246-8).

Smooth signals correlate by chance. What counts is therefore whether real windows agree more than
*surrogates*: windows of the same two people at different times, or real windows of people who never
met (Moulder, Boker, Ramseyer & Tschacher 2018, doi 10.1037/met0000172). Windows are taken whole, so
that a surrogate has the same smoothness as the real thing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotion_core.errors import InputError
from emotion_core.study.statistics.effects import Estimate, d_z, mean_interval
from emotion_core.study.statistics.lagged_correlation import (
    matched_peaks,
    peaks,
    window_starts,
    windows_of,
)

Floats = NDArray[np.float64]

# Share of the samples of a window that both people must have, or the window does not count.
MIN_VALID: Final = 0.7
# Surrogates move blocks of windows this many windows long. Overlapping windows resemble each other;
# moved one by one they would vary less than real ones do.
_BLOCK_WINDOWS: Final = 3
_LEAST_BLOCKS: Final = 4
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Synchrony:
    """Synchrony of one pair.

    Attributes:
        r: mean peak correlation, averaged as Fisher's z; NaN without any peak.
        z: the same in Fisher's z.
        surrogate_r: mean peak correlation of the surrogates.
        p: share of surrogates with at least this z, one-sided; NaN where the recording is too short
            for surrogates.
        surrogate_z: (B,) z of each surrogate.
        lag_s: mean lag of the peaks with its 95% interval over blocks of windows; above zero the
            first person leads.
        leader: "first" or "second", where the interval leaves zero out, else None.
        window_start_s: (W,) start of each window.
        window_r, window_lag_s: (W,) peak and its lag; NaN without a peak, or too few valid samples.
    """

    r: float
    z: float
    surrogate_r: float
    p: float
    surrogate_z: Floats
    lag_s: Estimate
    leader: str | None
    window_start_s: Floats
    window_r: Floats
    window_lag_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PairsSynchrony:
    """Synchrony of many pairs, against pairs of people who never met.

    Attributes:
        z: (N,) mean peak of each pair, Fisher's z; NaN where a pair has none.
        shuffled_z: (N,) mean over all others with whom the pair's people could be combined.
        r: mean over pairs, as a correlation, with its 95% interval.
        p: share of shuffles of partners with at least this mean, one-sided.
        d_z: difference of real and shuffled z, standardised, with its interval.
        lag_s: mean lag over pairs with its interval; above zero the first persons lead.
        leader: "first", "second", or None.
        pairs: how many have a value.
    """

    z: Floats
    shuffled_z: Floats
    r: Estimate
    p: float
    d_z: Estimate
    lag_s: Estimate
    leader: str | None
    pairs: int


def synchrony(
    x: ArrayLike,
    y: ArrayLike,
    rate_hz: float,
    *,
    window_s: float = 7.0,
    step_s: float = 1.0,
    max_lag_s: float = 2.0,
    surrogates: int = 999,
    seed: int = 0,
    min_valid: float = MIN_VALID,
) -> Synchrony:
    """Windowed cross-lagged correlation of two signals of one pair.

    Args:
        x, y: (T,) one signal of the first and the second person at the same moments; NaN where a
            person is not seen.
        rate_hz: samples a second.
        window_s, step_s: length of the windows, and from one to the next.
        max_lag_s: largest delay that is looked at, in both directions.
        surrogates: how many; blocks of the second person's windows change places.
        seed: of the surrogates.
        min_valid: share of a window that both must be seen in.

    Raises:
        InputError: signals of different length or shorter than one window, or settings that make
            no window.
    """
    grid = windows_of(rate_hz, window_s, step_s, max_lag_s, min_valid)
    first, second = _signal(x), _signal(y)
    if len(first) != len(second):
        raise InputError("Both people's signals must cover the same moments.")
    starts = window_starts(len(first), grid)
    z, lags = peaks(first, second, starts, starts, grid, min_valid)
    own, own_lags = z.diagonal(), lags.diagonal() / rate_hz
    block = _BLOCK_WINDOWS * math.ceil(grid.window / grid.step)
    shuffled, real = _surrogates(z, block, surrogates, seed)
    p = math.nan
    if math.isfinite(real) and len(shuffled):
        p = (1 + int((shuffled >= real - _TIE).sum())) / (1 + len(shuffled))
    lag = mean_interval(_block_means(own_lags, block))
    value = _mean(own)
    return Synchrony(
        r=math.tanh(value),
        z=value,
        surrogate_r=math.tanh(_mean(shuffled)),
        p=p,
        surrogate_z=shuffled,
        lag_s=Estimate(_mean(own_lags), lag.low, lag.high),
        leader=_leader(lag),
        window_start_s=starts / rate_hz,
        window_r=np.tanh(own),
        window_lag_s=own_lags,
    )


def synchrony_of_pairs(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]],
    rate_hz: float,
    *,
    window_s: float = 7.0,
    step_s: float = 1.0,
    max_lag_s: float = 2.0,
    surrogates: int = 4999,
    seed: int = 0,
    min_valid: float = MIN_VALID,
) -> PairsSynchrony:
    """Compare real pairs with shuffled partners; a pair is one case. Arguments as `synchrony`.

    Only this tells synchrony from what a shared task brings about in everybody at the same time.

    Raises:
        InputError: fewer than two pairs, or as `synchrony`.
    """
    grid = windows_of(rate_hz, window_s, step_s, max_lag_s, min_valid)
    if len(pairs) < 2:
        raise InputError("Partners can only be shuffled among two pairs or more.")
    signals = [(_signal(x), _signal(y)) for x, y in pairs]
    count = len(signals)
    table, lag_means = np.full((count, count), np.nan), np.full(count, np.nan)
    for i, (x, _) in enumerate(signals):
        for j, (_, y) in enumerate(signals):
            length = min(len(x), len(y))
            if i == j and len(x) != len(y):
                raise InputError("Both people's signals must cover the same moments.")
            starts = window_starts(length, grid)
            z, lags = matched_peaks(x[:length], y[:length], starts, grid, min_valid)
            table[i, j] = _mean(z)
            if i == j:
                lag_means[i] = _mean(lags) / rate_hz
    real = table.diagonal()
    others = np.where(np.eye(count, dtype=bool), np.nan, table)
    shuffled = np.array([_mean(row) for row in np.hstack([others, others.T])])
    known = np.isfinite(real) & np.isfinite(shuffled)
    gain = (real - shuffled)[known]
    size = d_z(gain) if len(gain) > 1 and np.ptp(gain) > 0 else Estimate(*[math.nan] * 3)
    mean, lag = mean_interval(real[known]), mean_interval(lag_means[np.isfinite(lag_means)])
    return PairsSynchrony(
        z=real,
        shuffled_z=shuffled,
        r=Estimate(*(math.tanh(v) for v in (mean.value, mean.low, mean.high))),
        p=_partner_p(table, surrogates, seed),
        d_z=size,
        lag_s=lag,
        leader=_leader(lag),
        pairs=int(known.sum()),
    )


def aligned(x: ArrayLike, y: ArrayLike, rate_hz: float, offset_s: float) -> tuple[Floats, Floats]:
    """The moments that two recordings share.

    Args:
        x, y: signals (T,) and (U,) of two recordings at the same rate, from their starts on.
        rate_hz: samples a second.
        offset_s: how much later the second recording began than the first.

    Raises:
        InputError: the recordings do not overlap.
    """
    first, second, shift = _signal(x), _signal(y), round(offset_s * rate_hz)
    first, second = first[max(shift, 0) :], second[max(-shift, 0) :]
    length = min(len(first), len(second))
    if not length:
        raise InputError(f"With an offset of {offset_s:g} s the recordings do not overlap.")
    return first[:length], second[:length]


def _signal(values: ArrayLike) -> Floats:
    signal = np.asarray(values, np.float64)
    if signal.ndim != 1:
        raise InputError("A signal is one value for each moment.")
    return np.where(np.isfinite(signal), signal, np.nan)


def _surrogates(z: Floats, block: int, surrogates: int, seed: int) -> tuple[Floats, float]:
    """(B,) mean peaks with blocks of windows in another order, and the mean in the real order.

    Both use the same windows: those of whole blocks.
    """
    blocks = len(z) // block
    if blocks < _LEAST_BLOCKS:
        return np.zeros(0), math.nan
    used = blocks * block
    rng = np.random.default_rng(seed)
    within, rows = np.arange(block), np.arange(used)
    found = np.empty(surrogates)
    for i in range(surrogates):
        columns = (rng.permutation(blocks)[:, None] * block + within).ravel()
        found[i] = _mean(z[rows, columns])
    return found[np.isfinite(found)], _mean(z.diagonal()[:used])


def _partner_p(table: Floats, surrogates: int, seed: int) -> float:
    real = _mean(table.diagonal())
    if not math.isfinite(real):
        return math.nan
    rng, rows = np.random.default_rng(seed), np.arange(len(table))
    means = np.array([_mean(table[rows, rng.permutation(len(table))]) for _ in range(surrogates)])
    return (1 + int((means >= real - _TIE).sum())) / (1 + int(np.isfinite(means).sum()))


def _block_means(values: Floats, block: int) -> Floats:
    """Means of runs of `block` windows, which hardly depend on each other."""
    parts = [_mean(values[i : i + block]) for i in range(0, len(values), block)]
    means = np.array(parts)
    return means[np.isfinite(means)]


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _leader(lag: Estimate) -> str | None:
    if lag.low > 0:
        return "first"
    return "second" if lag.high < 0 else None
