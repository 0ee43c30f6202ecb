"""Recordings whose readings are of another video, or of all people of theirs as if of one."""

import json
from pathlib import Path

import pytest
from study_folders import recording, study_with, write_faces

from emotion_core.study.checks import check_study
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.outdated import Outdated, outdated


def analysed(study: Study, row: Recording, *, one_person: bool = True) -> None:
    """As the study's analysis of the video that the row names leaves it."""
    length = study.source_of(row).stat().st_size
    summary = {"source": {"bytes": length}, "settings": {"one_person": one_person}}
    folder = write_faces(study.analysis_folder(row), 5.0)
    (folder / "summary.json").write_text(json.dumps(summary))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = study_with(tmp_path / "study", [recording("a"), recording("b"), recording("new")])
    for length, name in enumerate(("a.mp4", "b.mp4", "new.mp4"), 4):
        (study.folder / name).write_bytes(b"x" * length)
    for row in study.recordings[:2]:
        analysed(study, row)
    return study


def told(study: Study) -> str:
    return " ".join(p.message for p in check_study(study) if "again" in p.message)


def test_readings_of_their_video_are_not_outdated(study: Study) -> None:
    assert outdated(study) == {}
    assert told(study) == ""
    (study.folder / "a.mp4").unlink()
    assert outdated(study) == {}, "a study may be moved without its videos"


def test_another_video_is_noticed(study: Study) -> None:
    (study.folder / "b.mp4").write_bytes(b"another")
    assert outdated(study) == {"b": Outdated.OTHER_VIDEO}
    words = "1 recording was analysed from another video than the file is now: b."
    assert told(study) == f"{words} Analyse it again."
    analysed(study, study.recordings[1])
    assert outdated(study) == {}


def test_a_renamed_video_is_the_same(study: Study) -> None:
    (study.folder / "b.mp4").rename(study.folder / "c.mp4")
    renamed = recording("b", file="c.mp4", participant="b")
    assert outdated(study.change_recordings(lambda _: [renamed])) == {}


def test_several_people_must_not_have_been_taken_for_one(study: Study) -> None:
    second = recording("a-2", file="a.mp4", participant="other", person="2")
    study = study.change_recordings(lambda rows: [*rows, second])
    assert outdated(study) == {"a": Outdated.ONE_PERSON}
    assert "as if the video showed one person only: a. Analyse it again." in told(study)
    analysed(study, study.recordings[0], one_person=False)
    assert outdated(study) == {}


def test_two_parts_of_a_video_may_be_of_one_person(study: Study) -> None:
    later = recording("later", file="a.mp4", participant="a", start_s=3.0)
    assert outdated(study.change_recordings(lambda rows: [*rows, later])) == {}


def test_results_from_elsewhere_and_live_sessions_are_as_they_are(study: Study) -> None:
    elsewhere = write_faces(study.folder / "elsewhere", 5.0)
    summary = {"source": {"bytes": 1}, "settings": {"one_person": True}}
    (elsewhere / "summary.json").write_text(json.dumps(summary))
    row = recording("c", file="elsewhere", person="1")
    live = study.analysis_folder(study.recordings[0]) / "summary.json"
    live.write_text(json.dumps({"source": {"kind": "live"}, "settings": {"one_person": True}}))
    study = study.change_recordings(lambda rows: [*rows, row])
    assert outdated(study) == {}
