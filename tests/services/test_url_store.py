"""Stores behind URLs: order of publication, listings, and what is said when one fails."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'emotion-lab[cluster]'")
pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'emotion-lab[cluster]'")

import fsspec

from emotion_core.batch.inputs import find_videos
from emotion_core.batch.locations import Url
from emotion_core.batch.one_video import BatchOptions, VideoReader
from emotion_core.batch.staged import StagedReader
from emotion_core.batch.url_store import UrlStore
from emotion_core.cli import main
from emotion_core.errors import InputError, OutputError
from emotion_core.media.write import sample_video
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks

NAMES = ["faces.csv", "summary.json", "moments/1.jpg"]


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "moments").mkdir()
    for name in NAMES:
        (tmp_path / name).write_text(f"new {name}")
    return tmp_path


def test_a_result_has_its_summary_last(
    memory: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("faces.csv", "summary.json", "annotated.mp4", "notes.txt"):
        memory.pipe_file(f"/out/clip/{name}", b"old")
    there: list[set[str]] = []
    put = type(memory).put_file

    def put_file(self: Any, *arguments: Any, **options: Any) -> None:
        there.append({path.rpartition("/")[2] for path in memory.find("/out/clip")})
        put(self, *arguments, **options)

    monkeypatch.setattr(type(memory), "put_file", put_file)
    UrlStore("memory").publish(work, NAMES, Url("memory://out/clip"))
    assert len(there) == 3
    assert not any("summary.json" in names for names in there), "removed first, written last"
    assert not any("annotated.mp4" in names for names in there), "of the earlier result"
    assert set(memory.find("/out/clip")) == {f"/out/clip/{name}" for name in [*NAMES, "notes.txt"]}


def test_a_store_that_fails_in_between_holds_no_finished_result(
    memory: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/out/clip/summary.json", b"old")
    monkeypatch.setattr(type(memory), "put_file", _fails)
    with pytest.raises(OutputError, match=r"memory://out/clip/faces.csv: .*did not answer"):
        UrlStore("memory").publish(work, NAMES, Url("memory://out/clip"))
    assert not memory.exists("/out/clip/summary.json")


def _fails(*_: Any, **__: Any) -> None:
    raise ConnectionResetError("reset by peer")


def test_a_video_is_fetched_once_and_published(memory: Any, tmp_path: Path) -> None:
    clip = sample_video(tmp_path / "clip.mp4", 0.3, 10.0)
    memory.pipe_file("/in/clip.mp4", clip.read_bytes())
    options = BatchOptions(video=VideoOptions(annotate=False))
    reader = StagedReader(VideoReader(options))
    source = reader.examine(Url("memory://in/clip.mp4"))
    memory.rm_file("/in/clip.mp4")
    outcome = reader.analyse(source, Url("memory://out/clip"), Hooks())
    assert (outcome["status"], outcome["file"]) == ("done", "memory://in/clip.mp4")
    assert memory.exists("/out/clip/summary.json")
    outcome = reader.analyse(source, Url("memory://out/clip"), Hooks())
    assert outcome["status"] == "skipped"
    reader.close()


def test_nothing_is_left_of_a_video_that_did_not_come_whole(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/in/clip.mp4", b"a video")

    def get_file(_: Any, __: str, target: str) -> None:
        Path(target).write_bytes(b"a vi")
        _fails()

    monkeypatch.setattr(type(memory), "get_file", get_file)
    reader = StagedReader(VideoReader(BatchOptions()))
    with pytest.raises(InputError, match="did not answer"):
        reader.examine(Url("memory://in/clip.mp4"))
    assert [p.name for p in reader._scratch.root.rglob("*")] == [".lock"]
    reader.close()


def test_results_are_not_read_again(memory: Any) -> None:
    for path in (
        "/a/x.mp4",
        "/a/b/y.MOV",
        "/a/b/.z.mp4",
        "/a/r/annotated.mp4",
        "/a/r/summary.json",
    ):
        memory.pipe_file(path, b"1")
    found = list(find_videos([Url("memory://a/"), Url("memory://a/x.mp4")]))
    assert found == ["memory://a/x.mp4", "memory://a/b/y.MOV"]


def test_ten_thousand_files_that_are_no_videos_are_one_sentence(
    memory: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10_000):
        memory.pipe_file(f"/junk/{number}.txt", b"")
    assert main(["analyze", "memory://junk", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == ["junk: failed · memory://junk holds no video (10,000 other files)."]


def test_missing_credentials_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert main(["analyze", "s3://lab/in", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "s3://lab/in: no credentials were found. Set AWS_ACCESS_KEY_ID" in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing://lab/in", "is not a kind of URL that can be read"),
        ("gs://lab/in", "gs:// needs a package that is missing"),
    ],
)
def test_unknown_kinds_of_urls_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, said: str
) -> None:
    assert main(["analyze", url, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


def test_a_web_server_gives_single_files_and_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample_video(tmp_path / "clip.mp4", 0.3, 10.0)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        at = f"http://127.0.0.1:{server.server_address[1]}"
        urls = [f"{at}/clip.mp4?key=1", f"{at}/secret.mp4", f"{at}/none.mp4"]
        words = [*urls, "http://127.0.0.1:9/off.mp4", "--out", str(tmp_path / "out")]
        assert main(["analyze", *words, "--no-annotate", "--jobs", "1"]) == 1
        server.shutdown()
        thread.join()
    assert (tmp_path / "out" / "clip" / "summary.json").is_file()
    said = capsys.readouterr().err
    assert "none.mp4: there is no such file." in said
    assert "secret.mp4: access was denied" in said
    assert "off.mp4: the store did not answer" in said


class Quiet(SimpleHTTPRequestHandler):
    """Prints nothing, and keeps one file to itself."""

    def log_message(self, *_: Any) -> None: ...

    def send_head(self) -> Any:
        if "secret" not in self.path:
            return super().send_head()
        return self.send_error(403)
