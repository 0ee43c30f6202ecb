"""recordings.csv and events.csv as people and spreadsheets write them."""

from dataclasses import replace
from pathlib import Path

import pytest
from study_folders import recording

from emotion_core.errors import InputError
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.events import (
    kind_named,
    on_clock_of,
    read_events,
    read_events_file,
    written_events,
)
from emotion_core.study.recordings import (
    add_recordings,
    free_name,
    import_recordings,
    read_recordings,
    recording_name,
    written_recordings,
)
from emotion_core.study.text_files import decoded, range_texts, seconds_of, seconds_text, table_of


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        (" 12,5 ", 12.5),
        ("-3", -3.0),
        ("1:23.5", 83.5),
        ("00:01:23,500", 83.5),
        ("-0:10", -10.0),
        ("1e3", 1000.0),
        (".5", 0.5),
    ],
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1e999", "1 2", "1:2:3:4", "9" * 5000])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(InputError, match="is not a time"):
        seconds_of(text)


def test_times_are_written_without_noise_and_stay_apart() -> None:
    assert [seconds_text(s) for s in (0.1 + 0.2, -0.0, 1e6 + 1e-6, 5.0)] == [
        "0.3",
        "0",
        "1000000.000001",
        "5",
    ]
    start, end = range_texts(1.0, 1.0 + 2**-52)
    assert float(start) < float(end)


@pytest.mark.parametrize(
    "data",
    [
        "recording,file,participant,größe\nä,ä.mp4,Jörg,groß\n".encode(),
        "recording,file,participant,größe\nä,ä.mp4,Jörg,groß\n".encode("utf-8-sig"),
        "recording;file;participant;größe\r\nä;ä.mp4;Jörg;groß\r\n".encode("cp1252"),
        "recording\tfile\tparticipant\tgröße\rä\tä.mp4\tJörg\tgroß\r".encode("utf-16"),
        "\n\n Recording , FILE,Participant ,größe,\n\n,,,\nä, ä.mp4 ,Jörg,groß,\n".encode(),
        'recording,file,participant,größe\n"a\u0308","ä.mp4","Jörg","groß"'.encode(),
    ],
    ids=["plain", "bom", "excel", "utf-16", "blanks", "quoted"],
)
def test_a_table_in_any_dress(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recordings.csv"
    path.write_bytes(data)
    found = read_recordings(path)
    assert found.recordings == (recording("ä", participant="Jörg", **{"größe": "groß"}),)
    guessed = "Windows-1252" in "".join(p.message for p in found.problems)
    assert guessed == (b"\r\n" in data and b"\0" not in data)


def test_delimiter_and_mark_of_a_spreadsheet_stay(tmp_path: Path) -> None:
    path = written(
        tmp_path / "recordings.csv", "participant;file;group\r\nP1;a.mp4;A,1\r\n", "utf-8-sig"
    )
    before = read_recordings(path)
    data = written_recordings(before, before.recordings)
    assert data.decode("utf-8") == (
        "\ufeffrecording;participant;file;group;start_s;end_s;clock_offset_s;person;include;reason\n"
        "a;P1;a.mp4;A,1;;;;;yes;\n"
    )


BAD = """recording,file,participant,start_s,end_s,include,group
good,a.mp4,P1,,,,A
,,,1,,,
bad time,b.mp4,P1,early,,,A
Good,c.mp4,P2,,,,B
a/b,d.mp4,P2,,,,B
range,e.mp4,P2,5,5,,B
maybe,f.mp4,P3,,,perhaps,B
more,g.mp4,P3,,,,B,too,many
"open,h.mp4,P3,,,,B
last,i.mp4,P4,"1,5",,no,B
"""
REASONS = {
    3: "names neither",
    4: 'start_s: "early" is not a time',
    5: "already a recording",
    6: '"a_b" can',
    7: "end after it starts",
    8: "include must be yes or no",
    9: "more cells",
    10: "never closed",
}


def test_a_row_that_cannot_be_used_costs_only_itself(tmp_path: Path) -> None:
    path = written(tmp_path / "recordings.csv", BAD)
    found = read_recordings(path)
    assert [r.recording for r in found.recordings] == ["good", "last"]
    assert found.recordings[1] == recording(
        "last", file="i.mp4", participant="P4", start_s=1.5, include=False, group="B"
    )
    where = {p.where: p.message for p in found.problems}
    assert list(where) == [f"recordings.csv, row {n}" for n in REASONS]
    for number, words in REASONS.items():
        assert words in where[f"recordings.csv, row {number}"]


def test_rows_that_cannot_be_used_survive_every_change(tmp_path: Path) -> None:
    path = written(tmp_path / "recordings.csv", BAD)
    before = read_recordings(path)
    wanted = (recording("new", group="C", session="2"), *before.recordings)
    path.write_bytes(written_recordings(before, wanted))
    lines = path.read_text("utf-8").split("\n")
    assert {line for line in BAD.split("\n") if line} - set(lines) == {
        BAD.split("\n")[0],
        "good,a.mp4,P1,,,,A",
        'last,i.mp4,P4,"1,5",,no,B',
        "more,g.mp4,P3,,,,B,too,many",
    }
    # Four new columns do not take in cells that belonged to none.
    assert "more,g.mp4,P3,,,,B,,,,,too,many" in lines
    again = read_recordings(path)
    assert [(r.recording, r.participant) for r in again.recordings] == [
        ("new", "new"),
        ("good", "P1"),
        ("last", "P4"),
    ]
    assert len(again.problems) == len(before.problems)
    path.write_bytes(written_recordings(again, again.recordings))
    assert read_recordings(path) == again


def test_further_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "recordings.csv", "recording,file,,group,Group\na,a.mp4,x,A,B\n")
    found = read_recordings(path)
    assert found.recordings[0].variables == {"column 3": "x", "group": "A", "Group 5": "B"}
    assert [p.where for p in found.problems] == ["recordings.csv, row 1"] * 2
    # A column that no recording has any more is gone from the file.
    data = written_recordings(found, [replace(found.recordings[0], variables={"group": "A"})])
    assert b"column 3" not in data


