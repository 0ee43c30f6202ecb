"""Coefficients against scikit-learn, krippendorff, pingouin, statsmodels, R, and published data."""

import warnings

import krippendorff
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import cohen_kappa_score, f1_score
from statsmodels.stats.inter_rater import cohens_kappa

from emotion_core.study.agreement.bland_altman import limits_of_agreement
from emotion_core.study.agreement.coefficients import (
    alpha,
    coincidences,
    event_kappa,
    f1,
    kappa,
    overall_f1,
)
from emotion_core.study.agreement.icc import icc, pair_icc, pair_sums

with warnings.catch_warnings():
    # pingouin and what it imports use names that newer pandas versions announce to remove.
    warnings.simplefilter("ignore")
    import pingouin

_NAN = np.nan
# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example C; also the example of
# R's irr (`kripp.alpha`): nominal 0.743, ordinal 0.815, interval 0.849.
NOMINAL = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _NAN, _NAN, _NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _NAN, 3],
        [_NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _NAN],
    ]
)
# Shrout & Fleiss (1979), table 2: six targets, four judges.
SHROUT = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)


def counts_of(ratings: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (ratings.T[:, :, None] == values).sum(axis=1)


def table_of(a: np.ndarray, b: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(a * size + b, minlength=size**2).reshape(size, size)


@pytest.mark.parametrize("seed", range(4))
def test_kappa_is_that_of_scikit_learn_and_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, 200)
    b = np.where(rng.random(200) < 0.6, a, rng.integers(0, 4, 200))
    table = table_of(a, b, 4)
    assert float(kappa(table)) == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)
    assert float(kappa(table)) == pytest.approx(float(cohens_kappa(table).kappa), abs=1e-12)
    weights = rng.random(200)
    weighted = np.bincount(a * 4 + b, weights, 16).reshape(4, 4)
    by_time = cohen_kappa_score(a, b, sample_weight=weights)
    assert float(kappa(weighted)) == pytest.approx(by_time, abs=1e-12)


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one_and_that_of_the_library(level: str, published: float) -> None:
    values = np.arange(1.0, 6.0)
    matrix = coincidences(counts_of(NOMINAL, values)).sum(axis=0)
    found = float(alpha(matrix, level, values))
    assert round(found, 3) == published
    library = krippendorff.alpha(NOMINAL, level_of_measurement=level)  # type: ignore[arg-type]
    assert found == pytest.approx(library, abs=1e-12)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_of_random_data_with_missing_values_is_that_of_the_library(level: str) -> None:
    rng = np.random.default_rng(5)
    ratings = rng.integers(1, 6, (4, 60)).astype(float)
    ratings[1] = np.where(rng.random(60) < 0.6, ratings[0], ratings[1])
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    values = np.arange(1.0, 6.0)
    found = float(alpha(coincidences(counts_of(ratings, values)).sum(axis=0), level, values))
    library = krippendorff.alpha(ratings, level_of_measurement=level)  # type: ignore[arg-type]
    assert found == pytest.approx(library, abs=1e-12)


