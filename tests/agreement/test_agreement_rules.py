"""Rules of agreement that no other case depends on: what counts once, what is left out."""

from pathlib import Path

import numpy as np
import pytest
from coded_studies import add_codes
from made_codings import coding
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.study.agreement import coefficients
from emotion_core.study.agreement.bootstrap import LEAST, estimates
from emotion_core.study.agreement.coding import Code
from emotion_core.study.agreement.events import paired
from emotion_core.study.agreement.intervals import merged
from emotion_core.study.agreement.machine import MACHINE, machine_codings
from emotion_core.study.agreement.of_study import study_agreement
from emotion_core.study.agreement.report import AgreementSettings
from emotion_core.study.agreement.steps import on_steps
from emotion_core.study.definitions import Event, EventKind
from emotion_core.study.readings import build_all


def test_participants_without_shared_time_make_no_interval() -> None:
    table = np.array([[3.0, 1.0], [1.0, 3.0]])
    few = [table] * (LEAST - 1) + [np.zeros((2, 2))] * 4
    (estimate,) = estimates(few, coefficients.kappa)
    assert estimate.value == pytest.approx(0.5)
    assert np.isnan(estimate.low)


def test_one_pair_of_one_code_counts_more_than_two_of_different_codes() -> None:
    first = [Code(0.0, 0.5, "x"), Code(1.0, 1.5, "a")]
    second = [Code(0.9, 1.2, "a"), Code(1.9, 2.2, "y")]
    both = [p for p in paired(first, second, 1.0) if p.first and p.second]
    assert [(p.first, p.second) for p in both] == [(first[1], second[0])]


def test_ends_that_differ_by_rounding_only_are_one() -> None:
    assert merged([(0.0, 1.0), (1.0 + 5e-7, 2.0)]) == [(0.0, 2.0)]


def test_a_moment_that_is_repeated_counts_once() -> None:
    rows = [("A", "r1", 1, 1, "happy"), ("A", "r1", 1, 1, "happy"), ("A", "r1", 2, 2, "happy")]
    assert [c.start_s for c in coding(rows).of["A"]["r1"].codes] == [1.0, 2.0]


def test_where_codes_overlap_no_intensity_is_known() -> None:
    rows = [("A", "r1", 0, 4, "happy", 3), ("A", "r1", 2, 4, "sad", 5), ("B", "r1", 0, 4, "sad", 2)]
    (one,) = on_steps(coding(rows), ["A", "B"], {}, 10.0).recordings
    assert (one.intensity[0, :20] == 3).all()
    assert np.isnan(one.intensity[0, 20:40]).all()
    assert (one.intensity[1, :40] == 2).all()


def test_the_grid_is_that_of_the_readings(tmp_path: Path) -> None:
    lines = faces_csv(probs_of("happy", np.full(40, 0.9)))
    folder = write_table(tmp_path / "results", lines)
    row = recording("P1", file=str(folder), participant="P1", start_s=0.05)
    study = made_study(tmp_path / "study", [row])
    build_all(study)
    add_codes(study, 4.0, {"Anna": {"P1": [(0.0, "sad")]}})
    found = study_agreement(study, AgreementSettings())
    assert found.disagreements["start_s"].iloc[0] == pytest.approx(0.05)


def test_the_machine_does_not_look_at_what_is_excluded(tmp_path: Path) -> None:
    folder = write_table(tmp_path / "results", faces_csv(probs_of("happy", np.full(50, 0.9))))
    events = [Event("*", EventKind.EXCLUDE, "door", 2.0, 3.0)]
    study = made_study(tmp_path / "study", [recording("P1", file=str(folder))], events)
    build_all(study)
    (made,) = machine_codings(study, ["P1"], [0.0])
    coded = made.of[MACHINE]["P1"]
    assert np.allclose(coded.seen, [(0.0, 2.0), (3.0, 5.0)])
    assert np.allclose([(c.start_s, c.end_s) for c in coded.codes], coded.seen)
