"""Coders compared: hand-computed cases, properties, and input with something wrong in it."""

import itertools

import numpy as np
import pandas as pd
import pytest
from made_codings import CATEGORIES, Row, codes_table, coding, random_rows, units_table

from emotion_core.errors import InputError
from emotion_core.study.agreement.coding import Code, Coding, read_coding, with_uncoded_as
from emotion_core.study.agreement.events import paired
from emotion_core.study.agreement.intervals import Interval, common, merged, without
from emotion_core.study.agreement.report import Agreement, AgreementSettings, compare
from emotion_core.study.agreement.sentences import methods, references, results

PEOPLE = [f"P{i}" for i in range(8)]


def agreement(made: Coding, tolerance_s: float = 1.0, rate_hz: float = 10.0) -> Agreement:
    settings = AgreementSettings((), tolerance_s, "", rate_hz)
    return compare(made, {}, settings)


def value(found: Agreement, measure: str, category: str = "all") -> float:
    return float(found.figure("A", "B", measure, category)["value"])


@pytest.mark.parametrize(
    ("first", "second", "both", "left"),
    [
        ([], [], [], []),
        ([(0, 5)], [], [], [(0, 5)]),
        ([(0, 5)], [(1, 2), (4, 9)], [(1, 2), (4, 5)], [(0, 1), (2, 4)]),
        ([(0, 2), (3, 5)], [(1, 4)], [(1, 2), (3, 4)], [(0, 1), (4, 5)]),
    ],
)
def test_sets_of_time(
    first: list[Interval], second: list[Interval], both: list[Interval], left: list[Interval]
) -> None:
    assert common(first, second) == both
    assert without(first, second) == left
    assert merged([*first, *first]) == first


def test_a_case_computed_by_hand() -> None:
    # Ten seconds: A codes happy 0-4 and sad 4-8, B happy 0-5 and sad 5-8; both nothing 8-10.
    rows = [("A", "r1", 0, 4, "happy"), ("A", "r1", 4, 8, "sad")]
    rows += [("B", "r1", 0, 5, "happy"), ("B", "r1", 5, 8, "sad")]
    found = agreement(coding(rows))
    chance = (4 * 5 + 4 * 3 + 2 * 2) / 100
    assert value(found, "agreement_time") == pytest.approx(0.9)
    assert value(found, "kappa_time") == pytest.approx((0.9 - chance) / (1 - chance))
    assert value(found, "kappa_time", "happy") == pytest.approx((0.9 - 0.5) / (1 - 0.5))
    assert value(found, "f1_events") == 1.0
    assert value(found, "bias", "happy") == pytest.approx(-0.1)
    strict = agreement(coding(rows), tolerance_s=0.5)
    assert value(strict, "f1_events") == pytest.approx(2 / 4)
    assert value(strict, "f1_events", "sad") == 0.0
    (only,) = found.disagreements.to_dict("records")
    assert (only["start_s"], only["end_s"]) == (4.0, 5.0)
    assert (only["first_code"], only["second_code"]) == ("sad", "happy")
    cells = found.confusion.set_index(["first_code", "second_code"])["seconds"]
    assert cells["sad", "happy"] == pytest.approx(1.0)
    assert cells["nothing", "nothing"] == pytest.approx(2.0)


def test_equal_codings_agree_wholly() -> None:
    rng = np.random.default_rng(1)
    rows = random_rows(rng, ["A"], PEOPLE, 20)
    rows += [("B", *row[1:]) for row in rows]
    found = agreement(coding(rows, recordings=PEOPLE, end_s=20))
    for measure in ("kappa_time", "alpha_nominal", "kappa_events", "f1_events", "icc_agreement"):
        row = found.figure("A", "B", measure)
        assert [row["value"], row["low"], row["high"]] == pytest.approx([1.0, 1.0, 1.0]), measure
    assert found.disagreements.empty
    assert not found.notes


def test_the_order_of_the_coders_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    rows = random_rows(rng, ["A", "B"], PEOPLE, 20)
    swapped = [({"A": "B", "B": "A"}[row[0]], *row[1:]) for row in rows]
    one, other = (agreement(coding(r, recordings=PEOPLE, end_s=20)) for r in (rows, swapped))
    columns = ["category", "measure", "value", "low", "high", "n", "participants"]
    signed = ("bias", "limit_low", "limit_high")
    tables = [f.figures[~f.figures["measure"].isin(signed)][columns] for f in (one, other)]
    left, right = (table.reset_index(drop=True) for table in tables)
    pd.testing.assert_frame_equal(left, right, atol=1e-9)
    assert value(one, "bias", "happy") == pytest.approx(-value(other, "bias", "happy"))


