"""Smoothing of readings on a grid; nothing reaches over a gap or a cut."""

import math

import numpy as np
from scipy.signal import convolve, lfilter

from emotion_core.datatypes import IntArray
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import Smoothing


def smooth(
    values: Float64Array, runs: IntArray, method: Smoothing, rate_hz: float, seconds: float
) -> Float64Array:
    """Smooth each run on its own.

    Args:
        values: (N, C), one row a step.
        runs: (N,) number of the uninterrupted run, not decreasing from 1 on; 0 in the gaps.
        method: how; `Smoothing.NONE` returns the values.
        rate_hz: steps a second.
        seconds: time constant, or width of the window.

    Returns:
        (N, C) float64; rows in gaps are unchanged.
    """
    smoothed = np.array(values, np.float64)
    inside = runs > 0
    if method is Smoothing.NONE or not inside.any():
        return smoothed
    picked = smoothed[inside]
    starts = np.flatnonzero(np.diff(runs[inside], prepend=0))
    if method is Smoothing.EXPONENTIAL:
        smoothed[inside] = exponential(picked, starts, rate_hz, seconds)
    else:
        smoothed[inside] = loess(picked, starts, rate_hz, seconds)
    return smoothed


def exponential(
    values: Float64Array, starts: IntArray, rate_hz: float, time_constant_s: float
) -> Float64Array:
    """An exponential average that begins with the first value of each run.

    After a step from 0 to 1 it has reached 1 - exp(-t / time_constant_s) after t seconds.

    Args:
        values: (N, C) finite values.
        starts: (R,) first row of each run, increasing from 0 on.
        rate_hz: rows a second.
        time_constant_s: in seconds.
    """
    keep = math.exp(-1 / (rate_hz * time_constant_s))
    pieces = [
        lfilter([1 - keep], [1, -keep], run, axis=0, zi=keep * run[:1])[0]
        for run in np.split(values, starts[1:])
    ]
    return np.concatenate(pieces)


def loess(values: Float64Array, starts: IntArray, rate_hz: float, window_s: float) -> Float64Array:
    """Local quadratic regression with tricube weights in a window of constant width.

    Cleveland (1979), doi 10.1080/01621459.1979.10481038; recommended for facial expressions by
    Olderbak, Hildebrandt, Pinkpank, Sommer & Wilhelm (2014), doi 10.3758/s13428-013-0421-3. At the
    ends of a run the window has only one side. A row with at most three rows in its window is
    unchanged, as a parabola goes through three points.

    Args:
        values: (N, C) finite values.
        starts: (R,) first row of each run, increasing from 0 on.
        rate_hz: rows a second.
        window_s: full width of the window; rows at its edge have a weight of 0.
    """
    lengths = np.diff(np.append(starts, len(values)))
    reach = min(math.ceil(window_s * rate_hz / 2) - 1, int(lengths.max()) - 1)
    if reach < 1:
        return values
    # Gaps as long as the window's reach keep the runs apart; one convolution serves all of them.
    run = np.repeat(np.arange(len(starts)), lengths)
    place = np.arange(len(values)) + run * reach
    size = int(place[-1]) + 1
    mask, spread = np.zeros(size), np.zeros((size, values.shape[1]))
    mask[place] = 1
    # A constant is reproduced exactly; without it the products below would lose digits.
    centre = values.mean(axis=0)
    spread[place] = values - centre
    distance = np.arange(-reach, reach + 1) * 2 / (window_s * rate_hz)
    weights = (1 - np.abs(distance) ** 3) ** 3
    # Reversed, as a convolution turns its kernel.
    kernels = [(weights * distance**power)[::-1] for power in range(5)]
    s0, s1, s2, s3, s4 = (convolve(mask, kernel, mode="same")[place] for kernel in kernels)
    t0, t1, t2 = (convolve(spread, kernel[:, None], mode="same")[place].T for kernel in kernels[:3])
    # Cramer's rule for the constant of the parabola: its value in the middle of the window.
    c0, c1, c2 = s2 * s4 - s3 * s3, s2 * s3 - s1 * s4, s1 * s3 - s2 * s2
    neighbours = np.rint(convolve(mask, np.ones(2 * reach + 1), mode="same"))[place]
    exact = neighbours <= 3
    determinant = np.where(exact, 1.0, s0 * c0 + s1 * c1 + s2 * c2)
    fitted = ((t0 * c0 + t1 * c1 + t2 * c2) / determinant).T + centre
    return np.where(exact[:, None], values, fitted)
