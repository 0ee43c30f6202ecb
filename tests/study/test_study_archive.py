"""A study goes through a zip, and a hostile zip does no harm."""

import io
import zipfile
from pathlib import Path

import pytest
from study_folders import recording, study_with, write_faces

from emotion_core.errors import InputError, OutputError
from emotion_core.study.folder import Study

TOML = b'format = 1\n[study]\nname = "x"\n'


def zipped(path: Path, files: dict[str, bytes], compressed: bool = True) -> Path:
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_a_study_comes_out_of_its_zip_as_it_was(tmp_path: Path) -> None:
    study = study_with(tmp_path / "one", [recording("Müller 1", group="a,b")])
    write_faces(study.folder / "recordings" / "Müller 1", 10.0)
    (study.folder / ".study.lock").touch()
    (study.folder / "link.csv").symlink_to(__file__)
    path = tmp_path / "study.zip"
    path.write_bytes(b"".join(study.zip_pieces()))
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "A study/events.csv",
            "A study/recordings.csv",
            "A study/recordings/Müller 1/faces.csv",
            "A study/study.toml",
        ]
    again = Study.unzip(path, tmp_path / "new" / "two")
    assert (again.name, again.recordings) == (study.name, study.recordings)
    assert again.results_folder(again.recordings[0]) is not None
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["two"]
    with pytest.raises(InputError, match="exists already"):
        Study.unzip(path, again.folder)


def test_the_uppermost_study_of_a_zip_counts(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "x.zip",
        {
            "lab/study.toml": TOML,
            "lab/videos/a.mp4": b"a",
            "lab/old/study.toml": b"format = 9",
            "__MACOSX/lab/._study.toml": b"\0",
            "readme.txt": b"no part of it",
        },
    )
    (tmp_path / "out").mkdir()
    study = Study.unzip(path, tmp_path / "out")
    found = sorted(p.relative_to(study.folder).as_posix() for p in study.folder.rglob("*.*"))
    assert found == ["old/study.toml", "study.toml", "videos/a.mp4"]


def _link() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("study.toml", TOML)
        info = zipfile.ZipInfo("readings")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc")
    return data.getvalue()


def _cut_short(tmp_path: Path) -> bytes:
    path = zipped(tmp_path / "w.zip", {"study.toml": TOML, "a.csv": b"x" * 5000}, compressed=False)
    return path.read_bytes().replace(b"x" * 4000, b"y" * 4000)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.txt": b""}, "holds no study"),
        ({"study.toml": TOML, "../x": b""}, "outside of itself"),
        ({"study.toml": TOML, "/x": b""}, "outside of itself"),
        ({"study.toml": TOML, "a\\..\\..\\x": b""}, "outside of itself"),
        ({"study.toml": TOML, "C:/x": b""}, "outside of itself"),
        ({"study.toml": TOML, "a.csv": b"0" * 60_000_000}, "No study shrinks so far"),
    ],
)
def test_a_zip_that_is_refused_leaves_nothing(
    files: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "x.zip", files)
    with pytest.raises(InputError, match=words):
        Study.unzip(path, tmp_path / "out" / "study")
    assert not list((tmp_path / "out").iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "x.zip"]


def test_damaged_zips_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    for data, words in (
        (b"", "cannot be unpacked"),
        (b"PK\x05\x06" + b"\xff" * 40, "cannot be unpacked"),
        (_link(), "holds a link"),
        (_cut_short(tmp_path), "cannot be unpacked"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=words):
            Study.unzip(path, tmp_path / "study")
        assert not (tmp_path / "study").exists()
    with pytest.raises(InputError, match="cannot be read"):
        Study.unzip(tmp_path / "missing.zip", tmp_path / "study")


def test_a_zip_with_a_file_for_a_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"study.toml": TOML, "a": b"", "a/b": b""})
    with pytest.raises(OutputError, match="could not be written"):
        Study.unzip(path, tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_list_of_files_that_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion_core.study.archive._MOST_LIST_BYTES", 1000)
    files = {"study.toml": TOML, **{f"{n}.csv": b"" for n in range(100)}}
    path = zipped(tmp_path / "x.zip", files)
    with pytest.raises(InputError, match="more files than a study can have"):
        Study.unzip(path, tmp_path / "study")
    monkeypatch.undo()
    monkeypatch.setattr("emotion_core.study.archive._MOST_FILES", 50)
    with pytest.raises(InputError, match="more than 50 files"):
        Study.unzip(path, tmp_path / "study")