def test_a_table_without_any_known_column(tmp_path: Path) -> None:
    found = read_recordings(written(tmp_path / "recordings.csv", "a,b\n1,2\n"))
    assert found.recordings == ()
    assert 'neither a column "recording"' in found.problems[0].message


def test_a_column_with_a_delimiter_in_its_name(tmp_path: Path) -> None:
    rows = (recording("a", **{";" * 20: "x", 'a "b", c': "y"}),)
    path = tmp_path / "recordings.csv"
    empty = read_recordings(written(path, ""))
    path.write_bytes(written_recordings(empty, rows))
    assert read_recordings(path).recordings == rows


def test_a_table_of_another_program_is_imported(tmp_path: Path) -> None:
    path = written(
        tmp_path / "list.csv",
        "Subject;Video;Condition;Start;Offset\n1;C:\\clips\\a/b.mp4;x;0,5;1:00\n2;clips/b.mp4;y;;\n"
        "3;clips/b.mp4;y;late;\n",
    )
    found = import_recordings(path, taken=["B"])
    assert [r.recording for r in found.recordings] == ["b-2", "b-3"]
    first = found.recordings[0]
    assert (first.participant, first.file) == ("1", "C:\\clips\\a/b.mp4")
    assert (first.start_s, first.clock_offset_s) == (0.5, 60.0)
    assert first.variables == {"Condition": "x"}
    assert [p.where for p in found.problems] == ["list.csv, row 4"]
    assert "kept" not in found.problems[0].message
    with pytest.raises(InputError, match='neither a column "file"'):
        import_recordings(written(tmp_path / "x.csv", "a;b\n"))
    with pytest.raises(InputError, match="cannot be read"):
        import_recordings(tmp_path / "missing.csv")


def test_a_table_changes_only_the_columns_that_it_has(tmp_path: Path) -> None:
    rows = (
        Recording(
            "P01", "a.mp4", "P01", {"group": "A"}, 2.0, 60.0, 12.5, "2", False, "talked, to others"
        ),
        Recording("P02", "b.mp4", "P02", {"group": "B"}),
    )
    read = import_recordings(
        written(tmp_path / "x.csv", "recording,age,Group\np01,23,C\nP03,9,D\n")
    )
    first, second, third = add_recordings(rows, read)
    assert first == replace(rows[0], variables={"group": "C", "age": "23"})
    assert second is rows[1]
    assert third == Recording("P03", "", "", {"age": "9", "group": "D"})
    read = import_recordings(written(tmp_path / "y.csv", "recording,include,reason\nP01,yes,\n"))
    assert add_recordings(rows, read)[0] == replace(rows[0], include=True, reason="")


