"""Smoothing counts in seconds and keeps rows with their identities."""

import numpy as np
import pytest

from emotion_core.pipeline.smoothing import Smoother, time_constant_s

IDS = np.array([1])


def probs(index: int, top: float = 0.88) -> np.ndarray:
    row = np.full((1, 7), (1 - top) / 6, np.float32)
    row[0, index] = top
    return row


def test_nobody_passes_through() -> None:
    smoothed = Smoother().update(np.empty(0, np.int64), np.empty((0, 7), np.float32), 0.0)
    assert smoothed.shape == (0, 7)


def test_strength_zero_is_raw() -> None:
    smoother = Smoother(0.0)
    for i in range(3):
        np.testing.assert_array_equal(smoother.update(IDS, probs(i), i / 30), probs(i))


@pytest.mark.parametrize("fps", [5, 10, 30, 60, 120])
def test_the_rate_does_not_change_the_outcome(fps: int) -> None:
    smoother = Smoother(0.5)
    smoother.update(IDS, probs(4), 0.0)
    for i in range(1, fps + 1):
        smoothed = smoother.update(IDS, probs(3), i / fps)
    left = np.exp(-1 / time_constant_s(0.5))
    np.testing.assert_allclose(smoothed, left * probs(4) + (1 - left) * probs(3), atol=1e-5)


def test_an_uneven_rate_does_not_change_the_outcome_either() -> None:
    smoother, times = Smoother(0.5), [0.0, 0.01, 0.3, 0.31, 0.75, 1.0]
    smoother.update(IDS, probs(4), 0.0)
    for t in times:
        smoothed = smoother.update(IDS, probs(3), t)
    left = np.exp(-1 / time_constant_s(0.5))
    np.testing.assert_allclose(smoothed, left * probs(4) + (1 - left) * probs(3), atol=1e-5)


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize("top", [0.5, 0.9])
def test_a_change_is_shown_within_300_ms_by_default(fps: int, top: float) -> None:
    smoother = Smoother()
    for i in range(fps):
        smoother.update(IDS, probs(4, top), i / fps)
    for i in range(fps, 2 * fps):
        if smoother.update(IDS, probs(3, top), i / fps).argmax() == 3:
            break
    # The change happened between the last old frame and the first new one.
    assert (i - (fps - 1)) / fps <= 0.3


def test_stronger_is_calmer_and_rows_sum_to_one() -> None:
    spreads = []
    for strength in (0.0, 0.3, 0.6, 1.0):
        smoother, rng, shown = Smoother(strength), np.random.default_rng(3), []
        for i in range(90):
            noisy = rng.dirichlet(np.ones(7), 1).astype(np.float32)
            shown.append(smoother.update(IDS, noisy, i / 30)[0])
        np.testing.assert_allclose(np.sum(shown, axis=1), 1, atol=1e-5)
        spreads.append(np.std(shown, axis=0).mean())
    assert spreads == sorted(spreads, reverse=True)


def test_rows_follow_identities_when_they_change_places() -> None:
    smoother = Smoother(1.0)
    smoother.update(np.array([1, 2]), np.vstack([probs(0), probs(5)]), 0.0)
    swapped = smoother.update(np.array([2, 1]), np.vstack([probs(5), probs(0)]), 0.1)
    assert swapped.argmax(axis=1).tolist() == [5, 0]


def test_time_that_stands_still_or_steps_back_changes_nothing() -> None:
    smoother = Smoother(0.5)
    before = smoother.update(IDS, probs(0), 1.0)
    np.testing.assert_array_equal(smoother.update(IDS, probs(1), 1.0), before)
    np.testing.assert_array_equal(smoother.update(IDS, probs(1), 0.5), before)


def test_the_forgotten_start_anew() -> None:
    smoother = Smoother(1.0)
    smoother.update(np.array([1, 2]), np.vstack([probs(0), probs(0)]), 0.0)
    smoother.keep([2])
    again = smoother.update(np.array([1, 2]), np.vstack([probs(1), probs(1)]), 0.01)
    assert again.argmax(axis=1).tolist() == [1, 0]
    smoother.reset()
    assert smoother.update(np.array([2]), probs(1), 0.02).argmax() == 1


def test_who_speaks_is_smoothed_by_a_strength_of_their_own() -> None:
    both = np.array([1, 2])
    smoother, alike = Smoother(0.5, speaking_strength=1.0), Smoother(0.5)
    for each in (smoother, alike):
        each.update(both, np.repeat(probs(4), 2, axis=0), 0.0, [1, 0])
        smoothed = each.update(both, np.repeat(probs(3), 2, axis=0), 0.3, [1, 0])
        quick, slow = smoothed[1, 3], smoothed[0, 3]
        assert (slow < quick - 0.2) == (each is smoother)
    silent = smoother.update(np.array([3]), probs(4), 0.0)
    silent = smoother.update(np.array([3]), probs(3), 0.3)
    np.testing.assert_allclose(silent[0], smoothed[1], atol=1e-6)


def test_speaking_strength_zero_is_raw() -> None:
    smoother = Smoother(0.5, speaking_strength=0.0)
    for i in range(3):
        np.testing.assert_array_equal(smoother.update(IDS, probs(i), i / 30, [1]), probs(i))
