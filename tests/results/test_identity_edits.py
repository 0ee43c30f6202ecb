"""Identities known at the end: written to the table, offered for review, and taken apart."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.errors import OutputError
from emotion_core.results import identities
from emotion_core.results.annotations import Edits, Hide, edited_clip, shown_clip
from emotion_core.results.edits_file import load_edits, save_edits
from emotion_core.results.export import faces_csv, read_faces
from emotion_core.results.face_table import Moment, dominant_runs
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.identities import (
    described_identities,
    joined_tracklets,
    open_questions,
    set_identities,
)
from emotion_core.results.thumbnails import moment_picture, person_picture
from emotion_core.ui.video_page.identities import free_identity


def result(index: int, people: list[int], tracklets: list[int], shot: int = 1) -> FrameResult:
    """Faces of one frame, ten frames a second."""
    n = len(people)
    probs = np.full((n, 7), 0.05, np.float32)
    probs[:, 3] = 0.7
    return FrameResult(
        index=index,
        time_s=index / 10,
        boxes=np.array([[9 * t, 5, 9 * t + 8, 17] for t in tracklets], np.float32),
        track_ids=np.array(people),
        raw_probs=probs,
        probs=probs,
        detection_scores=np.full(n, 4.0, np.float32),
        predicted=np.zeros(n, bool),
        unsure=np.zeros(n, bool),
        quality=((),) * n,
        tracklets=np.array(tracklets),
        shot=shot,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Person 1 in frames 0-4, and again as person 3 in 8-11 after a cut; person 2 all the time."""
    with FacesWriter(tmp_path / "faces.csv") as writer:
        for index in range(5):
            writer.write(result(index, [1, 2], [1, 2]))
        for index in range(5, 8):
            writer.write(result(index, [2], [2]))
        writer.write(FrameResult.empty(8, 0.8, shot=2))
        for index in range(9, 12):
            writer.write(result(index, [3], [4], shot=2))
    return tmp_path


def ids(data: bytes) -> list[str]:
    return [row["track_id"] for row in csv.DictReader(io.StringIO(data.decode()))]


def test_the_table_takes_the_identities_of_the_end(folder: Path) -> None:
    faces = folder / "faces.csv"
    assert set_identities(faces, {1: 1, 2: 2, 4: 1})
    table = read_faces(faces)
    assert table.people == [1, 2]
    assert table.person(1).tracklet.tolist() == [1] * 5 + [4] * 3
    assert table.person(1).shot.tolist() == [1] * 5 + [2] * 3
    assert table.cuts.tolist() == [0.8]
    before = faces.read_bytes()
    assert not set_identities(faces, {1: 1, 2: 2, 4: 1}), "they have them already"
    assert not set_identities(faces, {77: 5})
    assert faces.read_bytes() == before


def test_a_full_disk_leaves_the_table_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = (folder / "faces.csv").read_bytes()
    monkeypatch.setattr(identities, "replacing", full)
    with pytest.raises(OutputError, match="disk is full"):
        set_identities(folder / "faces.csv", {4: 1})
    assert (folder / "faces.csv").read_bytes() == before


def test_a_cut_ends_a_run_and_a_recognised_person_is_one(folder: Path) -> None:
    set_identities(folder / "faces.csv", {4: 2})
    table = read_faces(folder / "faces.csv")
    runs = dominant_runs(table.person(2), min_s=0)
    assert [(round(r.start_s, 2), round(r.end_s, 2)) for r in runs] == [(0.0, 0.8), (0.9, 1.2)]
    assert table.between(0.0, 0.5).cuts.tolist() == []
    assert table.between(0.5, 1.0).cuts.tolist() == [0.8]


def test_taken_apart_and_joined_again(folder: Path) -> None:
    set_identities(folder / "faces.csv", {4: 1})
    whole = read_faces(folder / "faces.csv")
    identity = free_identity(whole, Edits())
    assert identity == 3
    edits = Edits().take_apart(4, identity).rename(identity, "Carla")
    assert edits.people_changed
    assert edits.apply(whole).people == [1, 2, 3]
    assert free_identity(whole, edits) == 4
    assert set(ids(b"".join(faces_csv(folder / "faces.csv", edits)))) == {"1", "2", "3", ""}
    save_edits(folder, edits)
    assert load_edits(folder) == edits
    back = edits.rejoin(4)
    assert back == Edits()
    assert back.apply(whole).people == [1, 2]


