"""A study's folder: made, opened, changed by several at once, and of another version."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from study_folders import recording, study_with, write_faces

from emotion_core.errors import InputError, OutputError
from emotion_core.extras import missing_extra
from emotion_core.study.definitions import (
    Baseline,
    Event,
    EventKind,
    Recording,
    Smoothing,
    StudySettings,
)
from emotion_core.study.folder import Study, is_study

FILM = Event("*", EventKind.STIMULUS, "film", 10.0, 70.0)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study", "Films and feelings")


def test_a_new_study_is_empty_and_shows_every_setting(study: Study) -> None:
    assert is_study(study.folder)
    assert (study.name, study.recordings, study.events) == ("Films and feelings", (), ())
    assert study.settings == StudySettings()
    assert study.problems == ()
    text = (study.folder / "study.toml").read_text("utf-8")
    assert all(name in text for name in StudySettings.__dataclass_fields__)
    header = (study.folder / "recordings.csv").read_text("utf-8")
    assert header == (
        "recording,file,participant,start_s,end_s,clock_offset_s,person,include,reason\n"
    )
    assert sorted(p.name for p in study.folder.iterdir()) == [
        "events.csv",
        "recordings.csv",
        "study.toml",
    ]


def test_a_folder_is_a_study_only_once(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds a study already"):
        Study.create(study.folder, "again")
    with pytest.raises(InputError, match=r"no study\.toml"):
        Study.open(tmp_path)
    with pytest.raises(InputError, match="not a study"):
        Study.open(tmp_path / "missing\0")


def test_tables_that_are_there_already_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "recordings.csv").write_text("file,participant\na.mp4,P1\n", "utf-8")
    study = Study.create(tmp_path, "")
    assert study.name == tmp_path.name
    assert [r.recording for r in study.recordings] == ["a"]


def test_settings_are_written_and_comments_stay(study: Study) -> None:
    path = study.folder / "study.toml"
    text = path.read_text("utf-8").replace(
        "rate_hz = 10.0", "# as in our first study\nrate_hz = 5.0 # Hz"
    )
    path.write_text(text + '\n[lab]\nroom = "2.14"\n', "utf-8")
    study = study.reopened()
    assert study.settings.rate_hz == 5.0
    changed = study.with_settings(
        replace(study.settings, baseline=Baseline.MEDIAN, smoothing=Smoothing.LOESS)
    )
    assert changed.settings == StudySettings(
        rate_hz=5.0, baseline=Baseline.MEDIAN, smoothing=Smoothing.LOESS
    )
    text = path.read_text("utf-8")
    assert "# as in our first study\nrate_hz = 5.0 # Hz\n" in text
    assert 'baseline = "median"' in text
    assert '[lab]\nroom = "2.14"' in text


def test_two_tabs_keep_the_settings_of_each_other(study: Study) -> None:
    study.with_settings(replace(study.settings, rate_hz=5.0))
    both = study.with_settings(replace(study.settings, event_s=2.0))
    assert (both.settings.rate_hz, both.settings.event_s) == (5.0, 2.0)


def test_a_design_is_written_changed_and_taken_back(study: Study) -> None:
    design = {"outcome": "mean", "factors": ["group", "stimulus"], "curves": {"from_s": 1.0}}
    one = study.with_design(design)
    assert one.design == design
    two = one.with_design({"outcome": "median", "curves": {"to_s": 2.0}, "note": None})
    assert two.design == {"outcome": "median", "curves": {"to_s": 2.0}}
    assert two.with_design({}).design == {}


def test_a_study_is_renamed(study: Study) -> None:
    assert study.with_name("Übung 2").name == "Übung 2"
    with pytest.raises(InputError, match="needs a name"):
        study.with_name(" ")


@pytest.mark.parametrize(
    ("line", "where", "words"),
    [
        ("rate_hz = 900", "[analysis] rate_hz", "from 0.1 to 60"),
        ('rate_hz = "fast"', "[analysis] rate_hz", "cannot be 'fast'"),
        ('space = "log"', "[analysis] space", "cannot be 'log'"),
        ("wavelets = true", "[analysis] wavelets", "Unknown setting"),
        ("event_s = 1" + "0" * 400, "[analysis] event_s", "too large"),
    ],
)
def test_a_setting_that_cannot_be_used_costs_only_itself(
    study: Study, line: str, where: str, words: str
) -> None:
    (study.folder / "study.toml").write_text(
        f"format = 1\n[analysis]\nbefore_s = 3.0\n{line}\n", "utf-8"
    )
    study = study.reopened()
    assert study.settings == StudySettings(before_s=3.0)
    assert study.name == "study"
    (problem,) = study.problems
    assert problem.where == f"study.toml, {where}"
    assert problem.file == "study.toml"
    assert words in problem.message


def test_a_study_of_a_newer_version_says_which_one_it_needs(study: Study) -> None:
    path = study.folder / "study.toml"
    newer = 'format = 2\nneeds = "0.7"\n[study]\nname = "x"\n'
    path.write_text(newer, "utf-8")
    with pytest.raises(InputError, match=r"needs version 0\.7 of emotion-lab.*format 2"):
        Study.open(study.folder)
    with pytest.raises(OutputError, match=r"needs version 0\.7.*Nothing was written"):
        study.with_settings(StudySettings(rate_hz=5.0))
    assert path.read_text("utf-8") == newer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format = ", "cannot be read"),
        ("format = 'x'", "format must be 1"),
        ("format = true", "format must be 1"),
        ("format = 0", "format must be 1"),
        ("a = " + "[" * 5000, "cannot be read"),
        ("a = 1\na = 2", "cannot be read"),
    ],
)
def test_a_damaged_study_file_is_told_and_not_written_over(
    study: Study, text: str, words: str
) -> None:
    (study.folder / "study.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        Study.open(study.folder)
    with pytest.raises(OutputError, match=words):
        study.with_name("other")
    assert (study.folder / "study.toml").read_text("utf-8") == text


def test_a_table_that_is_a_value_is_told(study: Study) -> None:
    (study.folder / "study.toml").write_text("analysis = 3\ndesign = []\nstudy = ''\n", "utf-8")
    study = study.reopened()
    assert [p.where for p in study.problems] == [f"study.toml, {t}" for t in _TABLES]
    assert study.with_settings(StudySettings(rate_hz=5.0)).settings.rate_hz == 5.0


_TABLES = ("study", "analysis", "design")


def test_recordings_and_events_come_back_as_they_were(study: Study) -> None:
    rows = (
        recording("P01_happy", group="A, first", stimulus='5" screen', start_s=0.1 + 0.2),
        recording("Müller", participant="Anna\nMüller", group="", stimulus=";", end_s=7.25),
        recording("c", group="B", stimulus="a\tb", clock_offset_s=-3.5, include=False, reason="–"),
    )
    events = (FILM, Event("group=B", EventKind.EXCLUDE, 'a "b", c', 1 / 3, 1 / 3))
    study = study.with_recordings(rows).with_events(events)
    assert study.recordings == (replace(rows[0], start_s=0.3), *rows[1:])
    assert study.events == (FILM, replace(events[1], start_s=0.333333, end_s=0.333333))
    assert study.problems == ()
    text = (study.folder / "recordings.csv").read_text("utf-8")
    assert text.startswith("recording,file,participant,group,stimulus,start_s,end_s")
    assert ",0.3," in text
    # What is on disk is what is written again.
    study.with_recordings((*study.recordings, recording("d"))).with_recordings(study.recordings)
    assert (study.folder / "recordings.csv").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((recording("a"), recording("A")), "two recordings"),
        ((recording("a/b"),), '"a_b" can'),
        ((recording("../x"),), "cannot be the name"),
        ((recording("a", Group="1", group="2"),), "two columns"),
        ((recording("a", Reason2="1", **{" x": "1"}),), "cannot be the name of a column"),
        ((recording("a", **{"Start s": "1"}),), "two columns"),
    ],
)
def test_recordings_that_cannot_be_written_are_refused(
    study: Study, rows: tuple[Recording, ...], words: str
) -> None:
    before = (study.folder / "recordings.csv").read_bytes()
    with pytest.raises(InputError, match=words):
        study.with_recordings(rows)
    assert (study.folder / "recordings.csv").read_bytes() == before


def test_a_stale_tab_loses_nothing_that_another_wrote(tmp_path: Path) -> None:
    one, two, three = (recording(n, group="A", note="") for n in ("one", "two", "three"))
    stale = study_with(tmp_path / "s", [one, two, three])
    # Meanwhile another tab: a new recording, one deleted, one changed.
    other = stale.with_recordings(
        [replace(one, variables={"group": "B", "note": ""}), two, recording("four", group="B")]
    )
    assert [r.recording for r in other.recordings] == ["one", "two", "four"]
    # This tab saw three recordings: it writes a note into the first, deletes the second, adds one.
    merged = stale.with_recordings(
        [replace(one, variables={"group": "A", "note": "late"}), three, recording("five")]
    )
    found = {r.recording: r.variables for r in merged.recordings}
    assert found["one"] == {"group": "B", "note": "late"}
    assert list(found) == ["one", "four", "five"]


def test_a_stale_tab_keeps_events_of_others(study: Study) -> None:
    late = Event("*", EventKind.EVENT, "late", 5.0, 5.0)
    study = study.with_events([FILM, FILM, late])
    study.with_events([FILM, FILM, late, replace(late, label="other")])
    merged = study.with_events([FILM, replace(late, label="mine")])
    assert sorted(e.label for e in merged.events) == ["film", "mine", "other"]


def test_many_writers_at_once(study: Study) -> None:
    def add(number: int) -> None:
        study.change_recordings(lambda now: (*now, recording(f"r{number}")))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    assert {r.recording for r in study.reopened().recordings} == {f"r{n}" for n in range(12)}


def test_another_process_and_this_one(study: Study) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from emotion_core.study.folder import Study\n"
        "from emotion_core.study.definitions import Recording\n"
        "study = Study.open(Path(sys.argv[1]))\n"
        "for n in range(5):\n"
        "    study.change_recordings(lambda now: (*now, Recording(f'other{n}', 'o.mp4', 'P')))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(study.folder)]) as process:
        for number in range(5):
            study.change_recordings(lambda now, n=number: (*now, recording(f"own{n}")))  # type: ignore[misc]
        assert process.wait(60) == 0
    assert len(study.reopened().recordings) == 10


def test_a_deleted_folder_is_not_made_again(study: Study) -> None:
    for path in study.folder.iterdir():
        path.unlink()
    study.folder.rmdir()
    with pytest.raises(OutputError, match="could not be changed"):
        study.with_recordings([recording("a")])
    assert not study.folder.exists()


def test_a_missing_table_is_an_empty_one(study: Study) -> None:
    (study.folder / "recordings.csv").unlink()
    (study.folder / "events.csv").unlink()
    study = study.reopened()
    assert (study.recordings, study.events, study.problems) == ((), (), ())
    assert study.with_recordings([recording("a")]).recordings == (recording("a"),)


def test_a_table_that_cannot_be_read_is_told_and_not_written_over(study: Study) -> None:
    for name in ("recordings.csv", "events.csv"):
        (study.folder / name).unlink()
        (study.folder / name).mkdir()
    study = study.reopened()
    assert [p.where for p in study.problems] == ["recordings.csv", "events.csv"]
    assert "cannot be read" in study.problems[0].message
    with pytest.raises(OutputError, match="Nothing was written"):
        study.with_recordings([recording("a")])
    with pytest.raises(OutputError, match="Nothing was written"):
        study.with_events([FILM])


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("videos/Müller 1.mp4", "videos/Müller 1.mp4"),
        ("videos\\Müller 1.mp4", "videos/Müller 1.mp4"),
        ("videos/Mu\u0308ller 1.mp4", "videos/Müller 1.mp4"),
        ("videos/../videos/Müller 1.mp4", "videos/Müller 1.mp4"),
        ("missing.mp4", "missing.mp4"),
        ("x" * 5000, "x" * 5000),
        ("\0", "recordings/?"),
    ],
)
def test_files_are_found_relative_to_the_folder(study: Study, file: str, found: str) -> None:
    (study.folder / "videos").mkdir()
    (study.folder / "videos" / "Müller 1.mp4").touch()
    source = study.source_of(recording("a", file=file))
    assert source == study.folder / found
    assert source.is_absolute()


def test_the_results_of_a_recording(study: Study) -> None:
    assert study.results_folder(recording("a")) is None
    own = write_faces(study.folder / "recordings" / "a", 10.0)
    given = write_faces(study.folder.parent / "given", 10.0)
    assert study.results_folder(recording("a")) == own
    assert study.results_folder(recording("a", file=str(given))) == given
    assert study.results_folder(recording("a", file=str(given / "faces.csv"))) == given
    assert study.readings_file(recording("a")) == study.folder / "readings" / "a.parquet"
    assert study.portable_path(own) == "recordings/a"
    assert study.portable_path(given) == given.as_posix()


def test_events_of_a_recording_are_those_that_apply(study: Study) -> None:
    late = Event("group=B", EventKind.EVENT, "late", 5.0, 5.0)
    own = Event("a", EventKind.BASELINE, "rest", 0.0, 5.0)
    study = study.with_events([FILM, late, own, replace(own, recording="b")])
    assert study.events_of(recording("a", group="B")) == [own, late, FILM]
    assert study.events_of(recording("c", group="A")) == [FILM]


@pytest.mark.parametrize("module", ["duckdb", "pympi", "statsmodels", "tomlkit"])
def test_a_package_that_is_missing_is_named_with_its_extra(module: str) -> None:
    error = missing_extra(ModuleNotFoundError(name=module))
    assert f"{module} is not installed" in str(error)
    assert "emotion-lab[study]" in str(error)