def pingouin_icc(ratings: np.ndarray) -> pd.DataFrame:
    n, k = ratings.shape
    long = pd.DataFrame(
        {
            "target": np.repeat(np.arange(n), k),
            "rater": np.tile(np.arange(k), n),
            "rating": ratings.astype(float).ravel(),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pingouin.intraclass_corr(long, "target", "rater", "rating")
    # ICC(A,1) and ICC(C,1) are called ICC2 and ICC3 in earlier versions of pingouin.
    table["Type"] = table["Type"].replace({"ICC2": "ICC(A,1)", "ICC3": "ICC(C,1)"})
    return table.set_index("Type")


@pytest.mark.parametrize("seed", range(3))
def test_icc_and_its_limits_are_those_of_pingouin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 1, 25)[:, None]
    ratings = truth + rng.normal(0, 0.7, (25, 2)) + np.array([0.0, 0.5])
    table = pingouin_icc(ratings)
    found = icc(ratings)
    interval = next(c for c in table if c.startswith("CI95"))
    for name, mine in (("ICC(A,1)", found.agreement), ("ICC(C,1)", found.consistency)):
        assert mine.value == pytest.approx(table.loc[name, "ICC"], abs=1e-9)
        # pingouin rounds the limits to two decimals.
        assert [mine.low, mine.high] == pytest.approx(list(table.loc[name, interval]), abs=0.0051)
    both = pair_icc(pair_sums(ratings[:10]) + pair_sums(ratings[10:]))
    assert float(both[0]) == pytest.approx(found.agreement.value, abs=1e-12)
    assert float(both[1]) == pytest.approx(found.consistency.value, abs=1e-12)


def test_icc_of_shrout_and_fleiss() -> None:
    found = icc(SHROUT)
    # Their ICC(2,1) and ICC(3,1); limits as R's irr and psych give them.
    assert round(found.agreement.value, 2) == 0.29
    assert round(found.consistency.value, 2) == 0.71
    assert [round(found.agreement.low, 4), round(found.agreement.high, 4)] == R_SHROUT["agreement"]
    limits = [round(found.consistency.low, 4), round(found.consistency.high, 4)]
    assert limits == R_SHROUT["consistency"]


R_SHROUT = {"agreement": [0.0188, 0.7611], "consistency": [0.3425, 0.9459]}


def test_without_unpaired_events_the_kappa_of_events_is_cohens() -> None:
    table = np.array([[10.0, 2, 0], [3, 20, 0], [0, 0, 0]])
    assert float(event_kappa(table)) == pytest.approx(float(kappa(table[:2, :2])), abs=1e-9)


def test_chance_of_events_is_quasi_independence() -> None:
    table = np.array([[30.0, 4, 6], [5, 18, 3], [8, 2, 0]])
    rows, columns = np.indices(table.shape)
    cells = (rows < 2) | (columns < 2)
    design = np.column_stack(
        [np.ones(8), rows[cells] == 1, rows[cells] == 2, columns[cells] == 1, columns[cells] == 2]
    ).astype(float)
    model = sm.GLM(table[cells], design, family=sm.families.Poisson()).fit()
    expected = np.zeros((3, 3))
    expected[cells] = model.fittedvalues
    observed, chance = np.trace(table) / table.sum(), np.trace(expected) / table.sum()
    by_hand = (observed - chance) / (1 - chance)
    assert float(event_kappa(table)) == pytest.approx(by_hand, abs=1e-6)


def test_f1_of_events_is_that_of_scikit_learn() -> None:
    table = np.array([[30.0, 4, 6], [5, 18, 3], [8, 2, 0]])
    pairs = [(i, j) for i in range(3) for j in range(3) for _ in range(int(table[i, j]))]
    truth, said = np.array(pairs).T
    mine = f1(table)
    theirs = f1_score(truth, said, labels=[0, 1], average=None)
    assert mine.tolist() == pytest.approx(list(theirs))
    micro = f1_score(truth, said, labels=[0, 1], average="micro")
    assert float(overall_f1(table)) == pytest.approx(micro)


def test_limits_of_agreement_of_bland_and_altman() -> None:
    # Bland & Altman (1986), table 1: peak expiratory flow, large and mini meter, first readings;
    # they give a mean difference of −2.1, SD 38.8, limits −79.7 and 75.5 with twice the SD.
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = limits_of_agreement(np.subtract(wright, mini))
    assert round(found.bias.value, 1) == -2.1
    spread = (found.high.value - found.bias.value) / 1.959964
    assert round(spread, 1) == 38.8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        t = pingouin.ttest(np.subtract(wright, mini), 0)
    interval = next(c for c in t if c.startswith("CI95"))
    assert [found.bias.low, found.bias.high] == pytest.approx(list(t[interval].iloc[0]), abs=0.006)
