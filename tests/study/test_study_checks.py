"""What is likely to be a mistake is told where it happened."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from study_folders import recording, study_with, write_faces

from emotion_core.study.checks import cells, check_recordings, check_study, factors_of
from emotion_core.study.definitions import (
    Baseline,
    Event,
    EventKind,
    Recording,
    StudySettings,
)
from emotion_core.study.event_checks import check_events
from emotion_core.study.folder import Study
from emotion_core.study.problems import Problem, in_order, listed
from emotion_core.study.spans import analysed_span, span_of

STIMULUS, BASELINE, EXCLUDE = EventKind.STIMULUS, EventKind.BASELINE, EventKind.EXCLUDE


def balanced() -> list[Recording]:
    """Six participants in two groups, each with two films."""
    return [
        recording(f"P{p}_{film}", group="AB"[p % 2], film=film, age=str(20 + p))
        for p in range(6)
        for film in ("x", "y")
    ]


def messages(recordings: list[Recording], folder: Path, between: Sequence[str] = ()) -> list[str]:
    for one in recordings:
        if one.file.endswith(".mp4"):
            (folder / one.file).touch()
    found = check_recordings(recordings, folder, between=between)
    assert {p.where for p in found} <= {"recordings.csv"}
    return [p.message for p in found]


def test_a_sound_design_gives_no_message(tmp_path: Path) -> None:
    assert messages(balanced(), tmp_path) == []
    assert messages([], tmp_path) == []
    assert messages([recording("a")], tmp_path) == []


def change(number: int, **fields: Any) -> list[Recording]:
    rows = balanced()
    variables = {k: str(v) for k, v in fields.items() if k in ("group", "film")}
    known = {k: v for k, v in fields.items() if k not in variables}
    rows[number] = replace(
        rows[number],
        variables={**rows[number].variables, **variables},
        **known,
    )
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (change(3, file=""), ["1 recording has no file: P1_y."]),
        (
            change(3, file="lost.mov"),
            ["The files of 1 of 12 recordings are not there: P1_y (lost.mov)."],
        ),
        (change(3, file="."), ["1 recording is a folder without results (faces.csv): P1_y."]),
        (change(3, participant=""), ["1 recording has no participant: P1_y.", "unbalanced"]),
        (change(3, participant="p1"), ['"P1" and "p1" differ in letters or blanks only']),
        (
            change(3, group="A"),
            ["group all other participants have one value, but not P1 (A, B)", "unbalanced"],
        ),
        (change(3, group="b "), ['group, "B" and "b " differ', "P1 (B, b )", "unbalanced"]),
        (change(3, group=""), ["group, 1 recording has no value: P1_y.", "unbalanced"]),
        (
            change(3, file="P0_x.mp4"),
            ["P0_x and P1_y share seconds of one file (P0_x.mp4). Leave one out"],
        ),
        (change(3, film="x"), ["from group B, film y: 2 to group B, film x: 3"]),
        (change(3, include=False), ["from group B, film y: 2 to"]),
    ],
)
def test_one_wrong_cell(rows: list[Recording], words: list[str], tmp_path: Path) -> None:
    found = messages(rows, tmp_path)
    assert len(found) == len(words), found
    for message, part in zip(found, words, strict=True):
        assert part in message


def test_what_is_left_out_is_not_looked_at(tmp_path: Path) -> None:
    rows = [*balanced(), recording("z", file="lost.mov", participant="", include=False)]
    assert messages(rows, tmp_path) == []


def test_parts_of_one_file_are_no_repetition(tmp_path: Path) -> None:
    one = recording("one", file="a.mp4", start_s=0, end_s=10)
    two = recording("two", file="./a.mp4", start_s=10)
    (tmp_path / "a.mp4").touch()
    assert check_recordings([one, two], tmp_path) == []
    assert len(check_recordings([one, replace(two, start_s=9.0)], tmp_path)) == 1
    assert check_recordings([one, replace(two, start_s=9.0, person="2")], tmp_path) == []
    both = [replace(one, person="2"), replace(two, start_s=9.0, person="2")]
    assert ", person 2 (" in check_recordings(both, tmp_path)[0].message


def test_many_missing_files_are_one_sentence(tmp_path: Path) -> None:
    rows = [replace(r, file=f"lost/{r.file}") for r in balanced()]
    (problem,) = check_recordings(rows, tmp_path)
    assert problem.message.startswith("The files of 12 of 12 recordings are not there")
    assert "and 7 more" in problem.message


def test_a_column_of_the_results(tmp_path: Path) -> None:
    rows = [recording("a", Signal="x"), recording("b", Signal="x")]
    assert messages(rows, tmp_path) == [
        'The column "Signal" has the name of a column of the results: rename it.'
    ]


def test_a_between_column_that_is_named_is_always_checked(tmp_path: Path) -> None:
    rows = [recording("P1_a", group="A"), recording("P1_b", group="B")]
    assert messages(rows, tmp_path) == []
    (message,) = messages(rows, tmp_path, between=["group"])
    assert "P1 (A, B)" in message


def test_cells_count_participants_and_show_the_empty_ones(tmp_path: Path) -> None:
    rows = balanced()
    assert factors_of(rows) == ["group", "film"]
    assert cells(rows, ["group", "film"]) == {
        ("A", "x"): 3,
        ("A", "y"): 3,
        ("B", "x"): 3,
        ("B", "y"): 3,
    }
    # The same film twice for one participant is one participant.
    assert cells([*rows, replace(rows[0], recording="again")], ["film"])["x",] == 6
    rows = [r for r in rows if r.variables["group"] == "A" or r.variables["film"] == "x"]
    assert cells(rows, ["group", "film"])["B", "y"] == 0
    (message,) = messages(rows, tmp_path)
    assert "group B, film y: 0" in message
    assert message.endswith("1 of 4 cells are empty.")


def test_a_condition_that_follows_from_the_stimulus_makes_no_empty_cells(tmp_path: Path) -> None:
    tones = {"x": "sad", "y": "happy", "z": "happy"}
    rows = [
        recording(f"P{p}_{film}", film=film, tone=tone)
        for p in range(4)
        for film, tone in tones.items()
    ]
    assert messages(rows, tmp_path) == []


def test_many_factors_are_not_crossed_beyond_reason(tmp_path: Path) -> None:
    rows = [
        recording(f"P{n}", **{f"f{k}": str((n + k * (n // 7)) % 9) for k in range(6)})
        for n in range(60)
    ]
    assert sum("unbalanced" in m for m in messages(rows, tmp_path)) == 1


def span_table(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "faces.csv").write_text(text, "utf-8")
    return folder / "faces.csv"


def test_from_when_to_when(tmp_path: Path) -> None:
    study = study_with(tmp_path / "s", [])
    results = write_faces(tmp_path / "given", 60.0, first_s=0.5)
    one = recording("a", file=str(results))
    assert span_of(study, one) == (0.5, 60.0)
    assert span_of(study, replace(one, start_s=10.0, end_s=90.0)) == (10.0, 60.0)
    assert span_of(study, replace(one, end_s=20.0)) == (0.5, 20.0)
    assert span_of(study, recording("b")) is None
    assert span_of(study, recording("b", end_s=5.0)) == (0.0, 5.0)
    with (results / "faces.csv").open("a") as file:
        file.write("3,70.0,1")
    assert analysed_span(results / "faces.csv") == (0.5, 60.0)


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "frame,time_s\n", "frame,time_s\n0,x\n", "frame,time_s\n0,nan\n"]
)
def test_a_table_without_times(text: str, tmp_path: Path) -> None:
    assert analysed_span(span_table(tmp_path / "x", text)) is None
    assert analysed_span(tmp_path / "missing") is None


def test_a_long_table_is_read_at_both_ends(tmp_path: Path) -> None:
    lines = "".join(f"{n},{n / 10:.6f},{'x' * 100}\n" for n in range(5000))
    faces = span_table(tmp_path / "x", f"frame,time_s,more\n{lines}")
    assert analysed_span(faces) == (0.0, 499.9)


A, B = recording("a", group="1"), recording("b", group="2")
SPANS = {"a": (0.0, 60.0), "b": (0.0, 40.0)}


def event(name: str, label: str, start_s: float, end_s: float, kind: str = "event") -> Event:
    return Event(name, EventKind(kind), label, start_s, end_s)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([event("*", "film", 5, 35, "stimulus"), event("a", "laugh", 60.3, 60.3)], []),
        ([event("group=2", "x", 1, 2), event("participant=a", "y", 1, 2)], []),
        ([event("c", "x", 1, 2)], ["1 event belongs to c, but there is no such recording."]),
        ([event("group=3", "x", 1, 2)] * 2, ["no recording has this value", "more than once"]),
        ([event("mood=3", "x", 1, 2)], ["recordings.csv has no column mood."]),
        (
            [event("a", "x", 1, 2), event("a", "x", 1, 2)],
            ["1 event is there more than once, such as x of a at 1 s."],
        ),
        (
            [event("*", "film", 1e6, 1e6 + 5), event("a", "x", 1e6, 1e6)],
            ["All events are outside of the time of a, b: the clock offset looks wrong."],
        ),
        (
            [event("*", "x", 5, 6), event("*", "late", 50, 55)],
            ["b: 1 of 2 events are outside of its time, which is 0.0 to 40.0 s, such as late at"],
        ),
        (
            [event("*", "x", -9, -5), event("a", "x", 1, 2), event("b", "x", 1, 2)],
            ["a: 1 of 2 events", "b: 1 of 2 events"],
        ),
        ([event("*", "film", 5, 50, "stimulus")], ["film goes on after the end of b (10.0 s)"]),
        (
            [event("*", "rest", 0, 50, "baseline")],
            ["b: the baseline rest is 50.0 s long, and the recording only 40.0 s."],
        ),
        (
            [event("a", "1", 0, 5, "exclude"), event("*", "2", 4, 8, "exclude")],
            ["Events of the kind exclude overlap in a."],
        ),
        ([event("a", "1", 0, 5, "exclude"), event("a", "2", 5, 8, "exclude")], []),
    ],
)
def test_events_against_their_recordings(events: list[Event], words: list[str]) -> None:
    found = check_events([A, B], events, SPANS)
    assert {p.where for p in found} <= {"events.csv"}
    assert len(found) == len(words), found
    for problem, part in zip(found, words, strict=True):
        assert part in problem.message


def test_a_clock_offset_brings_events_into_their_recording() -> None:
    moved = replace(A, clock_offset_s=1000.0)
    late = event("a", "film", 1005.0, 1010.0)
    assert check_events([moved], [late], SPANS) == []
    (problem,) = check_events([A], [late], SPANS)
    assert "its first event is at 1005.0 s of the video" in problem.message


def test_a_recording_of_unknown_length_is_not_judged() -> None:
    assert check_events([A], [event("a", "x", 1e6, 1e6)], {}) == []


@pytest.fixture
def study(tmp_path: Path) -> Study:
    rows = [
        recording(n, file=str(write_faces(tmp_path / n, 10.0)), participant=n) for n in ("a", "b")
    ]
    return study_with(tmp_path / "study", rows)


def test_a_whole_study(study: Study) -> None:
    assert check_study(study) == ()
    with (study.folder / "recordings.csv").open("a") as file:
        file.write(",,\n,,P3\n")
    study = study.reopened().with_events([event("a", "late", 50, 50)])
    found = check_study(study)
    assert [p.where for p in found] == ["recordings.csv, row 5", "events.csv"]
    assert "clock offset looks wrong" in found[1].message


def test_the_baseline_that_the_settings_ask_for(study: Study) -> None:
    start = study.with_settings(StudySettings(baseline=Baseline.START, baseline_s=20.0))
    (problem,) = check_study(start)
    assert problem.where == "study.toml, [analysis] baseline_s"
    assert "2 recordings are shorter than that: a, b" in problem.message
    asked = start.with_settings(StudySettings(baseline=Baseline.EVENT))
    (problem,) = check_study(asked)
    assert "there is no event of the kind baseline. Without one" in problem.message
    one = asked.with_events([event("a", "rest", 0, 5, "baseline")])
    (problem,) = check_study(one)
    assert problem.message.startswith("There is no event of the kind baseline for b.")
    assert check_study(one.with_events([event("*", "rest", 0, 5, "baseline")])) == ()


def test_problems_in_words() -> None:
    problem = Problem("events.csv, row 3", "It is wrong.")
    assert str(problem) == "events.csv, row 3: It is wrong."
    assert in_order([problem, Problem("x", "y"), problem]) == (problem, Problem("x", "y"))
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