def test_a_person_taken_apart_can_be_merged_and_excluded(folder: Path) -> None:
    set_identities(folder / "faces.csv", {4: 1})
    whole = read_faces(folder / "faces.csv")
    edits = Edits().take_apart(4, 3)
    assert edits.merge(3, into=2).apply(whole).people == [1, 2]
    assert edits.exclude(3).apply(whole).people == [1, 2]
    assert len(edits.exclude(3).apply(whole).person(1)) == 5
    hidden = edits.exclude(3).rejoin(4)
    assert hidden.excluded == frozenset()
    assert edited_clip(folder, edits) != edited_clip(folder, Edits())


def test_hiding_follows_those_who_were_taken_apart(folder: Path) -> None:
    edits = Edits(hide=Hide.UNNAMED).take_apart(4, 3).rename(1, "Anna")
    assert edits.hides_face_of(3)
    assert not edits.hides_face_of(1)
    assert shown_clip(folder, edits) == edited_clip(folder, edits)


SUMMARY = {
    "identities": {
        "joined": [{"tracklet": 4, "track_id": 1}, {"tracklet": 6, "track_id": 2}],
        "suggestions": [
            {"track_id": one, "other_id": other, "likelihood": likelihood}
            for one, other, likelihood in ((1, 2, 0.9), (2, 5, 0.7), (1, 5, 0.6))
        ],
    }
}


def test_the_summary_names_every_tracklet_but_the_first_of_each_person(folder: Path) -> None:
    set_identities(folder / "faces.csv", {4: 1})
    found = described_identities(read_faces(folder / "faces.csv"), [(1, 2, 0.75)])
    assert found == {
        "joined": [{"tracklet": 4, "track_id": 1}],
        "suggestions": [{"track_id": 1, "other_id": 2, "likelihood": 0.75}],
    }


def test_questions_that_are_open() -> None:
    def pairs(edits: Edits, people: list[int]) -> list[tuple[int, int]]:
        return [(q.person, q.other) for q in open_questions(SUMMARY, edits, people)]

    assert pairs(Edits(), [1, 2, 5]) == [(1, 2), (2, 5), (1, 5)]
    assert pairs(Edits().tell_apart(2, 1), [1, 2, 5]) == [(2, 5), (1, 5)]
    assert pairs(Edits().tell_apart(1, 2).tell_apart(1, 2, different=False), [1, 2, 5])[0] == (1, 2)
    # Once two are merged, what was asked of either is asked of the one they are, and once.
    assert pairs(Edits().merge(2, into=1), [1, 5]) == [(1, 5)]
    assert pairs(Edits(), [1, 2]) == [(1, 2)], "excluded people are not asked about"
    assert open_questions({}, Edits(), [1, 2]) == []


def test_recognised_tracklets_until_they_are_taken_apart() -> None:
    assert joined_tracklets(SUMMARY, Edits()) == {4: 1, 6: 2}
    assert joined_tracklets(SUMMARY, Edits().take_apart(4, 9)) == {6: 2}
    assert joined_tracklets({"status": "done"}, Edits()) == {}


def test_pictures_are_those_of_the_tracklet(folder: Path) -> None:
    set_identities(folder / "faces.csv", {4: 1})
    whole = read_faces(folder / "faces.csv")
    for name in ("1.jpg", "4.jpg", "4_happy.jpg"):
        (folder / name).write_bytes(b"a picture")
    moment = Moment(1, "happy", 1.0, 10, 0.7)
    assert moment_picture(folder, whole, Edits(), moment) == folder / "4_happy.jpg"
    apart = Edits().take_apart(4, 3)
    assert moment_picture(folder, whole, apart, moment) is None
    assert moment_picture(folder, whole, apart, Moment(3, "happy", 1.0, 10, 0.7))
    assert person_picture(folder, whole, Edits(), 1) == folder / "1.jpg"
    assert person_picture(folder, whole, apart, 3) == folder / "4.jpg"
    assert person_picture(folder, whole, apart, 77) is None
    assert person_picture(folder, whole, Edits(hide=Hide.EVERYBODY), 1) is None


def test_damaged_answers_cost_only_themselves(folder: Path) -> None:
    (folder / "edits.json").write_text(
        '{"names": {}, "merged": {}, "excluded": [], "markers": [], "hide": "nobody",'
        ' "apart": {"4": 3, "x": 1}, "different": [[1, 2], "no", [3]]}'
    )
    edits = load_edits(folder)
    assert edits.apart == {4: 3}
    assert edits.different == frozenset({(1, 2)})
    assert edits.lost == 3


def test_a_table_of_an_earlier_version_has_one_shot_and_nobody_recognised() -> None:
    table = read_faces(Path(__file__).parent / "version_0_1" / "faces.csv")
    assert table.tracklet.tolist() == table.track_id.tolist()
    assert set(table.shot.tolist()) == {1}
    assert table.cuts.tolist() == []
