"""Paths and URLs of the command line, and results that are published as a whole."""

import errno
import json
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock, Timeout

from emotion_core.batch import cluster_reader, cluster_seat, scratch
from emotion_core.batch.cluster_options import ClusterOptions
from emotion_core.batch.locations import Url, location
from emotion_core.batch.one_video import BatchOptions, VideoReader
from emotion_core.batch.staged import StagedReader
from emotion_core.batch.stores import FolderStore
from emotion_core.cli import main
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.media.write import sample_video
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import load_edits, save_edits
from emotion_core.results.paths import read_summary
from emotion_core.video.analyze import Source, is_finished
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 0.4, 10.0)


@pytest.mark.parametrize(
    ("text", "name", "stem"),
    [
        ("s3://bucket/in/a clip.mp4", "a clip.mp4", "a clip"),
        ("s3://bucket/in/50%20.mp4", "50%20.mp4", "50%20"),
        ("gs://bucket/folder/", "folder", "folder"),
        ("https://host.example/v/talk%201.mp4?key=/x.mov#t=3", "talk 1.mp4", "talk 1"),
    ],
)
def test_a_url_has_a_name(text: str, name: str, stem: str) -> None:
    url = location(text)
    assert isinstance(url, Url)
    assert (str(url), url.name, url.stem) == (text, name, stem)


def test_below_a_url() -> None:
    assert Url("s3://bucket/out/") / "clip" / "faces.csv" == "s3://bucket/out/clip/faces.csv"


@pytest.mark.parametrize("text", ["clips/a.mp4", "C:\\clips\\a.mp4", "12:30.mp4", "a//b.mp4"])
def test_all_else_is_a_path(text: str) -> None:
    assert location(text) == Path(text)


def test_a_file_url_is_a_path() -> None:
    assert location("file:///data/a%20b.mp4") == Path("/data/a b.mp4")


@pytest.mark.parametrize("text", ["s3://", "s3:///", "file://elsewhere/a.mp4"])
def test_urls_that_name_nothing_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        location(text)