def test_intervals_are_of_participants_and_the_same_every_time() -> None:
    rng = np.random.default_rng(3)
    rows = random_rows(rng, ["A", "B"], PEOPLE, 20)
    # Each participant twice as long, with the same codes, says nothing more about other people.
    longer = rows + [(c, r, a + 20, b + 20, *rest) for c, r, a, b, *rest in rows]
    found = agreement(coding(rows, recordings=PEOPLE, end_s=20))
    twice = agreement(coding(longer, recordings=PEOPLE, end_s=40))
    row, again = (f.figure("A", "B", "kappa_time") for f in (found, twice))
    assert row["low"] < row["value"] < row["high"]
    assert [again["low"], again["high"]] == pytest.approx([row["low"], row["high"]], abs=1e-9)
    assert row["interval"] == "bootstrap"
    few = agreement(coding([r for r in rows if r[1] in PEOPLE[:3]], recordings=PEOPLE[:3]))
    assert np.isnan(few.figure("A", "B", "kappa_time")["low"])
    assert "fewer than 5 participants" in few.figure("A", "B", "kappa_time")["note"]
    assert few.figure("A", "B", "icc_agreement")["interval"] == "F"


def test_alpha_of_three_coders_uses_what_only_two_have_coded() -> None:
    rng = np.random.default_rng(4)
    rows = random_rows(rng, ["A", "B", "C"], PEOPLE, 20)
    units = units_table(["A", "B", "C"], PEOPLE, 20)
    units = units[(units["coder"] != "C") | units["recording"].isin(PEOPLE[:4])]
    kept = [r for r in rows if r[0] != "C" or r[1] in PEOPLE[:4]]
    found = agreement(read_coding(codes_table(kept), units, CATEGORIES))
    assert len(found.pairs) == 3
    together = found.figure("all coders", "", "alpha_nominal")
    assert together["n"] == pytest.approx(160)
    assert 0 < together["low"] < together["value"] < together["high"] < 1
    assert "Across all 3 coders" in " ".join(results(found))


def test_overlapping_codes_are_a_label_of_their_own() -> None:
    rows = [("A", "r1", 0, 6, "happy"), ("A", "r1", 4, 10, "sad"), ("B", "r1", 0, 10, "happy")]
    found = agreement(coding(rows))
    assert "happy + sad" in found.labels
    assert value(found, "agreement_time") == pytest.approx(0.4)
    assert value(found, "agreement_time", "happy") == pytest.approx(0.6)


def test_moments_are_events_and_take_no_time() -> None:
    rows: list[Row] = [
        ("A", "r1", 0, 10, "happy"),
        ("A", "r1", 3, 3, "sad"),
        ("A", "r1", 7, 7, "sad"),
    ]
    rows += [("B", "r1", 0, 10, "happy"), ("B", "r1", 3.5, 3.5, "sad")]
    found = agreement(coding(rows))
    assert value(found, "agreement_time") == 1.0
    assert value(found, "f1_events", "sad") == pytest.approx(2 / 3)
    assert found.figure("A", "B", "kappa_time", "sad") is None


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ([], [], []),
        ([1.0], [], [(1.0, None)]),
        ([1.0], [1.9], [(1.0, 1.9)]),
        ([1.0], [2.1], [(1.0, None), (None, 2.1)]),
        # Taken one after the other, 1.0 would get 1.9, and 2.5 nothing.
        ([1.0, 2.5], [0.1, 1.9], [(1.0, 0.1), (2.5, 1.9)]),
    ],
)
def test_events_are_paired_one_to_one(
    first: list[float], second: list[float], pairs: list[tuple[float | None, float | None]]
) -> None:
    one, other = ([Code(t, t, "happy") for t in times] for times in (first, second))
    found = paired(one, other, 1.0)
    starts = [tuple(c and c.start_s for c in (p.first, p.second)) for p in found]
    assert sorted(starts, key=str) == sorted(pairs, key=str)


def test_a_pair_of_one_code_is_preferred_to_a_nearer_one_of_another() -> None:
    first = [Code(1.0, 2.0, "happy")]
    second = [Code(1.0, 2.0, "sad"), Code(1.8, 2.5, "happy")]
    found = paired(first, second, 1.0)
    (both,) = [p for p in found if p.first and p.second]
    assert both.second is second[1]
    assert [p.second for p in found if p.first is None] == [second[0]]


def test_pairing_finds_the_most_pairs() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        one, other = ([Code(t, t, "x") for t in sorted(rng.uniform(0, 6, 5))] for _ in range(2))
        count = sum(bool(p.first and p.second) for p in paired(one, other, 0.7))
        best = max(
            sum(abs(a.start_s - b.start_s) <= 0.7 for a, b in zip(one, order, strict=True))
            for order in itertools.permutations(other)
        )
        assert count == best


