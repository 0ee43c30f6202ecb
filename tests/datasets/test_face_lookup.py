"""Single faces by name, from every layout that a data set may have."""

import tracemalloc
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core.datasets import face_lookup
from emotion_core.datasets.face_lookup import FaceShelf
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError


def test_a_folder_and_its_zip_give_the_faces_that_the_data_set_has(
    made_data: Path, tmp_path: Path
) -> None:
    split = load_dataset(made_data).split("test")
    packed = tmp_path / "faces.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for path in made_data.rglob("*.*"):
            file.write(path, path.relative_to(made_data).as_posix())
    wanted = [str(name) for name in split.names[:3]]
    for source in (made_data, packed):
        faces = FaceShelf(source).faces([*wanted, "fer9999999.png", "../secret.png", "label.csv"])
        assert list(faces) == wanted
        for name, image in zip(wanted, split.images, strict=False):
            assert np.array_equal(faces[name], image)


def test_rows_of_fer2013_are_found_by_their_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 48, 48), np.uint8)
    usages = ("Training", "PublicTest", "PrivateTest", "PrivateTest")
    rows = [f"{i},{' '.join(map(str, face.ravel()))},{use}" for i, (face, use) in
            enumerate(zip(images, usages, strict=True))]  # fmt: skip
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    split = load_dataset(path).split("test")
    for source in (path, tmp_path):
        faces = FaceShelf(source).faces([str(n) for n in split.names] + ["fer0000004.png", "x"])
        assert list(faces) == ["fer0000002.png", "fer0000003.png"]
        assert np.array_equal(np.stack(list(faces.values())), split.images)


def test_a_name_that_two_pictures_share_needs_its_folder(tmp_path: Path) -> None:
    for folder in ("test/happy", "test/sad"):
        (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / "1.png"), np.zeros((48, 48), np.uint8))
    shelf = FaceShelf(tmp_path)
    assert list(shelf.faces(["1.png", "test/sad/1.png"])) == ["test/sad/1.png"]


@pytest.mark.parametrize("kind", ["missing", "rubbish.zip", "words.txt", "empty.csv", "other.csv"])
def test_what_is_no_data_set_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind != "missing":
        path.write_text({"empty.csv": "", "other.csv": "a,b\n1,2\n"}.get(kind, "rubbish"))
    with pytest.raises(DatasetError, match=kind):
        FaceShelf(path)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "test" / "sad").mkdir(parents=True)
    (tmp_path / "test" / "sad" / "1.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"1\.png"):
        FaceShelf(tmp_path).faces(["1.png"])


def test_a_large_csv_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    row = f"3,{' '.join(['123'] * 2304)},Training\n"
    path.write_text("emotion,pixels,Usage\n" + row * 4000)
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    try:
        shelf = FaceShelf(path)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000
    assert peak < 5_000_000
    assert list(shelf.faces(["fer0003999.png", "fer0004000.png"])) == ["fer0003999.png"]


def test_a_byte_order_mark_belongs_to_no_column(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    pixels = " ".join(["7"] * 2304)
    path.write_text(f"pixels,emotion,Usage\n{pixels},3,Training\n", "utf-8-sig")
    assert list(FaceShelf(path).faces(["fer0000000.png"])) == ["fer0000000.png"]


def test_a_line_without_end_and_lines_without_number_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(b"x" * 5_000_000)
    with pytest.raises(DatasetError, match="lacks the column pixels") as caught:
        FaceShelf(path)
    assert len(str(caught.value)) < 600
    monkeypatch.setattr(face_lookup, "MOST_FILES", 3)
    path.write_text("emotion,pixels,Usage\n\n\n\n")
    with pytest.raises(DatasetError, match="more than 3 rows"):
        FaceShelf(path)
