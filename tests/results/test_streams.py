"""Files made in pieces are the files, and take no more memory than a piece."""

import csv
import io
import itertools
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pa_parquet
import pytest

from emotion_core.results.annotations import Edits
from emotion_core.results.export import COLUMNS, faces_csv, faces_parquet
from emotion_core.results.streams import ByteSink, PieceReader, csv_pieces, zip_pieces

ROWS = 60_000
MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def long_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A faces.csv of 18 MB: two people, half an hour at thirty frames a second and more."""
    path = tmp_path_factory.mktemp("long") / "faces.csv"
    row = dict.fromkeys(COLUMNS, "0.123456789012") | {"emotion": "happy", "name": "", "quality": ""}
    row |= {"predicted": "0", "unsure": "1", "shot": "1", "tracklet": "3", "speaking": ""}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for number in range(ROWS):
            place = {"frame": str(number // 2), "track_id": str(1 + number % 2)}
            writer.writerow(row | place)
    return path


def drained(pieces: Iterator[bytes]) -> tuple[int, int]:
    """How many bytes came, and the most that Python held meanwhile."""
    tracemalloc.start()
    try:
        length = sum(len(piece) for piece in pieces)
        return length, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_in_pieces_are_the_rows() -> None:
    rows = [["a", "b,c"], *([str(n), 'say "x"\n'] for n in range(1201))]
    pieces = list(csv_pieces(rows))
    assert len(pieces) > 2
    assert list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline=""))) == rows
    assert b"".join(csv_pieces([])) == b""


def test_a_long_table_is_never_held_as_a_whole(long_table: Path) -> None:
    size = long_table.stat().st_size
    length, held = drained(faces_csv(long_table, Edits().rename(1, "Ada")))
    assert length > size
    assert held < size / 10


def test_a_long_parquet_holds_every_row(long_table: Path) -> None:
    data = b"".join(faces_parquet(long_table, Edits().rename(2, "NA")))
    table = pa_parquet.read_table(io.BytesIO(data))
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == ROWS
    assert table["frame"].to_pylist() == [n // 2 for n in range(ROWS)]
    assert set(table["name"].to_pylist()) == {None, "NA"}


def test_a_table_without_faces_is_a_parquet_with_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text(",".join(COLUMNS) + "\n")
    data = b"".join(faces_parquet(path, Edits()))
    table = pa_parquet.read_table(io.BytesIO(data))
    assert (table.column_names, table.num_rows) == (list(COLUMNS), 0)


def test_a_zip_is_made_while_it_is_read(tmp_path: Path) -> None:
    large = tmp_path / "clip.mp4"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    endless = (bytes(1 << 20) for _ in itertools.count())
    pieces = zip_pieces({"clip.mp4": large, "é/table.csv": iter([b"x\n"] * 9), "endless": endless})
    length, held = drained(itertools.islice(pieces, 600))
    assert length > 150_000_000, "the clip came as it is"
    assert held < MOST_BYTES


def test_every_content_comes_out_of_the_zip(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 4000)
    files: dict[str, bytes | str | Path | Iterable[bytes]] = {
        "a.bin": tmp_path / "a.bin",
        "b.mp4": tmp_path / "a.bin",
        "text.txt": "Grüße",
        "bytes": b"123",
        "é/pieces.csv": iter([b"1\n", b"", b"2\n"]),
        "empty": b"",
    }
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_pieces(files)))) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
        stored = {i.filename for i in archive.infolist() if i.compress_type == zipfile.ZIP_STORED}
    whole = (tmp_path / "a.bin").read_bytes()
    assert found == {
        "a.bin": whole,
        "b.mp4": whole,
        "text.txt": "Grüße".encode(),
        "bytes": b"123",
        "é/pieces.csv": b"1\n2\n",
        "empty": b"",
    }
    assert stored == {"b.mp4"}


def test_a_file_that_went_missing_ends_the_zip(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(zip_pieces({"a": tmp_path / "gone"}))


def test_a_reader_over_pieces_gives_any_number_of_bytes() -> None:
    reader = io.BufferedReader(PieceReader(iter([b"", b"abc", b"", b"defg"])), 2)
    assert (reader.read(1), reader.read(4), reader.read()) == (b"a", b"bcde", b"fg")
    assert reader.read() == b""


def test_a_sink_hands_on_everything_once() -> None:
    sink = ByteSink()
    sink.write(b"ab")
    sink.write(memoryview(b"c"))
    assert (sink.take(), sink.take(), sink.tell()) == (b"abc", b"", 3)
