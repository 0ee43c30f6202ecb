"""From results folders to readings: who is measured, what counts, and when it is done again."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pa_parquet
import pytest
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.errors import InputError
from emotion_core.progress import Progress
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import change_edits
from emotion_core.results.export import COLUMNS
from emotion_core.study.definitions import (
    SIGNALS,
    Baseline,
    Event,
    EventKind,
    Recording,
    Smoothing,
    Space,
    StudySettings,
)
from emotion_core.study.folder import Study
from emotion_core.study.readings import build_all, build_readings, missing_reason, reading_problems
from emotion_core.study.readings_file import column_meanings, read_header, read_readings

OLD = Path(__file__).parents[1] / "results" / "version_0_1"


def folder_with(study: Path, name: str, happy: Sequence[float], **more: Any) -> Recording:
    """A recording at 10 frames a second with one person, and its results folder."""
    write_table(study / "recordings" / name, faces_csv(probs_of("happy", happy), **more))
    return recording(name)


def two_people(study: Path, name: str = "P1_a") -> Recording:
    """Person 1 is there for 2 s and not happy, person 2 for 1 s and happy."""
    first = faces_csv(probs_of("happy", [0.1] * 20), person=1)
    second = faces_csv(probs_of("happy", [0.9] * 10), person=2)
    rows = sorted(first[1:] + second[1:], key=lambda line: int(line.partition(",")[0]))
    write_table(study / "recordings" / name, [first[0], *rows])
    return recording(name)


def happy_of(study: Study, name: str, column: str = "happy") -> list[float]:
    one = next(r for r in study.recordings if r.recording == name)
    values = read_readings(build_readings(study, one))[column]
    return values.astype(float).round(5).tolist()


def told(study: Study) -> list[str]:
    return [problem.message for problem in build_all(study)]


def test_the_columns_of_the_file(tmp_path: Path) -> None:
    one = folder_with(tmp_path, "P1_a", [0.2, 0.4, 0.9])
    study = made_study(tmp_path, [one])
    path = build_readings(study, one)
    frame = read_readings(path)
    assert path == tmp_path / "readings" / "P1_a.parquet"
    assert list(frame) == list(column_meanings())
    assert frame["time_s"].tolist() == pytest.approx([0, 0.1, 0.2])
    assert frame["seen"].all()
    assert frame["valid"].all()
    assert not frame[["held", "unsure", "excluded"]].any(axis=None)
    assert frame["speaking"].isna().all()
    assert frame[[f"{name}_corrected" for name in SIGNALS]].isna().all(axis=None)
    assert pa_parquet.read_schema(path).field("happy").type == "float"
    np.testing.assert_allclose(frame["happy"], [0.2, 0.4, 0.9], atol=1e-6)


def test_the_longest_seen_person_is_the_participant(tmp_path: Path) -> None:
    study = made_study(tmp_path, [two_people(tmp_path)])
    assert happy_of(study, "P1_a") == [0.1] * 20


@pytest.mark.parametrize(
    ("person", "edits", "expected"),
    [
        ("1", Edits(), [0.1] * 20),
        ("2", Edits(), [0.9] * 10 + [np.nan] * 10),
        (" Person 2 ", Edits(), [0.9] * 10 + [np.nan] * 10),
        ("Änne", Edits({2: "Änne"}), [0.9] * 10 + [np.nan] * 10),
        ("", Edits(excluded=frozenset({1})), [0.9] * 10 + [np.nan] * 10),
        ("2", Edits(merged={2: 1}), [0.1] * 20),
        ("2", Edits({1: "2"}), [0.1] * 20),  # the name goes first
    ],
)
def test_the_participant_by_number_or_name(
    tmp_path: Path, person: str, edits: Edits, expected: list[float]
) -> None:
    one = replace(two_people(tmp_path), person=person)
    change_edits(tmp_path / "recordings" / "P1_a", lambda _: edits)
    study = made_study(tmp_path, [one])
    np.testing.assert_allclose(happy_of(study, "P1_a"), expected)


@pytest.mark.parametrize(
    ("person", "edits", "message"),
    [
        ("3", Edits(), r"There is no person 3 in this video. Its people: Person 1, Person 2\."),
        ("Bo", Edits({2: "Änne"}), r"There is no person Bo .* Person 1, Änne\."),
        ("2", Edits(excluded=frozenset({2})), "Person 2 is excluded"),
        ("Bo", Edits({2: "Bo"}, excluded=frozenset({2})), "Person Bo is excluded"),
        ("Bo", Edits({1: "Bo", 2: "Bo"}), r"called Bo: give a number instead \(1 and 2\)"),
        ("9" * 30, Edits(), "There is no person 999"),
        ("²", Edits(), "There is no person ²"),
    ],
)
def test_a_person_who_is_not_there(tmp_path: Path, person: str, edits: Edits, message: str) -> None:
    one = replace(two_people(tmp_path), person=person)
    change_edits(tmp_path / "recordings" / "P1_a", lambda _: edits)
    study = made_study(tmp_path, [one])
    with pytest.raises(InputError, match=message):
        build_readings(study, one)
    assert [p.where for p in reading_problems(study)] == ["recordings.csv, P1_a"]


def test_one_damaged_recording_costs_itself(tmp_path: Path) -> None:
    good = folder_with(tmp_path, "P1_a", [0.5] * 3)
    damaged, empty, none = recording("P1_b"), recording("P1_c"), recording("P1_d")
    write_table(tmp_path / "recordings" / "P1_b", ["frame,nonsense", "1,2"])
    write_table(tmp_path / "recordings" / "P1_c", faces_csv(np.full((3, 7), np.nan)))
    out = replace(folder_with(tmp_path, "P1_e", [0.5]), include=False, reason="Slept.")
    study = made_study(
        tmp_path,
        [good, damaged, empty, none, out],
        settings=StudySettings(baseline=Baseline.MEDIAN),
    )
    problems = {p.where: p.message for p in build_all(study)}
    assert list(problems) == [f"recordings.csv, P1_{x}" for x in "bcd"]
    assert "no table of faces" in problems["recordings.csv, P1_b"]
    assert problems["recordings.csv, P1_c"] == "No face was found in this recording."
    assert problems["recordings.csv, P1_d"] == "The video has not been analysed yet."
    assert missing_reason(study, good) == ""
    assert missing_reason(study, out) == "Left out: Slept."
    assert happy_of(study, "P1_a", "happy_corrected") == [0, 0, 0]


@pytest.mark.parametrize("text", ["inf", "nan", "", "-0.1", "1.5"])
def test_a_probability_that_is_none_is_damage(tmp_path: Path, text: str) -> None:
    one = folder_with(tmp_path, "P1_a", [0.5] * 3, sad=[0.5, text, 0.5])
    with pytest.raises(InputError, match="a probability is not from 0 to 1"):
        build_readings(made_study(tmp_path, [one]), one)


def test_readings_of_an_earlier_version_need_no_new_analysis(tmp_path: Path) -> None:
    """Person 2 is excluded there, person 1 is called Ada."""
    copytree(OLD, tmp_path / "recordings" / "P1_a")
    one = replace(recording("P1_a"), person="Ada")
    study = made_study(tmp_path, [one])
    rows = pd.read_csv(OLD / "faces.csv").query("track_id == 1")
    frame = read_readings(build_readings(study, one))
    np.testing.assert_allclose(frame["happy"], rows["happy"], atol=1e-6)
    np.testing.assert_allclose(frame["valence"], rows["valence"], atol=1e-4)
    assert frame["seen"].tolist() == (rows["predicted"] == 0).tolist()


def test_what_does_not_count(tmp_path: Path) -> None:
    unsure, speaking = [0, 1, 0, 0, 0, 0], ["", 0, 1, 1, 0, 0]
    folder_with(tmp_path, "P1_a", [0.5] * 6, unsure=unsure, speaking=speaking)
    events = [
        Event("*", EventKind.EXCLUDE, "door", 10.41, 10.45),
        Event("P9_z", EventKind.EXCLUDE, "other", 0.0, 99.0),
    ]
    one = replace(recording("P1_a"), clock_offset_s=10.0)
    study = made_study(tmp_path, [one], events)
    frame = read_readings(build_readings(study, one))
    assert frame["excluded"].tolist() == [False] * 4 + [True, False]
    assert frame["valid"].tolist() == [True] * 4 + [False, True]
    assert frame["speaking"].isna().tolist() == [True] + [False] * 5
    strict = replace(study.settings, leave_out_unsure=True, leave_out_speaking=True)
    study = study.with_settings(strict)
    frame = read_readings(build_readings(study, one))
    assert frame["valid"].tolist() == [True] + [False] * 4 + [True]


def test_a_box_held_at_the_end_does_not_count(tmp_path: Path) -> None:
    predicted = [0, 0, 1, 0, 1, 1]
    study = made_study(tmp_path, [folder_with(tmp_path, "P1_a", [0.5] * 6, predicted=predicted)])
    frame = read_readings(build_readings(study, study.recordings[0]))
    assert frame["held"].tolist() == [False, False, True, False, False, False]
    assert frame["valid"].tolist() == [True] * 4 + [False] * 2
    assert frame["happy"].isna().tolist() == [False] * 4 + [True] * 2


def test_what_is_left_out_does_not_leak_through_smoothing(tmp_path: Path) -> None:
    happy = [0.2] * 20 + [1.0] * 10 + [0.2] * 20
    events = [Event("*", EventKind.EXCLUDE, "laughed at the camera", 2.0, 3.0)]
    for smoothing in (Smoothing.EXPONENTIAL, Smoothing.LOESS):
        settings = StudySettings(smoothing=smoothing, smoothing_s=2.0)
        study = made_study(
            tmp_path / smoothing,
            [folder_with(tmp_path / smoothing, "P1_a", happy)],
            events,
            settings,
        )
        assert happy_of(study, "P1_a") == happy


def test_loess_keeps_probabilities(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    probs = rng.dirichlet(np.full(7, 0.05), 200)
    write_table(tmp_path / "recordings" / "P1_a", faces_csv(probs))
    settings = StudySettings(smoothing=Smoothing.LOESS, smoothing_s=1.0)
    study = made_study(tmp_path, [recording("P1_a")], settings=settings)
    frame = read_readings(build_readings(study, study.recordings[0]))
    values = frame[list(SIGNALS[:7])].to_numpy()
    assert values.min() == 0
    np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-6)


def test_a_baseline_event_is_shared_by_the_recordings_of_a_participant(tmp_path: Path) -> None:
    rest = folder_with(tmp_path, "P1_rest", [0.2] * 10)
    film = folder_with(tmp_path, "P1_film", [0.7] * 10)
    other = folder_with(tmp_path, "P2_film", [0.7] * 10)
    events = [Event("P1_rest", EventKind.BASELINE, "rest", 0.0, 1.0)]
    settings = StudySettings(baseline=Baseline.EVENT)
    study = made_study(tmp_path, [rest, film, other], events, settings)
    assert happy_of(study, "P1_film", "happy_corrected") == [0.5] * 10
    assert happy_of(study, "P1_rest", "happy_corrected") == [0] * 10
    assert np.isnan(happy_of(study, "P2_film", "happy_corrected")).all()
    (problem,) = build_all(study)
    assert problem.where == "recordings.csv, P2_film"
    assert "There is no baseline" in problem.message
    # In log-odds, and after the baseline itself was analysed again.
    study = study.with_settings(replace(settings, space=Space.LOGIT))
    odds = np.log(0.7 / 0.3) - np.log(0.2 / 0.8)
    assert happy_of(study, "P1_film", "happy_corrected") == pytest.approx([odds] * 10, abs=1e-4)
    folder_with(tmp_path, "P1_rest", [0.3] * 11)
    odds = np.log(0.7 / 0.3) - np.log(0.3 / 0.7)
    assert happy_of(study, "P1_film", "happy_corrected") == pytest.approx([odds] * 10, abs=1e-4)


def test_a_baseline_longer_than_the_recording_is_told_each_time(tmp_path: Path) -> None:
    study = made_study(
        tmp_path,
        [folder_with(tmp_path, "P1_a", [0.2] * 10)],
        [Event("*", EventKind.BASELINE, "rest", 0.0, 60.0)],
        StudySettings(baseline=Baseline.EVENT),
    )
    expected = (
        "Its baseline event from 0 to 60 s is longer than the recording (0 to 1 s); what there is "
        "was used."
    )
    assert told(study) == told(study) == [expected]
    assert happy_of(study, "P1_a", "happy_corrected") == [0] * 10


def state(study: Study) -> dict[str, int]:
    """When each file of readings was written."""
    return {p.stem: p.stat().st_mtime_ns for p in (study.folder / "readings").iterdir()}


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    names = ["P1_a", "P1_b", "P2_a"]
    recordings = [folder_with(tmp_path, name, [0.5] * 5) for name in names]
    settings = StudySettings(baseline=Baseline.START, baseline_s=0.1)
    study = made_study(tmp_path, recordings, settings=settings)

    def rewritten(study: Study) -> list[str]:
        before = state(study)
        build_all(study)
        after = state(study)
        assert after.keys() == before.keys()
        return sorted(name for name in after if after[name] != before[name])

    build_all(study)
    assert rewritten(study) == []
    # What does not decide about readings: thresholds, stimuli, another participant's baseline.
    study = study.with_settings(replace(settings, min_valid_s=2.0, episode_threshold=0.7))
    study = study.with_events([Event("*", EventKind.STIMULUS, "film", 0.0, 1.0)])
    assert rewritten(study) == []
    study = study.with_events([Event("P1_a", EventKind.EXCLUDE, "door", 0.0, 0.1)])
    assert rewritten(study) == ["P1_a"]
    table = tmp_path / "recordings" / "P1_b" / "faces.csv"
    study = study.change_recordings(lambda rows: rows[::-1])
    assert rewritten(study) == []
    os.utime(table, (1e9, 1e9))  # a copy of the folder has other times, and the same bytes
    assert rewritten(study) == []
    table.write_text(table.read_text("utf-8").replace("0.500000", "0.400000"), "utf-8")
    assert rewritten(study) == ["P1_b"]
    change_edits(tmp_path / "recordings" / "P2_a", lambda edits: edits.rename(1, "Bo"))
    assert rewritten(study) == ["P2_a"]
    study = study.with_settings(replace(study.settings, rate_hz=5.0))
    assert rewritten(study) == names


def test_a_damaged_or_foreign_file_of_readings_is_written_again(tmp_path: Path) -> None:
    study = made_study(tmp_path, [folder_with(tmp_path, "P1_a", [0.5] * 5)])
    path = build_readings(study, study.recordings[0])
    path.write_bytes(path.read_bytes()[:100])
    assert read_header(path) is None
    with pytest.raises(InputError, match=r"P1_a\.parquet cannot be read"):
        read_readings(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    assert read_header(path) is None
    assert happy_of(study, "P1_a") == [0.5] * 5


def test_a_failure_replaces_earlier_readings(tmp_path: Path) -> None:
    study = made_study(tmp_path, [folder_with(tmp_path, "P1_a", [0.5] * 5)])
    assert told(study) == []
    write_table(tmp_path / "recordings" / "P1_a", ["nonsense"])
    (message,) = told(study)
    assert "no table of faces" in message
    assert len(read_readings(study.readings_file(study.recordings[0]))) == 0
    folder_with(tmp_path, "P1_a", [0.5] * 5)
    assert told(study) == []


def test_progress_is_told_and_can_cancel(tmp_path: Path) -> None:
    recordings = [folder_with(tmp_path, f"P{i}_a", [0.5] * 5) for i in range(6)]
    study = made_study(tmp_path, recordings)
    reports: list[Progress] = []

    def cancel(report: Progress) -> None:
        reports.append(report)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_all(study, cancel, workers=1)
    assert len(reports) == 1
    assert len(state(study)) < 6
    reports.clear()
    assert build_all(study, reports.append) == []
    assert [(r.done, r.total) for r in reports] == [(i, 6) for i in range(1, 7)]


def test_a_range_of_the_recording(tmp_path: Path) -> None:
    folder_with(tmp_path, "P1_a", np.linspace(0, 1, 11).tolist())
    study = made_study(tmp_path, [replace(recording("P1_a"), start_s=0.3, end_s=0.7)])
    assert happy_of(study, "P1_a") == pytest.approx([0.3, 0.4, 0.5, 0.6])
    late = study.change_recordings(lambda rows: [replace(rows[0], start_s=50.0, end_s=60.0)])
    (message,) = told(late)
    assert message.startswith("No frame was analysed from 50 s on and before 60 s: ")


def test_old_columns_are_a_subset_of_the_new_ones() -> None:
    header = (OLD / "faces.csv").read_text("utf-8").partition("\n")[0].split(",")
    assert header == list(COLUMNS[: len(header)])
