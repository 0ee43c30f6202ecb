"""Data sets that are made to do harm, and those that only look odd."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emotion_core.datasets import archives
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError


def picture(shape: tuple[int, ...] = (48, 48), suffix: str = ".png") -> bytes:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def zip_of(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as target:
        for name, data in files.items():
            target.writestr(name, data)
    return path


def test_a_name_that_cannot_be_written_down_is_told_before_the_work(tmp_path: Path) -> None:
    folder = tmp_path / "test" / "sad"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(picture())
    with pytest.raises(DatasetError, match="no UTF-8"):
        load_dataset(tmp_path)


def bomb_png(side: int = 20_000) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "name",
    [
        "../happy/a.png",
        "/happy/a.png",
        "test/../../happy/a.png",
        "C:/happy/a.png",
        "..\\happy\\a.png",
    ],
)
def test_names_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="outside of itself"):
        load_dataset(zip_of(tmp_path / "climb.zip", {"happy/b.png": picture(), name: picture()}))
    assert [p.name for p in tmp_path.iterdir()] == ["climb.zip"]


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    big = zip_of(tmp_path / "bomb.zip", {"happy/a.png": bytes(30_000_000)})
    assert big.stat().st_size < 100_000
    with pytest.raises(DatasetError, match="zip bomb"):
        load_dataset(big)
    stored = zip_of(tmp_path / "large.zip", {"happy/a.png": bytes(21_000_000)}, zipfile.ZIP_STORED)
    with pytest.raises(DatasetError, match="no labelled face is that large"):
        load_dataset(stored)
    wide = zip_of(tmp_path / "wide.zip", {"happy/a.png": bomb_png()}, zipfile.ZIP_STORED)
    with pytest.raises(DatasetError, match="20,000×20,000"):
        load_dataset(wide)


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "lie.zip", {"happy/a.png": picture()})
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark) + place
        data[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"lie\.zip"):
        load_dataset(path)


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    files = {f"happy/{i}.png": b"x" for i in range(4)}
    source = tmp_path / "many"
    if kind == "zip":
        source = zip_of(tmp_path / "many.zip", files)
    else:
        (source / "happy").mkdir(parents=True)
        for name, data in files.items():
            (source / name).write_bytes(data)
    with pytest.raises(DatasetError, match="more than 3 files"):
        load_dataset(source)


@pytest.fixture
def read_pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pieces in which a zip is read."""
    pieces = []

    class File(archives._Bounded):
        def readinto(self, buffer: Any) -> int:
            pieces.append(len(buffer))
            return super().readinto(buffer)

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            pieces.append(len(data))
            return data

    monkeypatch.setattr(archives, "_Bounded", File)
    return pieces


def test_a_list_of_a_million_files_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_pieces: list[int]
) -> None:
    path = zip_of(tmp_path / "f.zip", {f"happy/{i}.png": b"" for i in range(3000)})
    monkeypatch.setattr(archives, "_MAX_LIST_BYTES", 100_000)
    with pytest.raises(DatasetError, match=r"f\.zip lists more files"):
        load_dataset(path)
    assert max(read_pieces) <= 100_000


def test_a_list_that_a_second_record_lengthens_is_not_read_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second record (Zip64) overrules the first one, whose list is short."""
    entry = b"PK\x01\x02" + bytes(42)
    listed = entry * 3000
    large = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 9, 9, len(listed), 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(listed), 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0)
    (tmp_path / "two.zip").write_bytes(listed + large + locator + end)
    monkeypatch.setattr(archives, "_MAX_LIST_BYTES", 100_000)
    with pytest.raises(DatasetError, match=r"two\.zip lists more files"):
        load_dataset(tmp_path / "two.zip")


def test_a_damaged_picture_inside_of_a_zip_is_named(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "f.zip", {"happy/a.png": picture()}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"happy/a\.png"):
        load_dataset(path)


def test_what_file_managers_add_is_left_out(tmp_path: Path) -> None:
    files = {
        "My faces/happy/a.png": picture(),
        "__MACOSX/My faces/happy/._a.png": b"resource",
        "My faces/happy/.hidden.png": b"thumb",
        "My faces/.DS_Store": b"x",
    }
    dataset = load_dataset(zip_of(tmp_path / "mac.zip", files))
    assert dataset.split("test").names.tolist() == ["My faces/happy/a.png"]
    assert dataset.notes == ()


def test_what_was_done_to_pictures_is_said(tmp_path: Path) -> None:
    files = {
        "happy/a.png": picture(),
        "happy/b.jpg": picture((48, 48, 3), ".jpg"),
        "sad/c.png": picture((60, 50)),
        "sad/d.png": picture((96, 96, 3)),
    }
    scaled, stretched, coloured = load_dataset(zip_of(tmp_path / "mixed.zip", files)).notes
    assert scaled.startswith("2 of 4 pictures were scaled to 48×48")
    assert stretched.startswith("1 of 4")
    assert coloured.startswith("2 of 4 pictures were in colour")


@pytest.mark.parametrize("with_votes", [False, True])
def test_fer2013_csv_is_read_from_a_zip_too(tmp_path: Path, with_votes: bool) -> None:
    rows = [f"{i % 7},{' '.join(['9'] * 2304)},PrivateTest" for i in range(3)]
    files = {"fer/fer2013.csv": "\n".join(["emotion,pixels,Usage", *rows]).encode()}
    if with_votes:
        head = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
        lines = [head + "unknown,NF", *(f"x,f{i}.png,10,0,0,0,0,0,0,0,0,0" for i in range(3))]
        files["fer/fer2013new.csv"] = "\n".join(lines).encode()
    split = load_dataset(zip_of(tmp_path / "fer.zip", files)).split("test")
    assert len(split) == 3
    assert split.votes.any() == with_votes


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.zip"
    path.write_text("dear reader")
    with pytest.raises(DatasetError, match="no readable zip"):
        load_dataset(path)
    path.write_bytes(io.BytesIO().getvalue())
    with pytest.raises(DatasetError, match="no readable zip"):
        load_dataset(path)
