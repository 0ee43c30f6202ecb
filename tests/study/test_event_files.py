"""Events of BORIS, ELAN, PsychoPy, E-Prime and tables, in the layouts that they write."""

import gzip
import json
from pathlib import Path

import pytest
from event_file_cases import BASELINE, EVENT, RECORDINGS, STIMULUS, imported, told
from pympi.Elan import Eaf
from study_folders import recording

from emotion_core.errors import InputError
from emotion_core.study.definitions import Event, EventKind
from emotion_core.study.event_files import import_events, read_event_file
from emotion_core.study.event_files.found import kind_from, kind_of_tier

BORIS_8 = (
    "Observation id,Observation date,Description,Observation duration,Observation type,Source,"
    "Time offset (s),Coding duration,Media duration (s),FPS (frame/s),Subject,"
    "Observation duration by subject by observation,Behavior,Behavioral category,Modifier #1,"
    "Behavior type,Time,Media file name,Image index,Image file path,Comment\n"
)


def boris_8(session: str, subject: str, behavior: str, kind: str, time: str, media: str) -> str:
    return (
        f"{session},2024-05-01 10:00:00,,60.0,Media file(s),player #1:{media},0.0,50.0,60.0,25.0,"
        f"{subject},60.0,{behavior},face,None,{kind},{time},{media},NA,NA,\n"
    )


def test_boris_8_tabular_events_of_several_observations(tmp_path: Path) -> None:
    text = BORIS_8 + "".join(
        boris_8(*row)
        for row in (
            ("P01_film", "No focal subject", "smile", "START", "1.500", "x.mp4"),
            ("P01_film", "No focal subject", "blink", "POINT", "2.000", "x.mp4"),
            ("P01_film", "No focal subject", "smile", "STOP", "3.250", "x.mp4"),
            ("day 2", "P02", "baseline", "START", "00:00:10.000", "C:/videos/P02.mp4"),
            ("day 2", "P02", "baseline", "STOP", "00:01:10.000", "C:/videos/P02.mp4"),
            ("P09", "P02", "smile", "STOP", "5", "P09.mp4"),
            ("P09", "P02", "frown", "START", "6", "P09.mp4"),
            ("lost", "", "smile", "POINT", "7", "lost.mp4"),
            ("lost", "", "smile", "MAYBE", "8", "lost.mp4"),
            ("lost", "", "", "POINT", "8", "lost.mp4"),
            ("lost", "", "smile", "POINT", "NA", "lost.mp4"),
        )
    )
    found = imported(tmp_path / "events.csv", text, recordings=RECORDINGS, offset_s=100.0)
    assert found.format == "BORIS"
    assert sorted(found.events, key=lambda e: e.start_s) == [
        Event("P01_film", EVENT, "smile", 101.5, 103.25),
        Event("P01_film", EVENT, "blink", 102.0, 102.0),
        Event("lost", EVENT, "smile", 107.0, 107.0),
        Event("P02_film", BASELINE, "baseline", 110.0, 170.0),
    ]
    words = [message for _, message in told(found)]
    for part in (
        "neither a point nor the start or stop",
        "names no behavior",
        '"NA" is not a time',
        "stopped at 5 s and never started",
        "started at 6 s and never stopped",
        'No recording is called "lost"',
    ):
        assert sum(part in message for message in words) == 1
    assert ("events.csv, row 10") in [where for where, _ in told(found)]


BORIS_7 = """Observation id\tP01 film\t\t\t
\t\t\t\t
Media file(s)\t\t\t\t
Player #1\t/home/lab/videos/film, day 1.mp4\t\t\t
\t\t\t\t
Observation date\t2021-03-04 11:22:33\t\t\t
Description\tthe "first" one\t\t\t
Time offset (s)\t0\t\t\t
\t\t\t\t
Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tModifiers\t\
Comment\tStatus
2.0\tfilm.mp4\t60\t25\t\tgaze\t\tleft|far\t\tSTART
4.0\tfilm.mp4\t60\t25\t\tgaze\t\tright\t\tSTART
5.0\tfilm.mp4\t60\t25\t\tgaze\t\tleft|far\t\tSTOP
6.0\tfilm.mp4\t60\t25\t\tgaze\t\tright\t\tSTOP
7.0\tfilm.mp4\t60\t25\t\tcough\t\t\t\tPOINT
"""


def test_boris_7_with_lines_above_the_table(tmp_path: Path) -> None:
    found = imported(tmp_path / "events.tsv", BORIS_7)
    assert found.events == (
        Event("*", EVENT, "gaze (left, far)", 2.0, 5.0),
        Event("*", EVENT, "gaze (right)", 4.0, 6.0),
        Event("*", EVENT, "cough", 7.0, 7.0),
    )
    one = [recording("other", file="film, day 1.mp4")]
    found = imported(tmp_path / "events.tsv", BORIS_7, recordings=one)
    assert {e.recording for e in found.events} == {"*"}
    one = [recording("P01 film")]
    found = imported(tmp_path / "events.tsv", BORIS_7, recordings=one)
    assert {e.recording for e in found.events} == {"P01 film"}
    assert found.problems == ()


