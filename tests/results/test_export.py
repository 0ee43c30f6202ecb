import csv
import errno
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import result, write_faces

from emotion_core.datatypes import FrameResult
from emotion_core.errors import InputError, OutputError
from emotion_core.results.annotations import Edits
from emotion_core.results.export import (
    COLUMNS,
    column_dictionary,
    edited_rows,
    faces_csv,
    faces_parquet,
    read_faces,
    webvtt,
)
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.summary import summarise

CONTRACT = (
    "frame,time_s,track_id,x,y,width,height,angry,disgust,fear,happy,neutral,sad,surprise,emotion,"
    "confidence,raw_angry,raw_disgust,raw_fear,raw_happy,raw_neutral,raw_sad,raw_surprise,name,"
    "detection_score,predicted,unsure,valence,arousal,quality,shot,tracklet,speaking,angle"
)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_faces(tmp_path)


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


class SmallDisk(io.FileIO):
    """A file on a disk that takes so many bytes in all, and part of what it is asked for."""

    room = 0

    def write(self, data: Any) -> int:
        taken = bytes(data)[: max(0, self.room - self.tell())]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(taken)


def test_a_disk_that_was_full_leaves_whole_rows_and_takes_the_next_ones(tmp_path: Path) -> None:
    """A live recording goes on when the visitor has made room."""
    whole = tmp_path / "whole.csv"
    with FacesWriter(whole) as writer:
        for index in range(200):
            writer.write(result(index, [1, 2]))
    size = whole.stat().st_size
    # Less than is handed on before the end.
    for room in range(9000, size - 9000, 1777):
        path, lost = tmp_path / "faces.csv", []
        with FacesWriter(path) as writer:
            disk = SmallDisk(path, "w")
            disk.room = room
            writer._file = disk
            for index in range(200):
                try:
                    writer.write(result(index, [1, 2]))
                except OutputError:
                    lost.append(index)
                    assert path.read_bytes() == whole.read_bytes()[: path.stat().st_size]
                    assert path.read_bytes().endswith(b"\n")
                    disk.room = size
        kept = [i for i in range(200) if i not in lost]
        assert len(lost) == 1
        assert np.unique(read_faces(path).frame).tolist() == kept
        assert len(list(edited_rows(path, Edits()))) == 1 + 2 * len(kept)


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
