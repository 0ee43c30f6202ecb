"""Which test is chosen for which columns, and what is said about it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.study_values import crossed_values
from emotion_core.errors import InputError
from emotion_core.study.statistics.design import choose_design

TWO, THREE = ("A", "B"), ("A", "B", "C")


@pytest.mark.parametrize(
    ("arguments", "kind", "between", "within", "stimulus", "says"),
    [
        ({}, "one_sample", (), (), None, "tested against zero"),
        ({"groups": TWO}, "two_groups", ("group",), (), None, "Welch's t test and a permutation"),
        ({"groups": THREE}, "several_groups", ("group",), (), None, "the 3 groups"),
        ({"conditions": TWO}, "paired", (), ("condition",), None, "paired t test"),
        ({"conditions": THREE}, "mixed_model", (), ("condition",), None, "levels of *condition*"),
        ({"stimuli": 2}, "paired", (), ("stimulus",), None, "both levels of *stimulus*"),
        ({"stimuli": 3}, "mixed_model", (), ("stimulus",), None, "levels of *stimulus*"),
        (
            {"groups": TWO, "stimuli": 3},
            "mixed_model",
            ("group",),
            (),
            "stimulus",
            "participants and stimuli as crossed random factors",
        ),
        (
            {"groups": TWO, "conditions": TWO},
            "mixed_model",
            ("group",),
            ("condition",),
            None,
            "Participants differ in *group* and were recorded at several levels of *condition*",
        ),
        (
            {"groups": TWO, "conditions": TWO, "stimuli": 3},
            "mixed_model",
            ("group",),
            ("condition",),
            "stimulus",
            "saw several of the same stimuli (*stimulus*)",
        ),
    ],
)
def test_the_columns_choose_the_test(
    arguments: dict[str, int],
    kind: str,
    between: tuple[str, ...],
    within: tuple[str, ...],
    stimulus: str | None,
    says: str,
) -> None:
    design = choose_design(crossed_values(**arguments))  # type: ignore[arg-type]
    assert (design.kind, design.between, design.within, design.stimulus) == (
        kind,
        between,
        within,
        stimulus,
    )
    assert says in design.explanation
    assert design.explanation.endswith(".")


def test_named_factors_are_compared_and_nothing_else() -> None:
    table = crossed_values(groups=TWO, conditions=TWO, stimuli=3)
    assert choose_design(table, factors=["stimulus", "group"]).factors == ("group", "stimulus")
    assert choose_design(table, factors=["group"]).stimulus == "stimulus"
    assert choose_design(table, factors=[]).kind == "one_sample"


def test_several_recordings_are_averaged_and_that_is_said() -> None:
    table = crossed_values(groups=TWO)
    design = choose_design(pd.concat([table, table]))
    assert "one value (the mean of the participant's recordings and events) each" in (
        design.explanation
    )


def test_events_are_stimuli_where_there_are_several() -> None:
    table = crossed_values(groups=TWO, stimuli=3).rename(columns={"stimulus": "event"})
    whole = table.assign(event="whole recording", event_kind="recording")
    design = choose_design(pd.concat([table.assign(event_kind="stimulus"), whole]))
    assert (design.stimulus, design.between) == ("event", ("group",))
    assert choose_design(whole).kind == "two_groups"


def test_few_stimuli_are_told() -> None:
    few, enough = (choose_design(crossed_values(groups=TWO, stimuli=n)) for n in (4, 5))
    assert "only 4 levels of stimulus, so that the results hold for these" in few.warnings[0]
    assert enough.warnings == ()


def test_a_stimulus_for_each_condition_cannot_be_told_from_it() -> None:
    table = crossed_values(conditions=THREE)
    design = choose_design(table.assign(stimulus="film " + table["condition"]))
    assert design.stimulus is None
    assert "may be due to the stimulus as well as to the condition" in design.warnings[0]


def test_stimuli_of_ones_own_are_not_crossed() -> None:
    table = crossed_values(groups=TWO, stimuli=3)
    table["stimulus"] = table["participant"] + table["stimulus"]
    assert choose_design(table).kind == "two_groups"


def test_stimuli_of_which_each_participant_saw_one_are_compared() -> None:
    table = crossed_values(groups=THREE).rename(columns={"group": "stimulus"})
    design = choose_design(table)
    assert (design.kind, design.between, design.stimulus) == (
        "several_groups",
        ("stimulus",),
        None,
    )


def test_columns_that_describe_persons_are_no_factors() -> None:
    table = crossed_values(groups=TWO)
    table["name"] = table["participant"].str.lower()
    table["age"] = "30"
    table.loc[::2, "age"] = "31"
    table["weight"] = np.arange(len(table)) % 3 + 0.5
    table["order"] = table["group"]
    table["file"] = table["group"]
    design = choose_design(table)
    assert (design.factors, design.warnings) == (("group",), ())


def test_a_group_is_a_factor_even_of_few_participants() -> None:
    table = crossed_values(groups=TWO, participants=2).assign(nickname=["x", "y"])
    assert choose_design(table).factors == ("group",)


def test_more_than_two_columns_are_named_but_not_compared() -> None:
    table = crossed_values(groups=TWO, conditions=TWO)
    table["a lab"] = np.where(table["participant"] < "P012", "x", "y")
    design = choose_design(table)
    assert design.factors == ("group", "condition")
    assert "a lab also varied" in design.warnings[0]


def test_a_participant_in_two_groups_is_named() -> None:
    table = crossed_values(groups=TWO)
    extra = table[table["participant"] == "P003"].assign(group="A")
    design = choose_design(pd.concat([table, extra]))
    assert design.kind == "two_groups"
    assert design.warnings == (
        "Participant P003 is in several levels of group (A, B) although it should tell participants"
        " apart; this participant is left out of the comparison.",
    )


def test_numbers_and_missing_levels_are_understood() -> None:
    table = crossed_values(groups=TWO)
    table["group"] = table["group"].map({"A": 1, "B": 2})
    assert choose_design(table).between == ("group",)
    text = table.astype({"group": object})
    text.loc[:3, "group"] = None
    assert choose_design(text).kind == "two_groups"


def test_one_sample_is_tested_only_where_zero_means_something() -> None:
    table = crossed_values().assign(mean_corrected=0.1)
    assert "nothing to compare mean with" in choose_design(table).warnings[0]
    assert choose_design(table, measure="mean_corrected").warnings == ()


def test_rest_is_not_compared_with_the_whole_recording() -> None:
    table = crossed_values(conditions=("rest", "whole recording"), groups=TWO)
    table = table.rename(columns={"condition": "event"})
    kinds = {"rest": "baseline", "whole recording": "recording"}
    table["event_kind"] = table["event"].map(kinds)
    design = choose_design(table)
    assert (design.kind, design.factors) == ("two_groups", ("group",))
    assert choose_design(table[table["event"] == "rest"]).kind == "two_groups"


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        ({}, {"measure": "smile"}, "no column smile"),
        ({}, {"factors": ["sex"]}, "no column sex"),
        ({}, {"factors": ["group", "condition", "stimulus", "signal"]}, "At most 3 factors"),
        ({"included": False}, {}, "No participant is left"),
        ({"participant": None}, {}, "No participant is left"),
    ],
)
def test_what_cannot_be_compared(
    change: dict[str, Any], arguments: dict[str, Any], says: str
) -> None:
    table = crossed_values(groups=TWO, conditions=TWO, stimuli=2)
    for column, value in change.items():
        table[column] = value
    with pytest.raises(InputError, match=says):
        choose_design(table, **arguments)


def test_a_factor_with_one_level_is_told() -> None:
    table = crossed_values(groups=TWO).assign(lab="Köln, Süd")
    design = choose_design(table, factors=["lab", "group"])
    assert design.kind == "two_groups"
    assert design.warnings == ("lab has only the value Köln, Süd, so nothing is compared by it.",)