def test_boris_aggregated_events(tmp_path: Path) -> None:
    text = (
        "Observation id,Subject,Behavior,Behavioral category,Modifiers,Behavior type,"
        "Start (s),Stop (s),Duration (s),Media file name\n"
        "a,,smile,,,STATE,1.0,2.5,1.5,a.mp4\na,,blink,,,POINT,3.0,3.0,NA,a.mp4\n"
        "a,,nod,,,POINT,4.0,NA,NA,a.mp4\na,,odd,,,STATE,5.0,4.0,-1,a.mp4\n"
    )
    found = imported(tmp_path / "a.csv", text, recording="P01")
    assert found.events == (
        Event("P01", EVENT, "smile", 1.0, 2.5),
        Event("P01", EVENT, "blink", 3.0, 3.0),
        Event("P01", EVENT, "nod", 4.0, 4.0),
    )
    assert told(found) == [("a.csv, row 5", "It ends before it starts. The row is left out.")]


PROJECT = {
    "time_format": "hh:mm:ss",
    "project_name": "Films",
    "behaviors_conf": {
        "0": {"type": "State event", "code": "smile", "category": ""},
        "1": {"type": "Point event with coding map", "code": "blink", "category": ""},
        "2": {"type": "State event", "code": "still", "category": "Baseline"},
    },
    "observations": {
        "P01_film": {
            "file": {"1": ["/videos/a.mp4"], "2": []},
            "events": [
                [1.5, "", "smile", "", ""],
                [2.0, "", "blink", "", "", 50],
                [3.25, "", "smile", "", ""],
                [4.0, "A", "smile", "", ""],
                [5.0, "B", "smile", "", ""],
                [6.0, "A", "smile", "", ""],
            ],
        },
        "x": {
            "file": ["P02.mp4"],
            "events": [
                [0, "", "still", "None", ""],
                [9, "", "still", "None", ""],
                [None, "", "blink", "", ""],
                [1, "", "", "", ""],
                [2],
                "x",
            ],
        },
    },
}


@pytest.mark.parametrize("name", ["films.boris", "films.boris.gz"])
def test_a_project_of_boris(name: str, tmp_path: Path) -> None:
    data = json.dumps(PROJECT).encode()
    data = gzip.compress(data) if name.endswith(".gz") else data
    found = imported(tmp_path / name, data, recordings=RECORDINGS)
    assert sorted(found.events, key=lambda e: (e.recording, e.start_s)) == [
        Event("P01_film", EVENT, "smile", 1.5, 3.25),
        Event("P01_film", EVENT, "blink", 2.0, 2.0),
        Event("P01_film", EVENT, "smile", 4.0, 6.0),
        Event("P02_film", BASELINE, "still", 0.0, 9.0),
    ]
    where = [where for where, _ in told(found)]
    assert [w for w in where if " x," in w] == [
        f"{name}, observation x, event {n}" for n in (3, 4, 5, 6)
    ]
    assert sum("never stopped" in message for _, message in told(found)) == 1


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"observations": 3}', b"[" * 100_000])
def test_what_is_not_a_project_of_boris(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a project of BORIS"):
        imported(tmp_path / "x.boris", data)
    with pytest.raises(InputError, match="cannot be read"):
        imported(tmp_path / "x.boris.gz", b"\x1f\x8b" + data)


def eaf_file(path: Path) -> Path:
    eaf = Eaf()
    eaf.remove_tier("default")
    eaf.add_linked_file("file:///C:/videos/P02.mp4", mimetype="video/mp4")
    eaf.add_tier("Stimulus")
    eaf.add_annotation("Stimulus", 1000, 61000, "film A")
    eaf.add_tier("Smile", part="P02")
    eaf.add_annotation("Smile", 2500, 3750, "")
    eaf.add_linguistic_type("notes", constraints="Symbolic_Association")
    eaf.add_tier("Kind of smile", ling="notes", parent="Smile")
    eaf.add_ref_annotation("Kind of smile", "Smile", 2600, "Duchenne")
    eaf.add_tier("baseline")
    eaf.add_annotation("baseline", 100, 900, "at rest")
    # Three annotations that share the time from 4 to 10 seconds; ELAN leaves them unaligned.
    eaf.add_tier("words")
    eaf.timeslots |= {"ts90": 4000, "ts91": None, "ts92": None, "ts93": 10000, "ts94": None}
    for number, word in enumerate(("one", "two", "three", "lost")):
        slots = (f"ts9{number}", f"ts9{number + 1}")
        eaf.tiers["words"][0][f"a9{number}"] = (*slots, word, None)
        eaf.annotations[f"a9{number}"] = "words"
    eaf.to_file(str(path))
    return path


def test_annotations_of_elan(tmp_path: Path) -> None:
    found = import_events(eaf_file(tmp_path / "a.eaf"), recordings=RECORDINGS)
    assert found.format == "ELAN"
    assert {e.recording for e in found.events} == {"P02_film"}
    assert sorted((e.start_s, e.end_s, e.label, e.kind) for e in found.events) == [
        (0.1, 0.9, "at rest", BASELINE),
        (1.0, 61.0, "film A", STIMULUS),
        (2.5, 3.75, "Duchenne", EVENT),
        (2.5, 3.75, "Smile", EVENT),
        (4.0, 6.0, "one", EVENT),
        (6.0, 8.0, "two", EVENT),
        (8.0, 10.0, "three", EVENT),
    ]
    assert [where for where, _ in told(found)] == ["a.eaf, tier words"]


@pytest.mark.parametrize("data", [b"", b"<a/>", b"x", b"<ANNOTATION_DOCUMENT VERSION='3.0'/>"])
def test_what_is_not_a_file_of_elan(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a file of ELAN"):
        imported(tmp_path / "x.eaf", data)
    with pytest.raises(InputError, match="cannot be read"):
        import_events(tmp_path / "missing.eaf")


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("start_s,end_s,label\n1.5,1.5,laugh\n", [Event("P", EVENT, "laugh", 2.5, 2.5)]),
        (
            "recording,kind,label,start_s,end_s\nb,baseline,x,1,2\n",
            [Event("b", BASELINE, "x", 2.0, 3.0)],
        ),
        (
            "onset\tduration\ttrial_type\n1,5\t2\tfilm\n3\tn/a\tcue\n",
            [Event("P", EVENT, "film", 2.5, 4.5), Event("P", EVENT, "cue", 4.0, 4.0)],
        ),
        (
            "start_s\tlabel\tend_s\n1\tA\t2\n3\tB\t4\n",
            [Event("P", EVENT, "A", 2.0, 3.0), Event("P", EVENT, "B", 4.0, 5.0)],
        ),
        (
            "Start;End;Label;Name\n0:01;0:03;wanted;not\n",
            [Event("P", EVENT, "wanted", 2.0, 4.0)],
        ),
    ],
)
def test_tables_of_events(text: str, events: list[Event], tmp_path: Path) -> None:
    path = tmp_path / "markers.csv"
    path.write_text(text, "utf-8")
    assert read_event_file(path, recording="P", offset_s=1.0) == events


