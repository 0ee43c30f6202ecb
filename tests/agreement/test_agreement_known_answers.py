"""Coefficients against scikit-learn, pingouin, R, krippendorff, statsmodels, and published data.

`python -m benchmarks.agreement_peers --write` asks those that take long to import, and keeps their
figures.
"""

import json
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from benchmarks.agreement_values import (
    events_table,
    intensities,
    many_ratings,
    two_codings,
    weights_of_units,
)
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

PEERS = json.loads((Path(__file__).parent / "peer_figures.json").read_text("utf-8"))
_NAN = np.nan
# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example C; also the example of
# R's irr (`kripp.alpha`): nominal 0.743, ordinal 0.815, interval 0.849.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _NAN, _NAN, _NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _NAN, 3],
        [_NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _NAN],
    ]
)
# Shrout & Fleiss (1979), table 2: six targets, four judges; also the example of R's psych.
SHROUT = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)
VALUES = np.arange(1.0, 6.0)


def alpha_of(ratings: NDArray[Any], level: str) -> float:
    counts = (ratings.T[:, :, None] == VALUES).sum(axis=1)
    return float(alpha(coincidences(counts).sum(axis=0), level, VALUES))


@pytest.mark.parametrize("seed", range(4))
def test_kappa_is_that_of_scikit_learn_and_r(seed: int) -> None:
    peers = PEERS["kappa"][f"kappa_{seed}.csv"]
    a, b = two_codings(seed)
    table = np.bincount(a * 4 + b, minlength=16).reshape(4, 4)
    assert float(kappa(table)) == pytest.approx(peers["scikit-learn"], abs=1e-9)
    assert float(kappa(table)) == pytest.approx(peers["R kappa"], abs=1e-9)
    by_time = np.bincount(a * 4 + b, weights_of_units(seed), 16).reshape(4, 4)
    assert float(kappa(by_time)) == pytest.approx(peers["scikit-learn, weighted"], abs=1e-9)


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one_and_that_of_the_library(level: Any, published: float) -> None:
    assert round(alpha_of(PUBLISHED, level), 3) == published
    library = krippendorff.alpha(PUBLISHED, level_of_measurement=level)
    assert alpha_of(PUBLISHED, level) == pytest.approx(library, abs=1e-12)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(3))
def test_alpha_with_missing_values_is_that_of_the_library(level: Any, seed: int) -> None:
    found = alpha_of(many_ratings(seed), level)
    assert found == pytest.approx(PEERS["alpha"][str(seed)][level], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_icc_and_its_limits_are_those_of_pingouin_and_r(seed: int) -> None:
    peers = PEERS["icc"][f"icc_{seed}.csv"]
    ratings = intensities(seed)
    found = icc(ratings)
    for name, r_name, mine in (
        ("ICC(A,1)", "R ICC2", found.agreement),
        ("ICC(C,1)", "R ICC3", found.consistency),
    ):
        assert mine.value == pytest.approx(peers[name], abs=1e-9)
        assert [mine.value, mine.low, mine.high] == pytest.approx(peers[r_name], abs=1e-6)
    both = pair_icc(pair_sums(ratings[:10]) + pair_sums(ratings[10:]))
    assert float(both[0]) == pytest.approx(found.agreement.value, abs=1e-12)
    assert float(both[1]) == pytest.approx(found.consistency.value, abs=1e-12)


def test_icc_of_shrout_and_fleiss() -> None:
    found = icc(SHROUT)
    limits = [found.agreement.low, found.agreement.high]
    assert [found.agreement.value, *limits] == pytest.approx([0.2898, 0.0188, 0.7611], abs=5e-5)
    limits = [found.consistency.low, found.consistency.high]
    assert [found.consistency.value, *limits] == pytest.approx([0.7148, 0.3425, 0.9459], abs=5e-5)


@pytest.mark.parametrize("ratings", [np.ones((4, 2)), np.array([[1.0, 2.0]]), np.zeros((0, 2))])
def test_icc_without_variance_is_not_defined(ratings: NDArray[Any]) -> None:
    found = icc(ratings)
    assert np.isnan([found.agreement.value, found.consistency.value]).all()
    assert np.isnan(pair_icc(pair_sums(ratings))).all()


def test_without_unpaired_events_the_kappa_of_events_is_cohens() -> None:
    table = np.array([[10.0, 2, 0], [3, 20, 0], [0, 0, 0]])
    assert float(event_kappa(table)) == pytest.approx(float(kappa(table[:2, :2])), abs=1e-9)


def test_chance_of_events_is_quasi_independence() -> None:
    table = events_table()
    rows, columns = np.meshgrid(np.arange(3), np.arange(3), indexing="ij")
    cells = (rows < 2) | (columns < 2)
    effects = [rows[cells] == 1, rows[cells] == 2, columns[cells] == 1, columns[cells] == 2]
    design = np.column_stack([np.ones(8), *effects]).astype(float)
    model = sm.GLM(table[cells], design, family=sm.families.Poisson()).fit()
    expected = np.zeros((3, 3))
    expected[cells] = model.fittedvalues
    observed, chance = np.trace(table) / table.sum(), np.trace(expected) / table.sum()
    by_hand = (observed - chance) / (1 - chance)
    assert float(event_kappa(table)) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("table", [[[0.0, 1], [1, 0]], [[0.0, 0, 3], [0, 0, 4], [5, 2, 0]]])
def test_events_that_are_never_paired_agree_as_chance_expects(table: list[list[float]]) -> None:
    assert float(event_kappa(table)) == 0.0
    assert event_kappa([table, table]).tolist() == [0.0, 0.0]


def test_f1_of_events_is_that_of_scikit_learn() -> None:
    assert f1(events_table()).tolist() == pytest.approx(PEERS["f1"]["each"])
    assert float(overall_f1(events_table())) == pytest.approx(PEERS["f1"]["micro"])


def test_limits_of_agreement_of_bland_and_altman() -> None:
    # Bland & Altman (1986), table 1: peak expiratory flow with two meters, first readings. They
    # give a mean difference of −2.1, SD 38.8, and −22.0 to 17.8 as its 95% interval.
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = limits_of_agreement(np.subtract(wright, mini))
    assert round(found.bias.value, 1) == -2.1
    assert round((found.high.value - found.bias.value) / 1.959964, 1) == 38.8
    assert [found.bias.low, found.bias.high] == pytest.approx([-22.0, 17.8], abs=0.06)
    assert found.low.low < found.low.value < found.low.high < found.bias.value
    assert np.isnan(limits_of_agreement([0.1]).low.value)