def test_what_cannot_be_told_is_left_out_and_stated() -> None:
    rows = [("A", "r1", 0, 4, "happy"), ("A", "r1", 4, 6, "?"), ("B", "r1", 0, 10, "happy")]
    found = agreement(coding(rows))
    shared = found.shared.iloc[0]
    assert (shared["shared_s"], shared["untold_s"]) == (8.0, 2.0)
    assert value(found, "agreement_time") == pytest.approx(0.5)
    assert found.coverage.set_index("coder").loc["A", "cannot_tell_s"] == 2.0
    assert found.figure("A", "B", "kappa_time")["n"] == pytest.approx(8.0)


def test_constant_codings_are_told() -> None:
    rows = [("A", "r1", 0, 10, "happy"), ("B", "r1", 0, 10, "happy")]
    found = agreement(coding(rows))
    row = found.figure("A", "B", "kappa_time")
    assert np.isnan(row["value"])
    assert "one and the same category" in row["note"]
    assert value(found, "agreement_time") == 1.0
    assert "κ is not defined" in results(found)[0]


def test_only_parts_that_both_have_finished_count() -> None:
    codes = codes_table([("A", "r1", 0, 10, "happy"), ("B", "r1", 0, 4, "happy")])
    units = units_table(["A", "B"], ["r1"])
    units.loc[units["coder"] == "B", "end_s"] = 5.0
    found = agreement(read_coding(codes, units))
    assert found.shared.iloc[0][["shared_s", "first_only_s"]].tolist() == [5.0, 5.0]
    for column, words in (("training", ""), ("done", "1 unit of B is not finished")):
        units = units_table(["A", "B"], ["r1"])
        units.loc[units["coder"] == "B", column] = column == "training"
        made = read_coding(codes, units)
        assert made.coders == ("A",)
        assert words in " ".join(made.problems)
        with pytest.raises(InputError, match="needs two coders"):
            agreement(made)


def test_no_common_time_is_told() -> None:
    rows = [("A", "r1", 0, 4, "happy"), ("B", "r2", 0, 4, "happy")]
    codes = codes_table(rows)
    units = pd.concat([units_table(["A"], ["r1"]), units_table(["B"], ["r2"])])
    with pytest.raises(InputError, match="finished the same part"):
        agreement(read_coding(codes, units))


def test_codes_beyond_their_unit_are_cut_and_told() -> None:
    rows = [("A", "r1", 0, 14, "happy"), ("A", "r1", 12, 13, "sad"), ("B", "r1", 0, 10, "happy")]
    made = coding(rows)
    assert "Codes of A reach 5.0 s beyond" in " ".join(made.problems)
    assert value(agreement(made), "agreement_time") == 1.0


def test_of_what_is_coded_twice_the_first_unit_counts_where_one_code_may_hold() -> None:
    codes = pd.concat(
        [
            codes_table([("A", "r1", 0, 6, "happy"), ("B", "r1", 0, 6, "happy")], "1"),
            codes_table([("A", "r1", 4, 5, "sad"), ("A", "r1", 5, 8, "happy")], "2"),
            codes_table([("A", "r1", 2, 3, "?"), ("A", "r1", 3, 3, "sad")], "3"),
        ]
    )
    units = pd.concat(
        [
            units_table(["A", "B"], ["r1"], 6.0).assign(unit="1"),
            units_table(["A"], ["r1"], 8.0, 4.0).assign(unit="2"),
            units_table(["A"], ["r1"], 3.5, 2.0).assign(unit="3"),
        ]
    )
    made = read_coding(codes, units, CATEGORIES, exclusive=True)
    coded = made.of["A"]["r1"]
    assert [(c.start_s, c.end_s, c.code) for c in coded.codes] == [(0, 8, "happy"), (3, 3, "sad")]
    assert coded.cannot_tell == []
    assert made.problems == (
        "A coded 3.5 s in more than one unit; of this time the first unit counts.",
    )
    assert value(agreement(made), "agreement_time") == 1.0
    both = read_coding(codes, units, CATEGORIES)
    assert (4, 5, "sad") in [(c.start_s, c.end_s, c.code) for c in both.of["A"]["r1"].codes]
    assert both.problems == ()


def test_unusable_rows_are_told_and_missing_columns_refused() -> None:
    codes = codes_table([("A", "r1", 3, 2, "happy"), ("A", "r1", np.nan, 2, "sad")])
    made = read_coding(codes, units_table(["A"], ["r1"]))
    assert "2 codes have no time" in " ".join(made.problems)
    with pytest.raises(InputError, match="lacks the columns intensity"):
        read_coding(codes.drop(columns="intensity"), units_table(["A"], ["r1"]))
    with pytest.raises(InputError, match="tolerance"):
        AgreementSettings(tolerance_s=-1)