def test_a_column_of_labels_of_ones_own(tmp_path: Path) -> None:
    text = "start_s,label,film\n1,x,A\n2,,B\n"
    found = imported(tmp_path / "a.csv", text, labels_from="film")
    assert [e.label for e in found.events] == ["A", "B"]
    with pytest.raises(InputError, match='no column "movie"'):
        imported(tmp_path / "a.csv", text, labels_from="movie")


def test_a_bad_row_of_a_table_is_told_without_advice_for_our_own(tmp_path: Path) -> None:
    found = imported(tmp_path / "a.csv", "start_s,label\nx,a\n2,b\n")
    assert [e.label for e in found.events] == ["b"]
    assert told(found) == [
        ("a.csv, row 2", 'start_s: "x" is not a time; write seconds, such as 12.5.')
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "no events that can be read.*BORIS"),
        ("a.csv", "a,b\n1,2\n", "no events that can be read"),
        ("faces.csv", "frame,time_s,track_id\n0,0,1\n", "table of readings"),
    ],
)
def test_what_holds_no_events(name: str, text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        imported(tmp_path / name, text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Baseline_1", BASELINE),
        ("restPeriod", BASELINE),
        ("stimFilm", STIMULUS),
        ("interesting", EVENT),
        ("Artefakt", EventKind.EXCLUDE),
        ("film response", STIMULUS),
        ("", EVENT),
    ],
)
def test_kinds_from_names(name: str, kind: EventKind) -> None:
    assert kind_from(name, EVENT) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Rest01: expression", EventKind.EVENT),
        ("Film7: unsure (2)", EventKind.EVENT),
        ("Film7: codes of Mia", EventKind.EVENT),
        ("expression", EventKind.EVENT),
        ("codes of a film", EventKind.STIMULUS),
        ("stimulus (2)", EventKind.STIMULUS),
        ("baseline", EventKind.BASELINE),
    ],
)
def test_a_participant_called_like_a_kind_has_events(name: str, kind: EventKind) -> None:
    assert kind_of_tier(name) is kind


def test_two_people_of_one_video(tmp_path: Path) -> None:
    pair = [
        recording("left", file="pair.mp4", participant="A"),
        recording("right", file="pair.mp4", participant="B"),
    ]
    text = BORIS_8 + boris_8("pair", "B", "smile", "POINT", "1", "pair.mp4")
    text += boris_8("pair", "", "noise", "POINT", "2", "pair.mp4")
    found = imported(tmp_path / "a.csv", text, recordings=pair)
    assert [(e.recording, e.label) for e in found.events] == [
        ("right", "smile"),
        ("left", "noise"),
        ("right", "noise"),
    ]


def test_an_offset_that_no_time_can_have(tmp_path: Path) -> None:
    found = imported(tmp_path / "a.csv", "start_s,label\n1,a\n", offset_s=float("inf"))
    assert found.events == ()
    assert "must be numbers" in found.problems[0].message