def test_a_table_may_use_a_usual_name_and_ours(tmp_path: Path) -> None:
    path = written(tmp_path / "list.csv", "participant,subject,file\nP1,7,a.mp4\n")
    (found,) = import_recordings(path).recordings
    assert (found.participant, found.variables) == ("P1", {"subject": "7"})
    path = written(
        tmp_path / "list.csv", "Subject,subject id,file,Start s,start_s\nP1,7,a.mp4,1,2\n"
    )
    (found,) = import_recordings(path).recordings
    assert (found.participant, found.start_s) == ("P1", 1.0)
    assert found.variables == {"subject id": "7", "start_s 5": "2"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("clips/P01_happy.mp4", "P01_happy"),
        ("C:\\clips\\P01.v2.MOV", "P01.v2"),
        ("results/P01.5/faces.csv", "P01.5"),
        ("results/P01 a: b?", "P01 a_ b_"),
        ("con.mp4", "_con"),
        ("", "video"),
        ("../..", "video"),
        ("Mu\u0308ller.mp4", "Müller"),
    ],
)
def test_names_from_files(file: str, name: str) -> None:
    assert recording_name(file, ()) == name
    second = recording_name(file, [name.upper()])
    assert second == f"{name}-2"


@pytest.mark.parametrize("name", ["x" * 300, "😀" * 100, "a.b" * 40])
def test_long_names_stay_unique_and_safe(name: str) -> None:
    taken: list[str] = []
    for _ in range(12):
        taken.append(free_name(name, taken))
    assert len(set(taken)) == 12
    assert all(free_name(n, ()) == n for n in taken)


EVENTS = """recording,Kind,label,start_s,end_s,comment
*,stimulus,film,10,70,first
P1,,laugh,"00:00:12,5",,loud
,event,whose,1,2,
P1,nap,x,1,2,
P1,exclude,,3,1,
P1,exclude,,3,4,
P1,event,x,,,
"""


def test_events_with_bad_rows_and_a_further_column(tmp_path: Path) -> None:
    path = written(tmp_path / "events.csv", EVENTS)
    found = read_events_file(path)
    film = Event("*", EventKind.STIMULUS, "film", 10.0, 70.0)
    laugh = Event("P1", EventKind.EVENT, "laugh", 12.5, 12.5)
    exclude = Event("P1", EventKind.EXCLUDE, "exclude", 3.0, 4.0)
    assert found.events == (film, laugh, exclude)
    assert read_events(path) == [film, laugh, exclude]
    assert [p.where[-5:] for p in found.problems] == ["row 4", "row 5", "row 6", "row 8"]
    for problem, words in zip(
        found.problems, ("whose event", "no kind", "before it starts", "start_s"), strict=True
    ):
        assert words in problem.message
    path.write_bytes(written_events(found, (laugh, replace(film, end_s=80.0))))
    lines = path.read_text("utf-8").split("\n")
    assert lines[0] == "recording,kind,label,start_s,end_s,comment"
    assert lines[1:3] == ["P1,event,laugh,12.5,12.5,loud", "*,stimulus,film,10,80,"]
    assert lines[3:7] == [EVENTS.split("\n")[n] for n in (3, 4, 5, 7)]


def test_events_without_times_or_recordings(tmp_path: Path) -> None:
    found = read_events_file(written(tmp_path / "e.csv", "label\nx\n"))
    assert 'no column "start_s"' in found.problems[0].message
    (event,) = read_events(written(tmp_path / "e.csv", "start_s;label\n1,5;x\n"))
    assert event == Event("*", EventKind.EVENT, "x", 1.5, 1.5)


def test_the_clock_of_a_recording() -> None:
    event = Event("*", EventKind.EVENT, "x", 10.0, 12.0)
    assert on_clock_of(recording("a", clock_offset_s=4.0), event) == (6.0, 8.0)
    assert kind_named(" Baseline ") is EventKind.BASELINE


def test_a_very_long_cell_and_a_file_of_bytes() -> None:
    table = table_of(decoded(b'a,b\n"' + b"x" * 200_000 + b'",2\n'))
    assert [row.number for row in table.rows] == [2]
    assert table_of(decoded(bytes(range(256)))).guessed
    assert table_of(decoded(b"")).columns == ()