def test_time_without_a_code_may_count_as_a_category() -> None:
    rows = [("A", "r1", 0, 4, "happy"), ("B", "r1", 0, 4, "happy"), ("B", "r1", 4, 10, "neutral")]
    assert value(agreement(coding(rows)), "agreement_time") == pytest.approx(0.4)
    filled = with_uncoded_as(coding(rows), "neutral", ["A", "B"])
    assert value(agreement(filled), "agreement_time") == 1.0
    assert value(agreement(filled), "f1_events") == 1.0


def test_time_that_counts_as_a_category_goes_on_with_its_codes() -> None:
    rows = [("A", "r1", 0, 5, "neutral", 4), ("A", "r1", 12, 15, "sad", 2)]
    rows += [("B", "r1", 0, 12, "neutral", 4), ("B", "r1", 12, 15, "sad", 2)]
    filled = with_uncoded_as(coding(rows, end_s=20), "neutral", ["A", "B"])
    for coder in ("A", "B"):
        told = [(c.start_s, c.end_s, c.code, c.intensity) for c in filled.of[coder]["r1"].codes]
        assert told[:2] == [(0, 12, "neutral", 4), (12, 15, "sad", 2)]
        assert told[2][:3] == (15, 20, "neutral")
    assert value(agreement(filled), "f1_events") == 1.0
    rows = [("A", "r1", 0, 5, "neutral", 4), ("A", "r1", 9, 20, "neutral", 2)]
    (one,) = with_uncoded_as(coding(rows, end_s=20), "neutral", ["A"]).of["A"]["r1"].codes
    assert (one.start_s, one.end_s) == (0, 20)
    assert np.isnan(one.intensity), "of two intensities none is that of the whole"


def test_grids_of_other_rates_give_nearly_the_same() -> None:
    rows = random_rows(np.random.default_rng(7), ["A", "B"], PEOPLE, 20)
    made = coding(rows, recordings=PEOPLE, end_s=20)
    kappas = [value(agreement(made, rate_hz=rate), "kappa_time") for rate in (4.0, 10.0, 30.0)]
    assert np.ptp(kappas) < 1e-9


def test_sentences_for_a_paper() -> None:
    rows = random_rows(np.random.default_rng(8), ["A", "B"], PEOPLE, 20)
    found = agreement(coding(rows, recordings=PEOPLE, end_s=20), tolerance_s=0.5)
    text = methods(found)
    assert "within 0.5 s" in text
    assert "McGraw & Wong, 1996" in text
    (result,) = results(found)
    assert result.startswith("In 2.7 min of video of 8 participants, coders A and B agreed")
    assert "κ = ." in result
    assert "95% CI [." in result
    cited = " ".join(references(found))
    for name in ("Cohen", "Krippendorff", "McGraw", "Bland", "Bakeman", "Efron"):
        assert name in cited


@pytest.mark.parametrize("start_s", [0.1, 4.1, 15.1, 16.1])
def test_events_as_far_apart_as_the_tolerance_are_paired_whatever_the_rounding(
    start_s: float,
) -> None:
    there = Code(start_s, start_s + 0.5, "happy")
    later = Code(round(start_s + 1.0, 1), 20.0, "happy")
    (pair,) = paired([there], [later], 1.0)
    assert None not in (pair.first, pair.second)


def test_a_missing_interval_has_its_own_reason() -> None:
    rows = [(coder, "r1", 0, 4 + i, "happy") for i, coder in enumerate("AB")]
    found = agreement(coding(rows))
    assert "one participant only" in found.figure("A", "B", "bias", "happy")["note"]
    assert "fewer than 5 participants" in found.figure("A", "B", "kappa_time")["note"]


def test_moments_that_one_cannot_tell_make_no_further_events() -> None:
    rows: list[Row] = [("A", "r1", 0, 8, "happy"), ("B", "r1", 0, 2, "happy")]
    rows += [("B", "r1", 2.5, 5, "happy"), ("B", "r1", 5.5, 8, "happy")]
    found = agreement(coding([*rows, *(("B", "r1", a, a + 0.5, "?") for a in (2, 5))]))
    assert found.figure("A", "B", "f1_events")["n"] == 2
    assert value(found, "f1_events") == 1.0
    # Where B told of nothing in between, B has three events.
    bare = agreement(coding(rows))
    assert bare.figure("A", "B", "f1_events")["n"] == 4
