"""Names, merges, exclusions and markers: what they change, and how they are kept."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_results import write_faces

from emotion_core.errors import InputError, OutputError
from emotion_core.results.annotations import Edits, Hide, Marker, edited_clip, markers_csv
from emotion_core.results.edits_file import change_edits, load_edits, save_edits
from emotion_core.results.export import read_faces
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.summary import summarise


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_faces(tmp_path)


def test_markers_and_their_statistics(faces: Path) -> None:
    edits = Edits().add_marker(Marker(0.5, 1.0, "sad film")).add_marker(Marker(0, 0, "start"))
    assert [m.label for m in edits.markers] == ["start", "sad film"]
    point, interval = summarise(read_faces(faces), edits)["markers"]
    assert point["statistics"] == []
    assert [s["track_id"] for s in interval["statistics"]] == [1, 2]
    assert interval["statistics"][0]["share"]["sad"] == 1.0
    assert markers_csv(edits.remove_marker(0)).splitlines()[1:] == ["0.500,1.000,sad film"]


@pytest.mark.parametrize("times", [(2, 1), (-1, 1), (float("nan"), 1)])
def test_impossible_markers_are_refused(times: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        Marker(*times, "x")


def test_edits_can_be_taken_back() -> None:
    edits = Edits().rename(1, "  A\n\x1bda ").merge(2, 1).merge(3, 2).exclude(4)
    assert edits.names == {1: "A da"}
    assert edits.merged == {2: 1, 3: 1}
    assert edits.split(3).merged == {2: 1}
    assert edits.rename(1, "").names == {}
    assert edits.exclude(4, excluded=False).excluded == frozenset()
    assert edits.name_of(1) == "A da"
    assert edits.name_of(9) == "Person 9"


def test_two_people_of_one_name_can_be_told_apart() -> None:
    edits = Edits().rename(1, "Anna").rename(2, "Anna").rename(3, "Person 4")
    assert [edits.name_of(i) for i in (1, 2, 3, 4)] == [
        "Anna (#1)",
        "Anna (#2)",
        "Person 4 (#3)",
        "Person 4",
    ]
    assert edits.merge(2, 1).name_of(1) == "Anna", "they are one now"


def test_merging_takes_over_whether_somebody_is_left_out() -> None:
    edits = Edits().exclude(2).merge(2, 1)
    assert edits.excluded == frozenset()
    assert Edits().exclude(1).merge(2, 1).excluded == {1}


def test_merging_chains_stay_flat() -> None:
    edits = Edits().merge(2, into=1).merge(1, into=5)
    assert edits.merged == {2: 5, 1: 5}
    with pytest.raises(InputError, match="same person"):
        edits.merge(5, into=1)


def test_a_name_goes_over_to_whom_the_person_is_merged_into() -> None:
    merged = Edits().rename(5, "Ada").merge(5, into=2)
    assert merged.name_of(2) == "Ada"
    assert merged.split(5) == Edits({5: "Ada"})
    named = Edits().rename(5, "Ada").rename(2, "Bo").merge(5, into=2)
    assert named.name_of(2) == "Bo"
    assert named.split(5).names == {5: "Ada", 2: "Bo"}
    assert Edits().rename(5, "Ada").merge(2, into=1).merge(5, into=2).name_of(1) == "Ada"


def test_what_is_said_of_somebody_merged_meanwhile_is_said_of_whom_they_are() -> None:
    """Another tab may have merged them since this one was drawn."""
    merged = Edits(hide=Hide.EXCLUDED).merge(2, into=1)
    out = merged.exclude(2)
    assert out.hides_face_of(1)
    assert out.hides_face_of(2)
    assert not out.exclude(2, excluded=False).excluded
    assert merged.rename(2, "Anna").name_of(1) == "Anna"


@pytest.mark.parametrize(
    "before",
    [
        Edits({1: "Anna", 2: "Anna"}),
        Edits({2: "Anna"}, excluded=frozenset({2}), hide=Hide.EXCLUDED),
        Edits(excluded=frozenset({1})),
        Edits().rename(3, "Ada").merge(3, into=2).merge(4, into=2),
        Edits().rename(2, "Bo").merge(2, into=5),
    ],
)
def test_unmerging_restores_what_was_before(before: Edits, tmp_path: Path) -> None:
    person = 5 if 2 in before.merged else 2
    merged = before.merge(person, into=1)
    assert merged.split(person) == before
    save_edits(tmp_path, merged)
    assert load_edits(tmp_path).split(person) == before
    assert before.merge(1, into=6).merge(person, into=1).split(person).split(1) == before
    assert before.split(99) == before, "who was not merged"


def test_a_merge_of_an_earlier_version_is_taken_back_with_its_name() -> None:
    earlier = Edits({1: "Ada", 5: "Ada"}, merged={5: 1})
    assert earlier.split(5) == Edits({5: "Ada"})


def test_edits_survive_on_disk(tmp_path: Path) -> None:
    edits = Edits().rename(1, "Zoë 😀").merge(2, 1).exclude(3).add_marker(Marker(1, 2, "x"))
    save_edits(tmp_path, edits)
    assert load_edits(tmp_path) == edits
    assert [p.name for p in tmp_path.iterdir()] == ["edits.json"]


@pytest.mark.parametrize("text", ["{}", '{"names": 3}'])
def test_damaged_edits_are_no_edits(tmp_path: Path, text: str) -> None:
    (tmp_path / "edits.json").write_text(text)
    assert load_edits(tmp_path) == Edits()


@pytest.mark.parametrize("text", ["", "[]", '{"hide": 3}', '{"hide": "me"}'])
def test_where_it_is_not_known_who_is_to_be_hidden_everybody_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "edits.json").write_text(text)
    edits = load_edits(tmp_path)
    assert edits == Edits(hide=Hide.EVERYBODY)
    assert edits.lost >= 1


@pytest.mark.parametrize(
    ("hide", "hidden"),
    [
        (Hide.NOBODY, set()),
        (Hide.EVERYBODY, {1, 2, 3, 4}),
        (Hide.EXCLUDED, {3}),
        (Hide.UNNAMED, {2, 3}),
    ],
)
def test_who_is_hidden(tmp_path: Path, hide: Hide, hidden: set[int]) -> None:
    edits = Edits().rename(1, "Ada").rename(3, "Cy").merge(4, 1).exclude(3)
    edits = replace(edits, hide=hide)
    assert {i for i in (1, 2, 3, 4) if edits.hides_face_of(i)} == hidden
    assert edits.people_changed
    save_edits(tmp_path, edits)
    assert load_edits(tmp_path) == edits


def test_a_clip_drawn_before_faces_could_be_hidden_is_found_again(tmp_path: Path) -> None:
    assert edited_clip(tmp_path, Edits().rename(1, "Ada")).name == "edited_19159c060369.mp4"


def test_a_new_table_leaves_results_that_share_the_old_one(tmp_path: Path) -> None:
    own, other = tmp_path / "faces.csv", tmp_path / "other.csv"
    other.write_text("another visitor's")
    own.hardlink_to(other)
    with FacesWriter(own):
        pass
    assert other.read_text() == "another visitor's"
    assert len(read_faces(own).frame) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"faces.csv", "other.csv"}


def written_edits(folder: Path, **changes: Any) -> Edits:
    whole = {"names": {"1": "Ada"}, "merged": {"3": 2}, "excluded": [4]}
    whole["markers"] = [{"start_s": 1, "end_s": 2, "label": "x"}]
    (folder / "edits.json").write_text(json.dumps(whole | changes))
    return Edits({1: "Ada"}, {3: 2}, frozenset({4}), (Marker(1, 2, "x"),))


def test_a_damaged_entry_costs_only_itself_and_the_file_is_kept(tmp_path: Path) -> None:
    good, backward = {"start_s": 1, "end_s": 2, "label": "x"}, {"start_s": 3, "end_s": 1}
    whole = written_edits(tmp_path, markers=[backward | {"label": "y"}, good, 7])
    text = (tmp_path / "edits.json").read_text()
    edits = load_edits(tmp_path)
    assert (edits, edits.lost) == (whole, 2)
    save_edits(tmp_path, edits.rename(2, "Bo"))
    assert load_edits(tmp_path).lost == 0
    assert (tmp_path / "edits.json.damaged").read_text() == text
    (tmp_path / "edits.json").write_text("{")
    save_edits(tmp_path, edits)
    assert (tmp_path / "edits.json.damaged").read_text() == text
    assert (tmp_path / "edits.json.damaged2").read_text() == "{"


def test_edits_that_the_disk_does_not_give_are_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, read = written_edits(tmp_path), Path.read_bytes

    def fail(path: Path) -> bytes:
        if path.name == "edits.json":
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_bytes", fail)
        with pytest.raises(InputError, match="Input/output error"):
            load_edits(tmp_path)
        with pytest.raises(OutputError, match="Input/output error"):
            save_edits(tmp_path, Edits().rename(1, "Bo"))
    assert load_edits(tmp_path) == whole


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    def name_and_mark(i: int) -> None:
        change_edits(tmp_path, lambda edits: edits.rename(i, f"name {i}"))
        change_edits(tmp_path, lambda edits: edits.add_marker(Marker(i, i, "x")))

    def change(number: int) -> None:
        for i in range(number, 40, 4):
            name_and_mark(i)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    edits = load_edits(tmp_path)
    assert sorted(edits.names) == list(range(40))
    assert [marker.start_s for marker in edits.markers] == list(range(40))
    assert [p.name for p in tmp_path.iterdir()] == ["edits.json"]


def test_a_changed_list_of_markers_leaves_those_it_did_not_show() -> None:
    one, two, other = Marker(1, 1, "one"), Marker(2, 2, "two"), Marker(3, 3, "another tab's")
    edits = Edits(markers=(one, two, other))
    changed = edits.change_markers([one, two], [one, Marker(2, 4, "longer")])
    assert changed.markers == (one, Marker(2, 4, "longer"), other)


def test_edits_of_a_deleted_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_edits(tmp_path / "gone", Edits())
