import math

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_core.errors import InputError
from emotion_core.model import calibrate


def believed_logits(
    images: int = 4000, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose softmax is the truth's own distribution, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, 7))
    probs = calibrate.softmax(logits)
    truth = (probs.cumsum(1) < rng.random((images, 1))).sum(1).clip(0, 6)
    return logits, truth


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_over_and_underconfidence(scale: float) -> None:
    logits, truth = believed_logits()
    assert calibrate.fit_temperature(logits * scale, truth) == pytest.approx(scale, rel=0.06)


def test_the_temperature_is_the_best_of_a_grid() -> None:
    logits, truth = believed_logits(500)
    fitted = calibrate.fit_temperature(logits * 2, truth)
    best = calibrate.logits_nll(logits * 2, truth, fitted)
    grid = [calibrate.logits_nll(logits * 2, truth, t) for t in np.linspace(0.1, 10, 300)]
    assert best <= min(grid) + 1e-9


def test_extremes_stay_within_the_range() -> None:
    # Separated so weakly that only the sharpest temperature makes them certain.
    perfect = np.eye(7) * 0.01
    low, high = calibrate.TEMPERATURE_RANGE
    assert calibrate.fit_temperature(perfect, np.arange(7)) == pytest.approx(low, rel=0.01)
    always_wrong = calibrate.fit_temperature(perfect, (np.arange(7) + 1) % 7)
    assert always_wrong == pytest.approx(high, rel=0.01)


@pytest.mark.parametrize(
    ("logits", "truth", "message"),
    [
        (np.empty((0, 7)), [], "at least one"),
        (np.zeros((2, 7)), [0], "labels"),
        (np.full((1, 7), np.nan), [0], "finite"),
    ],
)
def test_unusable_input_is_named(
    logits: NDArray[np.float64], truth: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        calibrate.fit_temperature(logits, truth)


def test_softmax_sums_to_one_without_overflow_and_for_no_face() -> None:
    probs = calibrate.softmax([[1000.0, 0.0, -1000.0], [1.0, 1.0, 1.0]], temperature=0.5)
    assert probs.dtype == np.float32
    assert probs.sum(1) == pytest.approx([1, 1])
    assert probs[1] == pytest.approx([1 / 3] * 3)
    assert calibrate.softmax(np.empty((0, 7))).shape == (0, 7)


def test_logits_nll_is_minus_the_log_probability() -> None:
    logits = np.array([[2.0, 0.0]])
    assert calibrate.logits_nll(logits, [0], 2.0) == pytest.approx(-math.log(math.e / (math.e + 1)))


def test_unsure_threshold_keeps_the_coverage_asked_for() -> None:
    winning = np.linspace(0.51, 1.0, 100)
    probs = np.stack([winning, 1 - winning], axis=1)
    truth = np.where(np.arange(100) < 10, 1, 0)  # the ten least sure are wrong
    found = calibrate.unsure_threshold(probs, truth, coverage=0.9)
    assert found.coverage == 0.9
    assert found.threshold == pytest.approx(winning[10])
    assert (found.accuracy_sure, found.accuracy_unsure) == (1.0, 0.0)
    whole = calibrate.unsure_threshold(probs, truth, coverage=1.0)
    assert whole.coverage == 1.0
    assert math.isnan(whole.accuracy_unsure)


@pytest.mark.parametrize("coverage", [0.0, 1.5])
def test_unsure_threshold_refuses_an_impossible_coverage(coverage: float) -> None:
    with pytest.raises(InputError, match="coverage"):
        calibrate.unsure_threshold([[0.6, 0.4]], [0], coverage)
