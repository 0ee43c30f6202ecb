"""What a visitor can download of one result."""

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest
from made_results import write_faces

from emotion_core.errors import InputError, MissingDependencyError
from emotion_core.reports.archive import ResultDownloads
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import save_edits


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_faces(tmp_path)


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


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
@pytest.mark.parametrize("download", ["everything", "report"])
def test_what_the_report_needs_is_named_where_it_is_missing(
    faces: Path, monkeypatch: pytest.MonkeyPatch, package: str, download: str
) -> None:
    monkeypatch.delitem(sys.modules, "emotion_core.reports.video_report", raising=False)
    for name in [name for name in sys.modules if name.startswith("emotion_core.charts.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    make = getattr(ResultDownloads(faces.parent, "a.mp4"), download)
    with pytest.raises(MissingDependencyError, match=rf"{package}.*pip install 'emotion-lab"):
        next(make())