@pytest.mark.parametrize("address", ["nonsense", "ray://10.0.0.1:10001", "10.0.0.1", ":6379"])
def test_addresses_that_cannot_be_are_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="HOST:PORT"):
        ClusterOptions(address, Path("out"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--address", "10.0.0.1:6379"], "--engine ray"),
        (["--engine", "ray", "--preview"], "--preview"),
        (["--engine", "ray", "--redraw"], "--redraw"),
        (["--engine", "ray", "--pieces", "2"], "--pieces"),
        (["--out", "s3://bucket/out", "--pieces", "2"], "--pieces"),
        (["--engine", "ray", "--address", "nonsense"], "HOST:PORT"),
        (["--out", "https://host.example/out"], "a web server takes no results"),
        (["--out", "s3://bucket/out", "--redraw"], "--redraw"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(
    clip: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(clip), "--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "words"),
    [("ray", ["CLIP", "--engine", "ray"]), ("fsspec", ["s3://bucket/clip.mp4"])],
)
def test_a_missing_package_is_named_with_its_extra(
    clip: Path,
    tmp_path: Path,
    package: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for name in ("cluster", "cluster_bridge", "url_store"):
        monkeypatch.delitem(sys.modules, f"emotion_core.batch.{name}", raising=False)
    words = [str(clip) if word == "CLIP" else word for word in words]
    assert main(["analyze", *words, "--out", str(tmp_path / "out")]) == 1
    assert f"{package} is not installed" in (told := capsys.readouterr().err)
    assert "pip install 'emotion-lab[cluster]'" in told


def read(clip: Path, folder: Path, **options: Any) -> dict[str, Any]:
    reader = StagedReader(VideoReader(BatchOptions(**options)), always=True)
    source = reader.examine(clip)
    outcome = reader.analyse(source, folder, Hooks())
    reader.close()
    return outcome


TABLE = VideoOptions(annotate=False)


def test_a_published_result_is_the_same_as_one_written_in_place(clip: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "there" / "clip", tmp_path / "here" / "clip"
    outcome = read(clip, there)
    assert (outcome["status"], outcome["file"], outcome["folder"]) == (
        "done",
        str(clip),
        str(there),
    )
    reader = VideoReader(BatchOptions())
    source = reader.examine(clip)
    reader.analyse(source, here, Hooks())
    names = {p.relative_to(here).as_posix() for p in here.rglob("*") if p.is_file()}
    assert names == {p.relative_to(there).as_posix() for p in there.rglob("*") if p.is_file()}
    for name in names - {"summary.json"}:
        assert (here / name).read_bytes() == (there / name).read_bytes()
    assert is_finished(there, reader.key_of(clip, source.sha256))
    assert read(clip, there)["status"] == "skipped"
    assert read(clip, there, force=True)["status"] == "done"


def test_what_people_decided_survives_a_new_analysis(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    read(clip, folder)
    edits = Edits(markers=(Marker(0.2, 0.2, "laugh"),)).rename(1, "Ada")
    save_edits(folder, edits)
    assert (folder / "annotated.mp4").is_file()
    read(clip, folder, force=True)
    assert load_edits(folder) == edits
    read(clip, folder, video=TABLE)
    assert not (folder / "annotated.mp4").exists(), "the clip of the earlier analysis"
    assert load_edits(folder) == Edits(markers=edits.markers), "as where it is read in place"


def test_edits_made_while_a_video_is_read_are_kept(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    read(clip, folder, video=TABLE)
    save_edits(folder, Edits().rename(1, "Ada"))
    reader = StagedReader(VideoReader(BatchOptions(video=TABLE, force=True)), always=True)
    source = reader.examine(clip)
    renamed = Edits().rename(1, "Grace")
    reader.analyse(source, folder, Hooks(progress=lambda _: save_edits(folder, renamed)))
    assert load_edits(folder) == renamed


def test_a_stopped_analysis_publishes_nothing(clip: Path, tmp_path: Path) -> None:
    reader = StagedReader(VideoReader(BatchOptions(video=TABLE)), always=True)
    source = reader.examine(clip)
    outcome = reader.analyse(source, tmp_path / "clip", Hooks(stop=lambda: True))
    assert outcome["status"] == "cancelled"
    assert "nothing of it was kept" in outcome["message"]
    assert not (tmp_path / "clip").exists()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A result that waits for its publication."""
    folder = tmp_path / "work"
    (folder / "moments").mkdir(parents=True)
    for name in ("faces.csv", "summary.json", "moments/1.jpg"):
        (folder / name).write_text(f"new {name}")
    return folder


NAMES = ["faces.csv", "moments/1.jpg", "summary.json"]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in ("faces.csv", "summary.json", "annotated.mp4", "codes.csv"):
        (folder / name).write_text(f"old {name}")
    return folder


def contents(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_text() for p in files}


def test_an_earlier_result_is_replaced_as_a_whole(work: Path, earlier: Path) -> None:
    FolderStore().publish(work, NAMES, earlier)
    assert contents(earlier) == contents(work) | {"codes.csv": "old codes.csv"}


def test_a_full_disk_leaves_the_earlier_result(
    work: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    copy = shutil.copyfile

    def copyfile(source: Path, target: Path) -> None:
        if copied:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copied.append(source.name)
        copy(source, target)

    before = contents(earlier)
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(OutputError, match="disk is full"):
        FolderStore().publish(work, NAMES, earlier)
    assert contents(earlier) == before
    assert not list(earlier.glob(".*"))


@pytest.mark.parametrize("after", range(3))
def test_a_publication_that_is_cut_off_is_not_finished(
    work: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    replaced: list[str] = []
    replace = Path.replace

    def cut_off(self: Path, target: Path) -> Path:
        if len(replaced) == after:
            raise KeyboardInterrupt
        replaced.append(self.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        FolderStore().publish(work, NAMES, earlier)
    assert not (earlier / "summary.json").exists()


def test_a_machine_that_does_not_share_the_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_reader, "_PATIENCE_S", 0.0)
    setup = cluster_reader.packed_setup(BatchOptions(), tmp_path / ".token")
    with pytest.raises(InputError, match="is not shared with this machine"):
        cluster_reader.ClusterReader(setup, "node-3")


def test_the_network_comes_along(clip: Path, tmp_path: Path) -> None:
    """A machine may have other models, or none."""
    (tmp_path / ".token").touch()
    setup = cluster_reader.packed_setup(BatchOptions(), tmp_path / ".token")
    assert sum(map(len, setup.files.values())) < 5e6
    reader = cluster_reader.ClusterReader(setup, "node-3")
    key = VideoReader(BatchOptions()).key_of(clip, "0" * 64)
    assert reader._reader._reader.key_of(clip, "0" * 64) == key
    used = reader._scratch.root
    assert (used / "models").is_dir()
    reader.close()
    assert not used.exists()


@pytest.mark.parametrize("case", ["missing", "other version", "no room"])
def test_a_machine_that_cannot_read_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    (tmp_path / ".token").touch()
    setup = pickle.dumps(cluster_reader.packed_setup(BatchOptions(), tmp_path / ".token"))
    context = SimpleNamespace(get_node_id=lambda: "abc")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))
    code = cluster_reader.code_digest()
    if case == "missing":
        monkeypatch.setitem(sys.modules, "emotion_core.batch.cluster_reader", None)
    if case == "no room":
        monkeypatch.setattr(cluster_reader, "_LEAST_ROOM", 1 << 60)
    seat = cluster_seat.Seat()
    node, host, why = seat.open("other" if case == "other version" else code, setup)
    assert node == "abc"
    assert why.startswith(f"{host}: ")
    expected = {
        "missing": "emotion-lab is not installed",
        "other version": "another version of emotion-lab",
        "no room": "MB left",
    }
    assert expected[case] in why


def test_working_files_of_killed_processes_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living, dead = scratch.Scratch(), scratch.Scratch()
    kept, left = living.root, dead.root
    assert dead._lock is not None
    dead._lock.release()
    (left / ".lock").touch()
    third = scratch.Scratch()
    assert third.root.is_dir()
    assert kept.is_dir()
    assert not left.exists()
    for each in (living, third):
        each.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", ["held", "gone"])
def test_a_folder_that_is_deleted_before_it_is_locked_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    swept: list[Path] = []
    acquire = FileLock.acquire

    def acquire_late(self: Any, *arguments: Any, **options: Any) -> Any:
        if swept:
            return acquire(self, *arguments, **options)
        root = Path(self.lock_file).parent
        swept.append(root)
        locked = acquire(self, *arguments, **options)
        shutil.rmtree(root)
        if when == "held":
            self.release()
            raise Timeout(self.lock_file)
        return locked

    monkeypatch.setattr(FileLock, "acquire", acquire_late)
    made = scratch.Scratch()
    assert made.root not in swept
    assert made.root.is_dir()
    made.close()


def test_results_of_a_folder_tell_of_their_source(clip: Path, tmp_path: Path) -> None:
    read(clip, tmp_path / "clip", video=TABLE)
    assert read_summary(tmp_path / "clip")["source"]["name"] == "clip.mp4"
    assert json.loads((tmp_path / "clip" / "summary.json").read_text())["status"] == "done"
    assert isinstance(StagedReader(VideoReader(BatchOptions())).examine(clip), Source)
