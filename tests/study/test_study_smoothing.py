"""Smoothing at the study's rate, against direct computations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emotion_core.study.definitions import Smoothing
from emotion_core.study.smoothing import smooth

RNG = np.random.default_rng(7)


def dense_loess(
    values: NDArray[np.float64], runs: NDArray[np.int64], rate: float, window_s: float
) -> NDArray[np.float64]:
    """Weighted least squares with a parabola, one step at a time."""
    result = values.copy()
    for i in np.flatnonzero(runs):
        distance = (np.arange(len(values)) - i) / rate / (window_s / 2)
        near = np.flatnonzero((np.abs(distance) < 1 - 1e-12) & (runs == runs[i]))
        if len(near) <= 3:
            continue
        u = distance[near]
        root = np.sqrt((1 - np.abs(u) ** 3) ** 3)[:, None]
        design = np.stack([np.ones_like(u), u, u * u], axis=1)
        fit = np.linalg.lstsq(design * root, values[near] * root, rcond=None)[0]
        result[i] = fit[0]
    return result


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), min_size=1, max_size=6),
    window_s=st.floats(0.05, 12.0),
    rate=st.sampled_from([1.0, 4.0, 10.0, 25.0]),
)
def test_loess_is_local_least_squares(
    lengths: list[tuple[int, int]], window_s: float, rate: float
) -> None:
    runs = np.concatenate(
        [np.repeat([i + 1, 0], [n, gap]) for i, (n, gap) in enumerate(lengths)]
    ).astype(np.int64)
    values = RNG.uniform(0, 1, (len(runs), 3))
    values[runs == 0] = np.nan
    got = smooth(values, runs, Smoothing.LOESS, rate, window_s)
    np.testing.assert_allclose(got, dense_loess(values, runs, rate, window_s), atol=1e-6)


def test_loess_keeps_parabolas_and_removes_noise() -> None:
    t = np.arange(300) / 10
    runs = np.ones(300, np.int64)
    parabola = (0.2 + 0.03 * t - 0.001 * t**2)[:, None]
    kept = smooth(parabola, runs, Smoothing.LOESS, 10, 3)
    np.testing.assert_allclose(kept, parabola, atol=1e-9)
    noise = smooth(RNG.normal(0, 1, (300, 1)), runs, Smoothing.LOESS, 10, 3)
    assert noise.std() < 0.5


def test_a_window_longer_than_everything() -> None:
    values = RNG.uniform(0, 1, (50, 2))
    runs = np.ones(50, np.int64)
    got = smooth(values, runs, Smoothing.LOESS, 60, 600)
    np.testing.assert_allclose(got, dense_loess(values, runs, 60, 600), atol=1e-6)


def test_the_exponential_average_has_its_time_constant() -> None:
    values = np.concatenate([[0.0], np.ones(30)])[:, None]
    got = smooth(values, np.ones(31, np.int64), Smoothing.EXPONENTIAL, 10, 0.8)
    expected = [1 - math.exp(-i / 10 / 0.8) for i in range(31)]
    np.testing.assert_allclose(got[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("method", [Smoothing.EXPONENTIAL, Smoothing.LOESS])
def test_nothing_reaches_over_a_gap_or_into_another_run(method: Smoothing) -> None:
    runs = np.array([1] * 10 + [2] * 10 + [0] * 2 + [3] * 10)
    values = np.concatenate([np.zeros(10), np.ones(10), [np.nan] * 2, np.full(10, 0.3)])[:, None]
    np.testing.assert_allclose(smooth(values, runs, method, 10, 1.5), values, atol=1e-9)


@pytest.mark.parametrize("method", list(Smoothing))
def test_without_readings_nothing_changes(method: Smoothing) -> None:
    values = np.full((5, 2), np.nan)
    np.testing.assert_array_equal(smooth(values, np.zeros(5, np.int64), method, 10, 1), values)
    empty = np.empty((0, 2))
    assert smooth(empty, np.empty(0, np.int64), method, 10, 1).shape == (0, 2)
