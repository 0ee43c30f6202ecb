"""Adding to a study and removing from it: names, doubles, files that are not its own."""

from pathlib import Path

import pytest

from emotion_core.errors import InputError
from emotion_core.study.additions import (
    add_events,
    add_recordings,
    drop_outside,
    remove_recordings,
    said_by_name,
    take_results,
)
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study", "test")


def results(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("faces.csv", "summary.json", "edits.json", "annotated.mp4"):
        (folder / name).write_text(name)
    return folder


def test_names_become_columns(study: Study, tmp_path: Path) -> None:
    files = [tmp_path / n for n in ("P01_funny.mp4", "P02_sad.MOV", "other.mp4")]
    for file in files:
        file.touch()
    added = add_recordings(study, files, "{participant}_{stimulus}")
    assert list(added.added.values()) == ["P01_funny", "P02_sad"]
    assert "does not fit" in added.failed[files[2]]
    again = add_recordings(study, files[:1])
    assert "already" in again.failed[files[0]]
    first, second = study.reopened().recordings
    assert (first.participant, first.variables) == ("P01", {"stimulus": "funny"})
    assert study.source_of(second) == files[1]


def test_without_a_pattern_each_file_is_a_participant(study: Study, tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "Jürgen, 2.mp4").touch()
    files = [tmp_path / p / "Jürgen, 2.mp4" for p in ("a", "b")]
    added = add_recordings(study, files)
    assert len(set(added.added.values())) == 2
    assert {r.participant for r in study.reopened().recordings} == {"Jürgen, 2"}
    assert said_by_name("", ["x.mp4"]) == {"x.mp4": {"participant": "x"}}
    with pytest.raises(InputError, match="brace"):
        said_by_name("{participant", ["x.mp4"])


def test_results_are_copied_without_pictures(study: Study, tmp_path: Path) -> None:
    source = results(tmp_path / "talk")
    said = {"participant": "P1", "group": "A"}
    names = [take_results(study, source, "talk.mp4", said) for _ in range(2)]
    assert len(set(names)) == 2
    row = study.reopened().recordings[0]
    assert (row.participant, row.variables) == ("P1", {"group": "A"})
    folder = study.results_folder(row)
    assert folder is not None
    assert folder.is_relative_to(study.folder)
    assert sorted(p.name for p in folder.iterdir()) == ["edits.json", "faces.csv", "summary.json"]
    (source / "faces.csv").unlink()
    with pytest.raises(InputError, match="no readings any more"):
        take_results(study, source, "talk", {})


def test_removing_deletes_what_the_study_has_of_it_and_nothing_else(
    study: Study, tmp_path: Path
) -> None:
    outside = results(tmp_path / "outside")
    name = take_results(study, results(tmp_path / "inside"), "inside", {"participant": "P1"})
    shared = study.folder / "videos" / "two.mp4"
    shared.parent.mkdir()
    shared.touch()
    rows = [
        Recording("outside", str(outside), "P2"),
        Recording("one", "videos/two.mp4", "P3", person="1"),
        Recording("two", "videos/two.mp4", "P4", person="2"),
    ]
    study = study.change_recordings(lambda now: [*now, *rows])
    readings = study.readings_file(rows[0])
    readings.parent.mkdir()
    readings.touch()
    remove_recordings(study, [name, "outside", "one"])
    assert [r.recording for r in study.reopened().recordings] == ["two"]
    assert not (study.folder / "recordings" / name).exists()
    assert not readings.exists()
    assert (outside / "faces.csv").is_file()
    assert shared.is_file(), "the other person's recording needs it"
    remove_recordings(study, ["two"])
    assert not shared.exists()


@pytest.mark.parametrize("file", ["videos", "recordings", ".", "recordings.csv", "study.toml"])
def test_removing_a_slip_deletes_nothing_of_others(study: Study, file: str) -> None:
    video = study.folder / "videos" / "one.mp4"
    video.parent.mkdir()
    video.touch()
    analysed = study.folder / "recordings" / "one" / "faces.csv"
    analysed.parent.mkdir(parents=True)
    analysed.touch()
    rows = [Recording("one", "videos/one.mp4", "P1"), Recording("slip", file, "P2")]
    study.change_recordings(lambda _: rows)
    remove_recordings(study, ["slip"])
    assert [r.recording for r in study.reopened().recordings] == ["one"]
    assert video.is_file()
    assert analysed.is_file()
    assert study.reopened().name == study.name


def test_a_study_within_a_folder_called_recordings_is_not_one_of_its_results(
    tmp_path: Path,
) -> None:
    study = Study.create(tmp_path / "recordings" / "ours", "Ours")
    (study.folder / "NOTES.CSV").write_text("kept")
    rows = [Recording("folder", ".", "P1"), Recording("notes", "NOTES.CSV", "P2")]
    study.change_recordings(lambda _: rows)
    remove_recordings(study, ["folder", "notes"])
    assert study.reopened().name == "Ours"
    assert (study.folder / "NOTES.CSV").is_file()


def test_recordings_of_files_elsewhere_are_dropped(study: Study, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (study.folder / "link").symlink_to(tmp_path)
    rows = [
        Recording("inside", "videos/a.mp4", "P1"),
        Recording("allowed", str(allowed / "b.mp4"), "P2"),
        Recording("absolute", "/etc/passwd", "P3"),
        Recording("upward", "../../secret", "P4"),
        Recording("by_link", "link/secret", "P5"),
    ]
    study.change_recordings(lambda now: rows)
    assert drop_outside(study, [allowed]) == ["absolute", "upward", "by_link"]
    assert [r.recording for r in study.reopened().recordings] == ["inside", "allowed"]
    assert drop_outside(study, [allowed]) == []


def test_events_are_added_once(study: Study) -> None:
    event = Event("*", EventKind.STIMULUS, "film", 0.0, 5.0)
    assert add_events(study, [event, event]) == 1
    assert add_events(study, [event, Event("*", EventKind.EVENT, "film", 0.0, 5.0)]) == 1
    assert len(study.reopened().events) == 2
