"""Mean curves, and cluster tests over time."""

import numpy as np
import pytest
from scipy import stats

from emotion_core.errors import InputError
from emotion_core.study.statistics.curves import cluster_test, mean_curve

TIMES = np.arange(40) / 10


def curves(seed: int, people: int = 12, rise: float = 0.0) -> np.ndarray:
    """(P, 40) noise, higher from 1.0 to 1.9 s."""
    values = np.random.default_rng(seed).normal(size=(people, 40))
    values[:, 10:20] += rise
    return values


def test_mean_curve_is_scipys_interval_and_skips_who_is_not_seen() -> None:
    values = curves(1)
    values[3, :5] = np.nan
    values[1:, 7] = np.nan
    values[:, 8] = np.nan
    found = mean_curve(values)
    seen = np.delete(values[:, 0], 3)
    low, high = stats.t.interval(0.95, 10, seen.mean(), stats.sem(seen))
    assert (found.mean[0], found.low[0], found.high[0]) == pytest.approx((seen.mean(), low, high))
    assert found.participants[[0, 6, 7, 8]].tolist() == [11, 12, 1, 0]
    assert found.mean[7] == values[0, 7]
    assert np.isnan([found.low[7], found.mean[8], found.high[8]]).all()


def test_mean_curve_without_participants() -> None:
    assert np.isnan(mean_curve(np.zeros((0, 3))).mean).all()
    with pytest.raises(InputError, match="participants by moments"):
        mean_curve([1.0, 2.0])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("design", ["groups", "paired", "three groups"])
def test_a_planted_rise_is_found_where_it_is(design: str, sign: int) -> None:
    high, low = curves(1, rise=2.0 * sign), curves(2)
    samples = {
        "groups": (high, low),
        "paired": (high - low,),
        "three groups": (high, low, curves(3)),
    }[design]
    best = min(cluster_test(*samples, times_s=TIMES, permutations=199), key=lambda c: c.p)
    assert best.p == pytest.approx(1 / 200)
    assert (best.start_s, best.end_s) == pytest.approx((1.0, 1.9), abs=0.11)
    assert best.statistic * (sign if design != "three groups" else 1) > 0


def test_the_mass_is_the_sum_of_t() -> None:
    a, b = curves(1, rise=2.0), curves(2)
    t = stats.ttest_ind(a, b, equal_var=False).statistic
    best = max(cluster_test(a, b, times_s=TIMES, permutations=9), key=lambda c: c.statistic)
    inside = (best.start_s <= TIMES) & (best.end_s >= TIMES)
    assert best.statistic == pytest.approx(t[inside].sum())


def test_the_mass_of_three_groups_is_the_sum_of_f() -> None:
    samples = [curves(1, rise=2.0), curves(2, people=9), curves(3)]
    f = stats.f_oneway(*samples).statistic
    best = max(cluster_test(*samples, times_s=TIMES, permutations=9), key=lambda c: c.statistic)
    inside = (best.start_s <= TIMES) & (best.end_s >= TIMES)
    assert best.statistic == pytest.approx(f[inside].sum())


def test_few_participants_are_shuffled_exactly() -> None:
    """5 against 5: 252 choices, so that p is a multiple of 1/252; 2^6 flips likewise."""
    a, b = curves(1, 5, rise=3.0), curves(2, 5)
    for samples, count in (((a, b), 252), ((curves(4, 6, rise=3.0),), 64)):
        found = cluster_test(*samples, times_s=TIMES)
        p = np.array([c.p for c in found]) * count
        assert p == pytest.approx(p.round())
        # The observed shuffle, and the one with the groups or all signs exchanged.
        assert p.min() == pytest.approx(2)


def test_a_gap_breaks_a_cluster() -> None:
    a, b = curves(1, rise=3.0), curves(2)
    a[1:, 15] = np.nan
    found = [c for c in cluster_test(a, b, times_s=TIMES, permutations=199) if c.p < 0.05]
    assert [(c.start_s, c.end_s) for c in found] == [(1.0, 1.4), (1.6, 1.9)]


def test_missing_participants_count_where_they_are_seen() -> None:
    a, b = curves(1, rise=2.0), curves(2)
    a[0, 12:15] = np.nan
    t = stats.ttest_ind(a, b, equal_var=False, nan_policy="omit").statistic
    best = max(cluster_test(a, b, times_s=TIMES, permutations=9), key=lambda c: c.statistic)
    inside = (best.start_s <= TIMES) & (best.end_s >= TIMES)
    assert best.statistic == pytest.approx(np.asarray(t)[inside].sum())


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_constant_curves_have_no_clusters(value: float) -> None:
    same = np.full((6, 40), value)
    assert cluster_test(same, same, times_s=TIMES) == []
    assert cluster_test(same - value, times_s=TIMES) == []
    assert cluster_test(same, same, same, times_s=TIMES, permutations=9) == []


def test_nothing_seen_has_no_clusters() -> None:
    nothing = np.full((6, 40), np.nan)
    assert cluster_test(nothing, nothing, times_s=TIMES) == []


def test_the_seed_repeats_it() -> None:
    a, b = curves(1), curves(2)
    runs = [
        cluster_test(a, b, times_s=TIMES, permutations=199, seed=seed, threshold_p=0.3)
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ((), "at least one sample"),
        ((np.zeros((1, 40)),), "two participants"),
        ((np.zeros((3, 39)),), "one value for each moment"),
        ((np.zeros(40),), "participants by moments"),
    ],
)
def test_samples_that_do_not_fit(samples: tuple[np.ndarray, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        cluster_test(*samples, times_s=TIMES)


def test_the_threshold_is_a_share() -> None:
    with pytest.raises(InputError, match="threshold_p"):
        cluster_test(curves(1), times_s=TIMES, threshold_p=5)


def test_false_alarms_of_200_studies() -> None:
    """Within three standard errors of 5%; the benchmark counts more exactly."""
    found = [
        cluster_test(curves(2 * i, 8), curves(2 * i + 1, 8), times_s=TIMES, permutations=99)
        for i in range(200)
    ]
    alarms = sum(min((c.p for c in f), default=1.0) <= 0.05 for f in found)
    assert 2 <= alarms <= 19
