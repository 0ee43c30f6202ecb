"""Tests, intervals and effect sizes against scipy, statsmodels and R."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from emotion_core.study.statistics import effects, permutation

RANDOM = np.random.RandomState(5)
A, B = RANDOM.normal(0.8, 1, 20), RANDOM.normal(0, 2, 15)


def test_welch_is_scipys() -> None:
    ours, theirs = effects.welch(A, B), stats.ttest_ind(A, B, equal_var=False)
    interval = theirs.confidence_interval()
    assert (ours.t, ours.df, ours.p) == pytest.approx(
        (theirs.statistic, theirs.df, theirs.pvalue), rel=1e-12
    )
    assert (ours.estimate.low, ours.estimate.high) == pytest.approx((interval.low, interval.high))


def test_one_sample_is_scipys() -> None:
    ours, theirs = effects.one_sample(B), stats.ttest_1samp(B, 0)
    interval = theirs.confidence_interval()
    assert (ours.t, ours.df, ours.p) == pytest.approx(
        (theirs.statistic, theirs.df, theirs.pvalue), rel=1e-12
    )
    assert (ours.estimate.low, ours.estimate.high) == pytest.approx((interval.low, interval.high))
    mean = effects.mean_interval(B)
    assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    ("t", "df", "low", "high"),
    [
        # R 4.2.2: uniroot(function(n) pt(t, df, n) - p, ...) for p = .975 and .025
        (5, 38, 2.71744745, 7.23254734),
        (1, 3, -1.16983806, 3.03609528),
        (0, 10, -1.95996398, 1.95996398),
    ],
)
def test_noncentral_t_is_rs(t: float, df: float, low: float, high: float) -> None:
    assert effects.noncentral_t(t, df) == pytest.approx((low, high), abs=1e-6)
    assert effects.noncentral_t(-t, df) == pytest.approx((-high, -low), abs=1e-6)


@pytest.mark.parametrize("df", [1.0, 2.5, 38.0, 5000.0, 1e6])
@pytest.mark.parametrize("t", [0.0, 0.01, 3.0, 30.0, 300.0])
def test_noncentral_limits_are_finite_and_around_t(t: float, df: float) -> None:
    low, high = effects.noncentral_t(t, df)
    assert np.isfinite([low, high]).all()
    assert low < t < high


def test_partial_eta_squared_is_rs() -> None:
    found = effects.partial_eta_squared(5.2, 2, 45.3)
    # R 4.2.2: uniroot on pf(5.2, 2, 45.3, n), then n / (n + 2 + 45.3 + 1)
    assert (found.low, found.high) == pytest.approx((0.0136528482, 0.35518561), abs=1e-7)
    assert found.value == pytest.approx(5.2 * 2 / (5.2 * 2 + 45.3))


@pytest.mark.parametrize("df2", [2.0, 40.0, 1e6])
@pytest.mark.parametrize("f", [0.0, 1e-6, 3.0, 1e4])
def test_partial_eta_squared_has_ordered_limits(f: float, df2: float) -> None:
    found = effects.partial_eta_squared(f, 6, df2)
    assert 0 <= found.low <= found.high < 1


def test_partial_eta_squared_needs_degrees_of_freedom() -> None:
    assert np.isnan(effects.partial_eta_squared(3.0, 2, np.inf).value)


def test_hedges_g_of_known_values() -> None:
    a, b = np.array([1.0, 2, 3, 4]), np.array([0.0, 1, 2, 3])
    # d = 1 / 1.291, and the exact correction for 6 degrees of freedom is 0.8686.
    assert effects.hedges_g(a, b).value == pytest.approx(0.6728, abs=1e-4)
    assert effects.small_sample_factor(6) == pytest.approx(1 - 3 / (4 * 6 - 1), abs=0.001)


def test_d_z_of_known_values() -> None:
    found = effects.d_z(np.array([1.0, 2, 3, 6]))
    assert found.value == pytest.approx(3 / np.std([1, 2, 3, 6], ddof=1))
    low, high = effects.noncentral_t(found.value * 2, 3)
    assert (found.low, found.high) == pytest.approx((low / 2, high / 2))


def test_intervals_of_effect_sizes_hold_the_truth() -> None:
    """400 studies: 95% of the intervals, give or take three standard errors."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        g = effects.hedges_g(rng.normal(0.8, 1, 12), rng.normal(0, 1, 12))
        held += g.low <= 0.8 <= g.high
    assert 0.917 <= held / 400 <= 0.983


@pytest.mark.parametrize(
    ("values", "low", "value"),
    [([], np.nan, np.nan), ([0.4], np.nan, 0.4), ([0.4, 0.4], 0.4, 0.4)],
)
def test_means_of_few_values(values: list[float], low: float, value: float) -> None:
    found = effects.mean_interval(values)
    assert (found.low, found.value) == pytest.approx((low, value), nan_ok=True)


def test_holm_is_that_of_statsmodels_and_skips_missing_tests() -> None:
    p = [0.01, 0.04, np.nan, 0.03, 0.005, 0.9]
    expected = multipletests([v for v in p if v == v], method="holm")[1]
    found = effects.holm(p)
    assert np.isnan(found[2])
    assert np.delete(found, 2) == pytest.approx(expected)
    assert effects.holm([]).shape == (0,)
    assert np.isnan(effects.holm([np.nan])).all()


def test_few_values_are_permuted_exactly() -> None:
    values, size = np.concatenate([A[:5], B[:6]]), 5
    found = []
    for chosen in combinations(range(11), size):
        rest = np.delete(values, chosen)
        found.append(abs(effects.welch(values[list(chosen)], rest).t))
    expected = np.mean(np.array(found) >= found[0] * (1 - 1e-9))
    assert permutation.two_groups(A[:5], B[:6]) == pytest.approx(expected)


def test_few_signs_are_flipped_exactly() -> None:
    means = [abs(np.dot(signs, A[:8])) for signs in product((1, -1), repeat=8)]
    expected = np.mean(np.array(means) >= means[0] * (1 - 1e-9))
    assert permutation.sign_flips(A[:8]) == pytest.approx(expected)


@pytest.mark.parametrize("test", ["groups", "signs"])
def test_random_permutations_agree_with_t_and_repeat(test: str) -> None:
    if test == "groups":
        p = [permutation.two_groups(A, B, 9999, seed) for seed in (1, 1, 2)]
        expected = effects.welch(A, B).p
    else:
        p = [permutation.sign_flips(A, 9999, seed) for seed in (1, 1, 2)]
        expected = effects.one_sample(A).p
    assert p[0] == p[1] != p[2]
    assert p[0] == pytest.approx(expected, abs=0.02)


def test_a_permutation_p_is_never_zero() -> None:
    assert permutation.two_groups(A + 100, B, 99) == 1 / 100
    assert permutation.sign_flips(A + 100, 99) == 1 / 100


def test_equal_values_are_no_evidence() -> None:
    same = np.ones(12)
    assert permutation.two_groups(same, same, 99) == 1.0
    assert permutation.sign_flips(np.zeros(12), 99) == 1.0


def test_blocks_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = permutation.two_groups(A, B, 500, 3), permutation.two_groups(A[:5], B[:5])
    monkeypatch.setattr(permutation, "_BLOCK", 1000)
    blocks = list(permutation.orders(35, 500, 3))
    assert max(len(b) for b in blocks) <= 1000 // 35
    assert sum(len(b) for b in blocks) == 500
    assert (permutation.two_groups(A, B, 500, 3), permutation.two_groups(A[:5], B[:5])) == whole
