import csv
import errno
import io
import json
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core.datatypes import FrameResult, QualityHint
from emotion_core.errors import InputError, OutputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import Edits, Hide, Marker, edited_clip, markers_csv
from emotion_core.results.archive import ResultDownloads
from emotion_core.results.edits_file import change_edits, load_edits, save_edits
from emotion_core.results.export import (
    COLUMNS,
    FacesWriter,
    column_dictionary,
    faces_csv,
    faces_parquet,
    read_faces,
    webvtt,
)
from emotion_core.results.summary import summarise

CONTRACT = (
    "frame,time_s,track_id,x,y,width,height,angry,disgust,fear,happy,neutral,sad,surprise,emotion,"
    "confidence,raw_angry,raw_disgust,raw_fear,raw_happy,raw_neutral,raw_sad,raw_surprise,name,"
    "detection_score,predicted,unsure,valence,arousal,quality,shot,tracklet,speaking,angle"
)


def result(
    index: int, ids: Sequence[int], label: str = "happy", scores: Sequence[float] | None = None
) -> FrameResult:
    """Faces of one frame, all with the same expression."""
    n = len(ids)
    probs = np.full((n, 7), 0.05, np.float32)
    probs[:, EXPRESSIONS.index(label)] = 0.7
    return FrameResult(
        index=index,
        time_s=index / 10,
        boxes=np.array([[10 * i, 5, 10 * i + 8, 17] for i in range(n)], np.float32).reshape(-1, 4),
        track_ids=np.array(ids),
        raw_probs=probs,
        probs=probs,
        detection_scores=np.array(scores or [3.0] * n),
        predicted=np.zeros(n, bool),
        unsure=np.zeros(n, bool),
        quality=((QualityHint.DARK, QualityHint.SMALL),) * n,
    )


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Frames 0-9: nobody in 0, person 1 alone until 4, then 1 and 2."""
    path = tmp_path / "faces.csv"
    with FacesWriter(path) as writer:
        writer.write(FrameResult.empty(0, 0.0))
        for index in range(1, 5):
            writer.write(result(index, [1]))
        for index in range(5, 10):
            writer.write(result(index, [1, 2], "sad", [3.0, 5.0]))
    return path


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_columns_are_the_contract(faces: Path) -> None:
    assert ",".join(COLUMNS) == CONTRACT
    assert faces.read_text().splitlines()[0] == CONTRACT


def test_a_row_for_each_face_and_an_empty_one_without(faces: Path) -> None:
    rows = rows_of(faces.read_bytes())
    assert len(rows) == 1 + 4 + 10
    empty, first = rows[0], rows[1]
    assert [k for k, v in empty.items() if v] == ["frame", "time_s", "shot"]
    assert (first["x"], first["y"], first["width"], first["height"]) == (
        "0.0",
        "5.0",
        "8.0",
        "12.0",
    )
    assert first["emotion"] == "happy"
    assert float(first["confidence"]) == pytest.approx(0.7)
    assert first["quality"] == "dark+small"
    assert float(first["valence"]) > 0


def test_reading_back(faces: Path) -> None:
    table = read_faces(faces)
    assert len(table) == 14
    assert len(table.frame_times) == 10
    assert table.people == [1, 2]
    np.testing.assert_allclose(table.probs.sum(axis=1), 1, atol=1e-5)
    assert table.boxes_xywh[0].tolist() == [0, 5, 8, 12]


def test_a_last_line_that_was_cut_off_is_dropped(faces: Path) -> None:
    faces.write_bytes(faces.read_bytes()[:-60])
    assert len(read_faces(faces)) == 13
    assert len(rows_of(b"".join(faces_csv(faces, Edits())))) == 14


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "faces.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"faces\.csv"):
        read_faces(path)


def test_a_table_without_any_face(tmp_path: Path) -> None:
    with FacesWriter(tmp_path / "faces.csv") as writer:
        writer.write(FrameResult.empty(0, 0.0))
    table = read_faces(tmp_path / "faces.csv")
    assert (len(table), len(table.frame_times), table.people) == (0, 1, [])
    assert summarise(table, Edits())["people"] == []


def test_excluded_people_are_left_out_but_frames_stay(faces: Path) -> None:
    rows = rows_of(b"".join(faces_csv(faces, Edits(excluded=frozenset({1})))))
    assert [r["frame"] for r in rows] == [str(i) for i in range(10)]
    assert {r["track_id"] for r in rows} == {"", "2"}


def test_merged_people_have_one_row_a_frame(faces: Path) -> None:
    edits = Edits().merge(2, into=1).rename(1, "Ada")
    rows = rows_of(b"".join(faces_csv(faces, edits)))
    assert [r["frame"] for r in rows] == [str(i) for i in range(10)]
    assert {r["name"] for r in rows} == {"", "Ada"}
    # Seen with more certainty: the second face, at x = 10.
    assert rows[9]["x"] == "10.0"
    edited = edits.apply(read_faces(faces))
    assert len(edited) == 9
    assert edited.boxes_xywh[-1, 0] == 10


def test_parquet_holds_the_same_table_with_types(faces: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(b"".join(faces_parquet(faces, Edits().rename(2, "Bo")))))
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == 15
    assert table["track_id"].to_pylist()[0] is None
    assert table["predicted"].to_pylist()[1] is False
    assert table["name"].to_pylist()[-1] == "Bo"


@pytest.mark.parametrize("name", ["NA", "null", "nan"])
def test_nobody_s_name_means_nothing(faces: Path, name: str) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(b"".join(faces_parquet(faces, Edits().rename(2, name)))))
    assert table["name"].to_pylist()[-1] == name


def test_subtitles(faces: Path) -> None:
    edits = Edits().rename(1, "A --> <b>").exclude(2)
    text = webvtt(edits.apply(read_faces(faces)), edits, origin_s=0.1)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.400\n")
    assert "A --&gt; &lt;b&gt;: happy" in text
    assert "00:00:00.400 --> 00:00:00.900" in text


def test_dictionary_explains_every_column() -> None:
    rows = list(csv.DictReader(io.StringIO(column_dictionary())))
    assert [r["column"] for r in rows] == list(COLUMNS)
    assert all(len(r["meaning"]) > 20 for r in rows)
    assert "not smoothed" in next(r["meaning"] for r in rows if r["column"] == "raw_sad")


def test_zip_of_everything(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "annotated.mp4").write_bytes(b"clip")
    save_edits(tmp_path, Edits().rename(2, "Bo").add_marker(Marker(0.2, 0.6, "film")))
    make = ResultDownloads(tmp_path, "my film.mp4")
    with zipfile.ZipFile(io.BytesIO(b"".join(make.everything()))) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            "faces.csv",
            "faces.parquet",
            "markers.csv",
            "subtitles.vtt",
            "columns.csv",
            "annotated.mp4",
            "summary.json",
            "report.html",
        }
        assert b"0.200,0.600,film" in archive.read("markers.csv")
        assert archive.read("annotated.mp4") == b"clip"
        assert archive.read("faces.csv") == b"".join(make.table_csv())
        assert archive.read("subtitles.vtt") == b"".join(make.subtitles())
        assert b"my film.mp4" in archive.read("report.html")
        assert [p["name"] for p in json.loads(archive.read("summary.json"))["people"]] == ["", "Bo"]


def test_downloads_follow_the_edits_on_disk(faces: Path, tmp_path: Path) -> None:
    make = ResultDownloads(tmp_path, "a.mp4")
    assert b"Ada" not in b"".join(make.table_csv())
    save_edits(tmp_path, Edits().rename(1, "Ada"))
    for download in (make.table_csv, make.subtitles, make.report, make.summary):
        assert b"Ada" in b"".join(download())


@pytest.mark.parametrize("download", ["everything", "table_csv", "table_parquet", "report"])
def test_a_result_that_was_deleted_cannot_be_downloaded(tmp_path: Path, download: str) -> None:
    make = getattr(ResultDownloads(tmp_path / "gone", "a.mp4"), download)
    with pytest.raises((InputError, OSError)):
        next(make())


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


def test_summary_is_plain_json(faces: Path) -> None:
    summary = summarise(read_faces(faces), Edits().rename(1, "Ada"))
    ada, other = json.loads(json.dumps(summary))["people"]
    assert (ada["name"], ada["frames"], ada["dominant"]) == ("Ada", 9, "sad")
    assert ada["transitions"] == {"happy > sad": 1}
    assert {m["expression"] for m in ada["key_moments"]} == {"happy", "sad"}
    assert other["first_s"] == 0.5
    assert summary["valid_share"] == 0.9
    assert summary["frames_analysed"] == 10


def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faces.csv").symlink_to("/dev/full")
    writer = FacesWriter(tmp_path / "faces.csv")
    writer.write(replace(result(0, [1])))
    with pytest.raises(OutputError, match="disk is full"):
        writer.flush()
    with pytest.raises(OutputError, match="disk is full"):
        writer.__exit__(None, None, None)


def test_who_speaks_is_kept_and_what_is_not_known_stays_empty(tmp_path: Path) -> None:
    path, told = tmp_path / "faces.csv", [[1, 0], [-1, 1], [0, -1]]
    with FacesWriter(path) as writer:
        for index, states in enumerate(told):
            writer.write(replace(result(index, [1, 2]), speaking=np.array(states, np.int8)))
    cells = [row["speaking"] for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))]
    assert cells == ["1", "0", "", "1", "0", ""]
    assert read_faces(path).speaking.tolist() == [1, 0, -1, 1, 0, -1]
    typed = parquet_table(path)["speaking"].to_pylist()
    assert typed == [True, False, None, True, False, None]


def parquet_table(path: Path) -> Any:
    import pyarrow.parquet as pa_parquet

    return pa_parquet.read_table(io.BytesIO(b"".join(faces_parquet(path, Edits()))))


def test_how_heads_lean_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    with FacesWriter(path) as writer:
        writer.write(replace(result(0, [1, 2]), angles=np.array([-29.96, 0], np.float32)))
        writer.write(result(1, []))
    assert read_faces(path).angle.tolist() == [-30, 0]
    assert parquet_table(path)["angle"].to_pylist() == [-30, 0, None]
    # A table of an earlier version has no such column.
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    path.write_text("".join(",".join(row[:-1]) + "\n" for row in rows), "utf-8")
    assert read_faces(path).angle.tolist() == [0, 0]


def test_a_table_without_the_column_does_not_know_who_speaks(faces: Path) -> None:
    rows = list(csv.reader(io.StringIO(faces.read_text("utf-8"))))
    place = rows[0].index("speaking")
    faces.write_text("".join(",".join(row[:place]) + "\n" for row in rows), "utf-8")
    table = read_faces(faces)
    assert len(table) > 0
    assert set(table.speaking.tolist()) == {-1}
    assert summarise(table, Edits())["people"][0]["speaking_share"] is None


def test_the_summary_tells_shares_with_and_without_speech(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    with FacesWriter(path) as writer:
        for index in range(10):
            label, state = ("happy", 1) if index < 4 else ("neutral", 0)
            writer.write(replace(result(index, [1], label), speaking=np.array([state], np.int8)))
    (person,) = summarise(read_faces(path), Edits())["people"]
    assert person["speaking_share"] == 0.4
    assert person["share"]["happy"] == 0.4
    assert person["share_silent"]["happy"] == 0.0
    assert person["share_silent"]["neutral"] == 1.0
