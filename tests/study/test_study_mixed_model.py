"""Mixed models against R's lme4, against statsmodels, and where they cannot be fitted."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from benchmarks.study_r import CASES, FIGURES, case, differences
from benchmarks.study_values import crossed_values
from emotion_core.study.statistics import reml
from emotion_core.study.statistics.comparisons import Analysis, analyse
from emotion_core.study.statistics.design import choose_design
from emotion_core.study.statistics.effects import t_test
from emotion_core.study.statistics.mixed_model import (
    fit_model,
    participant_terms,
    stimulus_terms,
)

TWO, THREE = ("A", "B"), ("A", "B", "C")
# `python -m benchmarks.study_r --write` asked R 4.2.2 with lme4 1.1-31, lmerTest 3.1-3 and emmeans
# 1.8.4 for these figures; the values come from `crossed_values` with the seeds in CASES.
R = json.loads(FIGURES.read_text("utf-8"))["cases"]


def analysis(**arguments: Any) -> Analysis:
    table = crossed_values(**arguments)
    return analyse(table, choose_design(table), signals=["happy"])


@pytest.mark.parametrize("name", list(CASES))
def test_estimates_errors_and_tests_are_rs(name: str) -> None:
    assert len(R[name]) > 1
    worst = differences(case(name), R[name])
    assert worst["estimate"] < 1e-5
    assert worst["standard error"] < 1e-4
    assert max(worst["F"], worst["p"]) < 1e-3
    assert worst["df"] < 2e-3


def test_a_wrong_figure_of_r_would_be_seen() -> None:
    figures = [[*row[:2], row[2] * 1.02, *row[3:]] for row in R["crossed"]]
    assert differences(case("crossed"), figures)["estimate"] > 0.01


def test_the_fit_is_that_of_statsmodels() -> None:
    table = crossed_values(groups=TWO, stimuli=8, missing=0.1, seed=21)
    terms = {"participant": "0 + C(participant)", "stimulus": "0 + C(stimulus)"}
    theirs = MixedLM.from_formula(
        "mean ~ group", table, groups=np.ones(len(table)), vc_formula=terms, re_formula="0"
    ).fit(reml=True)
    x = np.column_stack([np.ones(len(table)), table["group"] == "B"]).astype(float)
    levels = [
        np.unique(table[k], return_inverse=True)[1].astype(np.int64)
        for k in ("participant", "stimulus")
    ]
    ours = reml.fit_reml(table["mean"].to_numpy(), x, levels)
    assert ours.beta == pytest.approx(theirs.fe_params.to_numpy(), rel=1e-4)
    assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse_fe.to_numpy(), rel=1e-3)
    assert ours.variances == pytest.approx([*theirs.vcomp, theirs.scale], rel=0.01)


def test_many_levels_are_solved_alike_by_sparse_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = analysis(groups=TWO, stimuli=3).table()
    monkeypatch.setattr(reml, "_MOST_DENSE", 0)
    sparse = analysis(groups=TWO, stimuli=3).table()
    numbers = dense.select_dtypes("number").columns
    assert sparse[numbers].to_numpy() == pytest.approx(dense[numbers].to_numpy(), nan_ok=True)


def test_balanced_within_factors_give_the_classical_analysis_of_variance() -> None:
    """Repeated measures: F = MS(condition) / MS(condition × participant), 2 and 2 (n − 1) df."""
    table = crossed_values(participants=12, conditions=THREE, effects={"A": 1.0}, seed=2)
    wide = table.pivot(index="participant", columns="condition", values="mean").to_numpy()
    rest = wide - wide.mean(0) - wide.mean(1, keepdims=True) + wide.mean()
    f = (12 * wide.mean(0).var(ddof=1)) / (np.sum(rest**2) / 22)
    effect = analyse(table, choose_design(table), signals=["happy"]).effects[0]
    assert (effect.statistic, effect.df_numerator, effect.df) == pytest.approx((f, 2, 22), rel=1e-4)


def test_balanced_crossed_groups_give_the_t_test_of_participants_means() -> None:
    table = crossed_values(groups=TWO, stimuli=3, effects={"A": 1.0}, seed=4)
    one = analyse(table, choose_design(table), signals=["happy"]).effects[0]
    means = choose_design(table, factors=["group"])
    assert means.stimulus == "stimulus"
    two = table.drop(columns="stimulus")
    plain = analyse(two, choose_design(two), signals=["happy"], permutations=9).effects[0]
    # Welch's t is Student's t where groups are of one size.
    assert one.estimate == pytest.approx(plain.estimate)
    assert one.statistic == pytest.approx(plain.statistic, rel=1e-4)
    assert one.df == pytest.approx(22, rel=1e-3)


def test_effects_of_a_model_with_two_factors() -> None:
    found = analysis(groups=TWO, conditions=THREE, effects={"A": 1.0}, seed=3)
    assert list(dict.fromkeys(e.contrast for e in found.effects)) == [
        "group: A − B",
        "condition",
        "condition: A − B",
        "condition: A − C",
        "condition: B − C",
        "group × condition",
        "group: A − B at condition = A",
        "group: A − B at condition = B",
        "group: A − B at condition = C",
    ]
    families = {e.contrast: (e.family, e.follows) for e in found.effects}
    assert families["condition: A − C"] == ("pairs of condition", "condition")
    assert families["group: A − B at condition = B"] == ("group at condition", "group × condition")
    simple = [e.estimate for e in found.effects if " at " in e.contrast]
    assert np.mean(simple) == pytest.approx(found.effects[0].estimate)
    assert len(found.means) == 6


def test_the_size_of_an_effect_is_in_units_of_all_variances() -> None:
    table = crossed_values(participants=200, groups=TWO, stimuli=8, effects={"A": 2.0}, seed=2)
    effect = analyse(table, choose_design(table), signals=["happy"]).effects[0]
    model = fit_model(table.rename(columns={"mean": "value"}), ["group"], [], "stimulus")
    assert model is not None
    total = model.fit.variances.sum()
    assert effect.effect_size == pytest.approx(effect.estimate / np.sqrt(total))
    assert effect.effect_low < 2 / np.sqrt(3) < effect.effect_high


def test_which_random_factors_there_are() -> None:
    table = crossed_values(groups=TWO, conditions=TWO, stimuli=5)
    assert list(participant_terms(table, ["condition"])) == [
        "participant",
        "participant × condition",
    ]
    assert list(stimulus_terms(table, ["group", "condition"], "stimulus")) == [
        "stimulus",
        "stimulus × group",
        "stimulus × condition",
        "stimulus × group × condition",
    ]
    few = table[table["stimulus"] < "film 4"]
    assert list(stimulus_terms(few, ["group", "condition"], "stimulus")) == ["stimulus"]
    single = crossed_values(groups=TWO, conditions=TWO)
    assert list(participant_terms(single, ["condition"])) == ["participant"]


def test_a_variance_of_zero_is_told() -> None:
    found = analysis(**CASES["no variance of stimuli"])
    assert any("variance of stimulus as zero (a singular fit)" in w for w in found.warnings)


def test_a_model_without_residual_falls_back_to_participants_means() -> None:
    table = crossed_values(groups=TWO, stimuli=3, spread={"residual": 0, "stimulus": 0}, seed=1)
    found = analyse(table, choose_design(table), signals=["happy"])
    assert any(
        "did not converge; the participants' means in each cell were compared instead" in w
        for w in found.warnings
    )
    assert found.effects[0].df == pytest.approx(22, rel=1e-3)


def test_stimuli_are_dropped_where_the_full_model_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = reml.fit_reml

    def fail_with_two(y: Any, x: Any, factors: Any) -> reml.Fit:
        if len(factors) > 1:
            factors = [np.arange(len(y)) // 2 * 0]
            y = x[:, 0]
        return real(y, x, factors)

    monkeypatch.setattr("emotion_core.study.statistics.mixed_model.fit_reml", fail_with_two)
    found = analysis(groups=TWO, stimuli=3)
    assert any("the variance of stimuli was dropped" in w for w in found.warnings)
    assert found.effects[0].participants == 24


def test_an_empty_cell_leaves_interactions_out() -> None:
    table = crossed_values(groups=TWO, conditions=THREE, seed=6)
    table = table[(table["group"] != "A") | (table["condition"] != "C")]
    found = analyse(table, choose_design(table), signals=["happy"])
    assert not any("×" in e.contrast for e in found.effects)
    assert any("interactions were not tested" in w for w in found.warnings)
    assert any("No participant in A × C." in w for w in found.warnings)
    assert len(found.means) == 5


def test_a_signal_of_one_group_is_not_tested() -> None:
    table = crossed_values(groups=TWO, stimuli=3)
    fear = table[table["group"] == "A"].assign(signal="fear")
    both = pd.concat([table, fear], ignore_index=True)
    found = analyse(both, choose_design(both), signals=["fear", "happy"])
    assert {e.signal for e in found.effects} == {"happy"}
    assert any(w.startswith("fear: the mixed model could not be fitted") for w in found.warnings)


def test_too_few_values_are_not_tested() -> None:
    table = crossed_values(participants=2, groups=TWO, conditions=THREE).head(4)
    found = analyse(table, choose_design(table, factors=["group", "condition"]), signals=["happy"])
    assert found.effects == ()
    assert any("could not be fitted" in w for w in found.warnings)


def test_false_alarms_of_50_studies() -> None:
    """Within three standard errors of 5%; the benchmark counts more exactly."""
    alarms = 0
    for seed in range(50):
        table = crossed_values(participants=16, groups=TWO, stimuli=3, seed=seed)
        model = fit_model(table.rename(columns={"mean": "value"}), ["group"], [], "stimulus")
        assert model is not None
        f, df1, df2 = model.fit.f_test(model.rows[:1] - model.rows[1:])
        value, error, df = model.fit.estimate(model.rows[0] - model.rows[1])
        assert (f, df1, df2) == pytest.approx(((value / error) ** 2, 1, df))
        alarms += t_test(value, error, df).p < 0.05
    assert alarms <= 7
