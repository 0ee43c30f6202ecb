"""Whole comparisons: from a long table to effects, warnings and sentences."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.study_values import crossed_values
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.statistics import effects as sizes
from emotion_core.study.statistics.comparisons import Analysis, analyse
from emotion_core.study.statistics.design import choose_design

TWO, THREE = ("A", "B"), ("A", "B", "C")


def seven(effects: dict[str, float] | None = None, **arguments: Any) -> pd.DataFrame:
    """Skewed probabilities of all expressions; `effects` are in happy only."""
    parts = [
        crossed_values(
            **arguments,
            skewed=True,
            seed=i,
            effects=effects if name == "happy" else None,
        ).assign(signal=name)
        for i, name in enumerate(EXPRESSIONS)
    ]
    return pd.concat(parts, ignore_index=True)


def run(table: pd.DataFrame, **arguments: Any) -> Analysis:
    return analyse(table, choose_design(table), permutations=999, **arguments)


def groups_of(table: pd.DataFrame, signal: str = "happy") -> list[np.ndarray]:
    one = table[table["signal"] == signal]
    return [part["mean"].to_numpy() for _, part in one.groupby("group")]


def test_two_groups() -> None:
    table = seven({"A": 2.0}, groups=TWO)
    found = run(table)
    assert [e.signal for e in found.effects] == list(EXPRESSIONS)
    effect = next(e for e in found.effects if e.signal == "happy")
    a, b = groups_of(table)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert (effect.statistic, effect.df, effect.p) == pytest.approx(
        (expected.statistic, expected.df, expected.pvalue)
    )
    g = sizes.hedges_g(a, b)
    assert (effect.effect_size, effect.effect_low, effect.effect_high) == (g.value, g.low, g.high)
    assert effect.p_permutation == pytest.approx(effect.p, abs=0.02)
    assert (effect.contrast, effect.participants) == ("group: A − B", 24)
    assert effect.p_holm == pytest.approx(7 * effect.p)
    mean = found.means[found.means["signal"] == "happy"]
    assert mean["group"].tolist() == ["A", "B"]
    assert mean["mean"].tolist() == pytest.approx([a.mean(), b.mean()])
    assert mean["participants"].tolist() == [12, 12]


def test_holm_is_over_the_expressions() -> None:
    found = run(seven(groups=TWO))
    p = [e.p for e in found.effects]
    assert [e.p_holm for e in found.effects] == pytest.approx(sizes.holm(p).tolist())


def test_paired_values() -> None:
    table = seven({"B": 1.5}, conditions=TWO)
    effect = next(e for e in run(table).effects if e.signal == "happy")
    wide = table[table["signal"] == "happy"].pivot(
        index="participant", columns="condition", values="mean"
    )
    expected = stats.ttest_rel(wide["A"], wide["B"])
    assert (effect.statistic, effect.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (effect.test, effect.effect_name, effect.df) == ("paired t", "d_z", 23)
    assert effect.estimate < 0
    assert effect.p_permutation is not None
    assert effect.p_permutation < 0.05


def test_three_groups_are_compared_at_once_and_in_pairs() -> None:
    found = run(seven({"A": 2.0}, participants=36, groups=THREE))
    happy = [e for e in found.effects if e.signal == "happy"]
    assert [e.contrast for e in happy] == [
        "group",
        "group: A − B",
        "group: A − C",
        "group: B − C",
    ]
    assert (happy[0].test, happy[0].df_numerator) == ("Welch's F", 2)
    assert np.isnan(happy[0].estimate)
    pairs = [e for e in found.effects if e.family == "pairs of group"]
    assert len(pairs) == 21
    smallest = min(pairs, key=lambda e: e.p)
    assert smallest.p_holm == pytest.approx(21 * smallest.p)


def test_corrected_values_are_tested_against_zero() -> None:
    table = crossed_values(effects=None, seed=3).assign(mean_corrected=lambda t: t["mean"] + 1)
    design = choose_design(table, measure="mean_corrected")
    found = analyse(table, design, signals=["happy"], permutations=999)
    expected = stats.ttest_1samp(table["mean_corrected"], 0)
    assert found.effects[0].statistic == pytest.approx(expected.statistic)
    assert "was above zero (M = " in found.sentences()[0]
    assert run(table, signals=["happy"]).effects == ()


def test_the_participant_is_the_unit() -> None:
    """Recording everybody ten times as often changes nothing."""
    table = seven(groups=TWO)
    often = pd.concat([table] * 10, ignore_index=True)
    noise = np.tile(np.repeat([0.01, -0.01], len(table)), 5)
    often["mean"] += noise
    one, ten = run(table).table(), run(often).table()
    assert ten["p"].tolist() == pytest.approx(one["p"].tolist())
    assert ten["participants"].tolist() == one["participants"].tolist()


def test_rows_that_are_left_out_do_not_count() -> None:
    table = seven(groups=TWO)
    spoiled = table.assign(mean=99.0, included=False)
    both = pd.concat([table.assign(included=True), spoiled], ignore_index=True)
    assert run(both).table().equals(run(table).table())


def test_the_same_seed_gives_the_same_table() -> None:
    table = seven(groups=TWO)
    assert run(table).table().equals(run(table).table())
    assert run(table, seed=1).table()["p_permutation"].tolist() != (
        run(table).table()["p_permutation"].tolist()
    )


def test_valence_can_be_compared() -> None:
    table = crossed_values(groups=TWO).assign(signal="valence")
    found = run(table, signals=["valence"])
    assert found.sentences()[0].startswith("The mean valence did not differ significantly")


@pytest.mark.parametrize("kind", ["groups", "conditions", "stimuli"])
def test_a_constant_expression_is_told_and_the_rest_computed(kind: str) -> None:
    arguments = {"groups": {"groups": TWO}, "conditions": {"conditions": TWO}}.get(
        kind, {"groups": TWO, "stimuli": 3}
    )
    table = seven(**arguments)
    table.loc[table["signal"] == "disgust", "mean"] = 0.0
    found = run(table)
    assert "disgust: every value is 0.00, so nothing was tested." in found.warnings
    assert "disgust" not in {e.signal for e in found.effects}
    assert {e.signal for e in found.effects} == set(EXPRESSIONS) - {"disgust"}
    assert "disgust" in set(found.means["signal"])


def test_groups_without_variance_are_told() -> None:
    table = seven(groups=TWO)
    happy = table["signal"] == "happy"
    table.loc[happy, "mean"] = (table.loc[happy, "group"] == "A").astype(float)
    found = run(table)
    told = "happy: the values do not vary within the levels of group, so nothing was tested."
    assert told in found.warnings


def test_differences_without_variance_are_told() -> None:
    table = seven(conditions=TWO)
    happy = table["signal"] == "happy"
    person = table.loc[happy, "participant"].str[1:].astype(float)
    table.loc[happy, "mean"] = person / 99 + (table.loc[happy, "condition"] == "A")
    assert any("differences within participants do not vary" in w for w in run(table).warnings)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"groups": TWO}, "Fewer than 10 participants in A 1"),
        ({"conditions": TWO}, "there is only one participant, so nothing was tested"),
        ({"conditions": THREE}, "there is only one participant, so nothing was tested"),
    ],
)
def test_a_single_participant(arguments: dict[str, Any], says: str) -> None:
    table = seven(participants=1, **arguments)
    design = choose_design(table) if "conditions" in arguments else choose_design(seven(groups=TWO))
    found = analyse(table, design)
    assert found.effects == ()
    assert any(says in w for w in found.warnings)
    assert np.isfinite(found.means["mean"]).all()
    assert found.means["ci_low"].isna().all()
    assert found.sentences() == []
    assert list(found.table().columns)[:2] == ["signal", "contrast"]


def test_a_participant_in_two_groups_is_left_out() -> None:
    table = seven(groups=TWO)
    extra = table[table["participant"] == "P003"].assign(group="A")
    found = run(pd.concat([table, extra], ignore_index=True))
    assert {e.participants for e in found.effects} == {23}
    assert any("Participant P003 is in several levels of group" in w for w in found.warnings)


def test_missing_cells_are_told() -> None:
    table = seven(conditions=TWO)
    gone = (table["participant"].isin(["P002", "P005"])) & (table["condition"] == "A")
    found = run(table[~gone])
    assert {e.participants for e in found.effects} == {22}
    assert any(w.endswith("are left out: P002, P005.") for w in found.warnings)


def test_small_and_unbalanced_cells_are_told() -> None:
    warnings = run(seven(groups=TWO, unequal=True)).warnings
    assert any(w.startswith("Fewer than 10 participants in B 8:") for w in warnings)
    assert "Cells are unbalanced: A 16, B 8 participants." in warnings
    assert run(seven(groups=TWO)).warnings == ()


def test_floor_and_ceiling_are_told() -> None:
    table = seven(groups=TWO)
    for signal, value in (("fear", 0.0), ("sad", 0.0), ("neutral", 1.0)):
        rows = (table["signal"] == signal) & (table["participant"] < "P014")
        table.loc[rows, "mean"] = value
    warnings = run(table).warnings
    assert any("values of fear, sad are at the lowest" in w for w in warnings)
    assert any("values of neutral are at the highest" in w for w in warnings)


def test_names_may_hold_anything() -> None:
    table = seven(groups=("Köln, {x}", 'a: "b" at c'))
    table["participant"] = "Özge, " + table["participant"]
    found = run(table)
    assert found.effects[0].contrast == 'group: Köln, {x} − a: "b" at c'
    assert "between group Köln, {x} (M = " in found.sentences()[0]


def test_no_values_at_all() -> None:
    table = seven(groups=TWO)
    with pytest.raises(InputError, match="No values of mean are left"):
        run(table.assign(mean=np.nan))
    only = run(table[table["signal"] == "happy"])
    assert len(only.effects) == 1
    assert any(w.endswith("surprise: no values, so nothing was tested.") for w in only.warnings)


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": TWO},
        {"groups": THREE},
        {"conditions": TWO},
        {"conditions": THREE},
        {"groups": TWO, "stimuli": 3},
        {"groups": TWO, "conditions": THREE},
    ],
)
def test_never_a_p_without_effect_size_and_interval_and_never_a_star(
    arguments: dict[str, Any],
) -> None:
    found = run(seven({"A": 2.0}, **arguments))
    assert len(found.sentences()) >= 7
    for text in found.sentences():
        assert re.search(
            r"\(.+\) = −?[\d.]+, p [<=>] \.\d{3} \(Holm-corrected p [<=>] \.\d{3}\), "
            r"(g|d_z|d|partial η²) = −?\d?\.\d\d, 95% CI \[−?\d?\.\d\d, −?\d?\.\d\d\]",
            text,
        ), text
        assert "*" not in text
        assert "nan" not in text


def test_pairs_are_told_only_after_the_whole() -> None:
    strong = run(seven({"A": 3.0}, participants=45, groups=THREE))
    told = [s for s in strong.sentences() if "between group" in s or "in group" in s]
    assert len(told) == 3
    assert all("happy" in s for s in told)
    weak = run(seven(participants=45, groups=THREE))
    assert len(weak.sentences()) == 7


def test_a_group_that_does_not_vary_is_compared_in_pairs() -> None:
    """Welch's F of the other groups would say nothing of the largest difference there is."""
    table = crossed_values(groups=("A", "B", "C", "D"), participants=40, seed=5)
    table.loc[table["group"].isin(["C", "D"]), "mean"] = 9.0
    found = run(table, signals=["happy"])
    assert [e.contrast for e in found.effects] == [
        "group: A − B",
        "group: A − C",
        "group: A − D",
        "group: B − C",
        "group: B − D",
    ]
    assert len(found.sentences()) == 5
    assert "was lower in group A (M = " in found.sentences()[1]
    told = " ".join(found.warnings)
    assert "happy: the values of group C, D do not vary, so the levels of group were not" in told
    assert "happy: the values of group C and D do not vary, so this pair was not tested." in told
    alone = table[~((table["group"] == "D") & table.duplicated("group"))]
    found = run(alone, signals=["happy"])
    assert [e.contrast for e in found.effects][-1] == "group: B − C"
    assert "one participant is not a group: group D was not tested" in " ".join(found.warnings)


