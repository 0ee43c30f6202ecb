"""Agreement of a study: coders in its store, the machine in its readings, the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from coded_studies import Codes, add_codes, analysed_study
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.cli import main
from emotion_core.errors import InputError
from emotion_core.study.agreement.machine import MACHINE, machine_codings
from emotion_core.study.agreement.measures import COLUMNS, DISAGREEMENT_COLUMNS, MEASURES
from emotion_core.study.agreement.of_study import people_coding, study_agreement
from emotion_core.study.agreement.report import AgreementSettings
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study
from emotion_core.study.freshness import inputs_digest
from emotion_core.study.readings import build_all

DOCS = Path(__file__).parents[2] / "docs" / "data.md"
TRUE = [(0, "happy"), (2, "sad"), (4, "neutral")]
READ = ["happy", "happy", "sad", "sad", "neutral", "neutral"]


@pytest.fixture
def coded(tmp_path: Path) -> Study:
    study = analysed_study(tmp_path / "study", {f"P{i}": READ for i in range(6)})
    late = [(0, "happy"), (2.5, "sad"), (4, "neutral")]
    codes: dict[str, dict[str, Codes]] = {
        "Anna": {f"P{i}": TRUE for i in range(6)},
        "Ben": {"P0": late, "P1": TRUE},
    }
    add_codes(study, 6.0, codes)
    return study


def test_people_are_compared_with_each_other_and_with_the_machine(coded: Study) -> None:
    found = study_agreement(coded, AgreementSettings())
    assert found.coders == ("Anna", "Ben", MACHINE)
    assert len(found.pairs) == 3
    assert found.figure("Anna", MACHINE, "kappa_time")["value"] == pytest.approx(1.0)
    assert found.figure("Anna", MACHINE, "kappa_time")["low"] == pytest.approx(1.0)
    assert found.figure("Anna", MACHINE, "f1_events")["value"] == 1.0
    assert found.figure("Anna", "Ben", "agreement_time")["value"] == pytest.approx(11.5 / 12)
    assert found.figure("Anna", "Ben", "kappa_time")["participants"] == 2
    worst = found.disagreements.iloc[0]
    assert (worst["recording"], worst["start_s"], worst["end_s"]) == ("P0", 2.0, 2.5)
    only = study_agreement(coded, AgreementSettings(coders=("Anna", "Ben")))
    assert only.pairs == (("Anna", "Ben"),)
    with pytest.raises(InputError, match="no finished units of the coder Carla"):
        study_agreement(coded, AgreementSettings(coders=("Carla",)))


def test_the_machine_cannot_tell_where_it_is_unsure_and_codes_nothing_without_a_face(
    tmp_path: Path,
) -> None:
    probs = probs_of("happy", np.full(50, 0.9))
    probs[20:30] = np.nan
    unsure = [int(i < 10) for i in range(50)]
    lines = faces_csv(probs, unsure=[v if not 20 <= i < 30 else "" for i, v in enumerate(unsure)])
    folder = write_table(tmp_path / "results", lines)
    study = made_study(tmp_path / "study", [recording("P1", file=str(folder))])
    build_all(study)
    (coding,) = machine_codings(study, ["P1", "P2"], [0.0])
    coded = coding.of[MACHINE]["P1"]
    assert np.allclose(coded.cannot_tell, [(0.0, 1.0)])
    assert np.allclose([(c.start_s, c.end_s) for c in coded.codes], [(1.0, 2.0), (3.0, 5.0)])
    assert np.allclose(coded.seen, [(0.0, 5.0)])
    assert coding.problems == ("The machine has no readings of P2.",)


def test_short_flicker_of_the_machine_is_no_event(tmp_path: Path) -> None:
    probs = [probs_of("happy", np.full(20, 0.9)), probs_of("sad", np.full(2, 0.9))]
    lines = faces_csv(np.concatenate([*probs, probs[0]]))
    folder = write_table(tmp_path / "results", lines)
    study = made_study(tmp_path / "study", [recording("P1", file=str(folder))])
    build_all(study)
    steps, events = machine_codings(study, ["P1"], [0.0, 0.5])
    assert len(steps.of[MACHINE]["P1"].codes) == 3
    (one,) = events.of[MACHINE]["P1"].codes
    assert (one.start_s, one.end_s) == pytest.approx((0.0, 4.2))


@pytest.mark.parametrize(
    ("states", "min_s", "expected"),
    [
        # 0.25 s at ten steps a second are three steps, as for episodes.
        ("nnnnnnnnnnhhnnnnnnnnnn", 0.25, [(0.0, 2.2)]),
        ("nnnnnnnnnnhhhnnnnnnnnn", 0.25, [(0.0, 1.0), (1.0, 1.3), (1.3, 2.2)]),
        ("hnnnnnnnnnn", 0.5, [(0.1, 1.1)]),
        ("nnnnnn......hhnnnnnnnn", 0.5, [(0.0, 0.6), (1.4, 2.2)]),
        ("nnnnnnnnuuuhuuhuunnnnn", 0.5, [(0.0, 0.8), (1.7, 2.2)]),
        # The machine could not tell in between; what is there is one event, and long enough.
        ("hhhuuhhuuunnnnnn", 0.5, [(0.0, 0.3), (0.5, 0.7), (1.0, 1.6)]),
    ],
)
def test_short_stretches_of_the_machine_are_no_events(
    tmp_path: Path, states: str, min_s: float, expected: list[tuple[float, float]]
) -> None:
    parts = {
        "n": probs_of("neutral", [0.9]),
        "h": probs_of("happy", [0.9]),
        "u": probs_of("sad", [0.3]),
        ".": np.full((1, 7), np.nan),
    }
    unsure = [{"u": 1, ".": ""}.get(state, 0) for state in states]
    lines = faces_csv(np.concatenate([parts[state] for state in states]), unsure=unsure)
    folder = write_table(tmp_path / "results", lines)
    study = made_study(tmp_path / "study", [recording("P1", file=str(folder))])
    build_all(study)
    steps, events = machine_codings(study, ["P1"], [0.0, min_s])
    found = [(c.start_s, c.end_s) for c in events.of[MACHINE]["P1"].codes]
    assert np.allclose(found, expected)
    assert sum(c.end_s - c.start_s for c in steps.of[MACHINE]["P1"].codes) == pytest.approx(
        sum(state in "nh" for state in states) / 10
    ), "each step is still coded"


def test_one_coder_and_the_machine_suffice_and_one_coder_does_not(tmp_path: Path) -> None:
    study = analysed_study(tmp_path / "study", {"P1": READ})
    with pytest.raises(InputError, match="no finished units"):
        study_agreement(study, AgreementSettings())
    add_codes(study, 6.0, {"Anna": {"P1": [(0, "happy"), (2, "")]}})
    found = study_agreement(study, AgreementSettings())
    assert found.pairs == (("Anna", MACHINE),)
    assert "let time without a code count as neutral" in " ".join(found.notes)
    neutral = study_agreement(study, AgreementSettings(uncoded_as="neutral"))
    assert neutral.figure("Anna", MACHINE, "agreement_time", "neutral")["value"] > 0.6
    study.readings_file(study.recordings[0]).unlink()
    with pytest.raises(InputError, match="needs two coders"):
        study_agreement(study, AgreementSettings())


def test_codes_of_a_removed_recording_are_told(coded: Study) -> None:
    left = coded.with_recordings([r for r in coded.recordings if r.recording != "P1"])
    found = study_agreement(left, AgreementSettings())
    assert "left out: P1" in " ".join(found.notes)
    assert found.figure("Anna", "Ben", "kappa_time")["participants"] == 1


def test_the_command_writes_tables_and_says_what_it_found(
    coded: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"--json": tmp_path / "out.json", "--csv": tmp_path / "out.csv"}
    given = [str(word) for pair in files.items() for word in pair]
    assert main(["study", "agreement", str(coded.folder), "--tolerance", "0.4", *given]) == 0
    said = capsys.readouterr().out
    assert "Anna – machine: Cohen’s κ (time) 1.000 [1.000, 1.000]" in said
    assert "coder Anna and the machine agreed on the code 100% of the time" in said
    table = pd.read_csv(coded.folder / "results" / "agreement.csv")
    assert list(table.columns) == list(COLUMNS)
    assert (tmp_path / "out.csv").read_bytes() == (
        coded.folder / "results" / "agreement.csv"
    ).read_bytes()
    told = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert told["tolerance_s"] == 0.4
    assert len(told["figures"]) == len(table)
    assert any("Krippendorff, K. (2019)" in s for s in told["sentences"])
    lists = pd.read_csv(coded.folder / "results" / "disagreements.csv")
    assert list(lists.columns) == list(DISAGREEMENT_COLUMNS)
    assert len(lists) == 2


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (["--coder", "Carla"], 1, "no finished units of the coder Carla"),
        (["--tolerance", "-1"], 1, "tolerance must be from 0 to 60"),
        (["--csv", "/nowhere/x.csv"], 2, "must be a file in a folder that exists"),
    ],
)
def test_the_command_refuses_with_a_sentence(
    coded: Study, given: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "agreement", str(coded.folder), *given]) == status
    assert words in capsys.readouterr().err


def test_the_documentation_has_every_column_and_measure() -> None:
    text = DOCS.read_text("utf-8")
    rows = [
        *COLUMNS.items(),
        *DISAGREEMENT_COLUMNS.items(),
        *((m.name, f"{m.meaning} | {m.counted}") for m in MEASURES),
    ]
    missing = [name for name, meaning in rows if f"| `{name}` | {meaning} |" not in text]
    assert missing == []


def test_results_are_older_when_a_clip_has_been_finished(coded: Study) -> None:
    before = inputs_digest(coded)
    store = CodingStore(coded.folder)
    (unit,) = [u for u in store.units_of("Ben") if u.recording == "P2"]
    store.press("Ben", unit.id, [Key("new", Action.CODE, 1.0, "happy")])
    assert inputs_digest(coded) == before, "a clip that is not finished changes no result"
    store.finish("Ben", unit.id)
    finished = inputs_digest(coded)
    assert finished != before
    store.press("Ben", unit.id, [Key("later", Action.CODE, 2.0, "sad")])
    assert inputs_digest(coded) != finished, "a finished clip is changed, too"


def test_recordings_that_the_study_leaves_out_count_nowhere(coded: Study) -> None:
    name = people_coding(coded).recordings(["Anna"])[0]
    rows = [replace(r, include=r.recording != name) for r in coded.recordings]
    people = people_coding(coded.with_recordings(rows))
    assert name not in people.recordings(["Anna"])
    assert f"Not included in the study, and left out: {name}." in people.problems


def test_a_face_that_is_lost_for_a_moment_is_no_event(tmp_path: Path) -> None:
    probs = probs_of("happy", [0.9] * 40)
    probs[20:22] = np.nan
    write_table(tmp_path / "recordings" / "P1_a", faces_csv(probs, 10.0))
    study = made_study(tmp_path, [recording("P1_a")])
    build_all(study)
    steps, events = (c.of[MACHINE]["P1_a"] for c in machine_codings(study, ["P1_a"], [0.0, 0.5]))
    assert [len(one.codes) for one in (steps, events)] == [2, 1]
    assert steps.seen == events.seen
