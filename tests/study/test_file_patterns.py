"""Columns from file names."""

import pytest
from study_folders import recording

from emotion_core.errors import InputError
from emotion_core.study.file_patterns import match, recordings_from


@pytest.mark.parametrize(
    ("pattern", "name", "row"),
    [
        ("{participant}_{stimulus}.mp4", "P01_happy.mp4", "participant=P01; stimulus=happy"),
        ("{participant}_{stimulus}.mp4", "P01_happy.MP4", "participant=P01; stimulus=happy"),
        ("{participant}_{stimulus}", "in/P01_so_so.mov", "participant=P01; stimulus=so_so"),
        ("{participant}_{stimulus}.mp4", "P01_happy.mov", ""),
        ("{participant}_{stimulus}.mp4", "P01.mp4", ""),
        ("{participant}_{stimulus}.mp4", "_happy.mp4", ""),
        ("{participant}_{stimulus}.mp4", "P01_.mp4", ""),
        ("vp{participant}-*-{group}", "vp7-2024-05-01-A.avi", "participant=7; group=05-01-A"),
        ("vp{participant}-*", "VP7-x.avi", ""),
        ("*_{participant}", "x_y_z.mp4", "participant=y_z"),
        ("{group}/{participant}", "C:\\films\\A\\P1.mp4", "group=A; participant=P1"),
        ("{group}/{participant}", "P1.mp4", ""),
        ("{participant}_x/{participant}_{stimulus}", "P1_x/P1_a.mp4", "participant=P1; stimulus=a"),
        ("{participant}_x/{participant}_{stimulus}", "P1_x/P2_a.mp4", ""),
        ("{participant} ({age} Jahre).webm", "Jörg (25 Jahre).webm", "participant=Jörg; age=25"),
        ("{participant}.v{version}", "P1.v2.mp4", "participant=P1; version=2"),
        ("{participant}", "results/P1", "participant=P1"),
        ("{participant}_end", "P_end_end.mp4", "participant=P_end"),
        ("{participant}_{a b}", "", ""),
    ],
)
def test_a_name_against_a_pattern(pattern: str, name: str, row: str) -> None:
    found = match(pattern, [name])
    cells = dict(cell.split("=") for cell in row.split("; ") if cell)
    assert found.rows == ([{**cells, "file": name}] if row else [])
    assert found.unmatched == ([] if row else [name])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "names no column"),
        ("film.mp4", "names no column"),
        ("{}_{participant}", "names no column"),
        ("{participant", "without its partner"),
        ("{participant}{stimulus}", "put a character between"),
        ("{participant}*", "put a character between"),
        ("{file}_{participant}", "cannot be read"),
        ("{start_s}_{participant}", "cannot be read"),
        ("{Group}_{group}", "two columns"),
        ("{Participant}", "two columns"),
    ],
)
def test_a_pattern_that_cannot_be_used(pattern: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        match(pattern, ["a.mp4"])


def test_a_long_name_takes_no_time() -> None:
    pattern = "_".join(f"{{c{n}}}" for n in range(40)) + "_x"
    assert match(pattern, ["_" * 100_000, "a_" * 50_000]).rows == []


def test_recordings_of_files() -> None:
    files = ["v/P1_a.mp4", "v/P1_a.mov", "v/other.mp4", "v/P2_b.mp4", "v/P2_b.mp4"]
    existing = [recording("P2_b", file="v/P2_b.mp4"), recording("p1_A")]
    new, unmatched = recordings_from(files, "{participant}_{stimulus}", existing)
    assert new == [
        recording("P1_a-2", file="v/P1_a.mp4", participant="P1", stimulus="a"),
        recording("P1_a-3", file="v/P1_a.mov", participant="P1", stimulus="a"),
    ]
    assert unmatched == ["v/other.mp4"]
    (plain,), none = recordings_from(["v/other.mp4"], "")
    assert plain == recording("other", file="v/other.mp4", participant="")
    assert none == []
    (named,), _ = recordings_from(["v/x_2.mp4"], "{recording}_{person}")
    assert named == recording("x", file="v/x_2.mp4", participant="", person="2")