def test_a_column_of_the_tables_own_name_is_no_factor() -> None:
    table = seven({"A": 2.0}, groups=TWO).rename(columns={"group": "value"})
    assert choose_design(table).kind == "one_sample"
    with pytest.raises(InputError, match="A column value cannot be compared by"):
        choose_design(table, factors=["value"])


def test_counts_have_a_floor_and_no_ceiling() -> None:
    table = crossed_values(groups=TWO).assign(episodes=lambda t: (t["mean"] > 1) * 3)
    design = choose_design(table, measure="episodes")
    found = analyse(table, design, signals=["happy"], permutations=99)
    assert any("happy are at the lowest" in w for w in found.warnings)
    assert found.sentences()[0].startswith("The number of episodes of happy did not differ")


def test_below_zero_is_told() -> None:
    table = crossed_values(seed=3).assign(mean_corrected=lambda t: t["mean"] - 2)
    design = choose_design(table, measure="mean_corrected")
    found = analyse(table, design, signals=["happy"], permutations=99)
    assert "was below zero (M = −" in found.sentences()[0]


def test_nobody_with_both_levels() -> None:
    table = seven(conditions=TWO)
    design = choose_design(table)
    first = table[(table["condition"] == "A") == (table["participant"] < "P012")]
    found = analyse(first, design, permutations=99)
    assert found.effects == ()
    assert any("fewer than two participants have both levels" in w for w in found.warnings)


def test_a_table_without_the_designs_columns() -> None:
    table = seven(groups=TWO)
    with pytest.raises(InputError, match="no column group"):
        analyse(table.drop(columns="group"), choose_design(table))
