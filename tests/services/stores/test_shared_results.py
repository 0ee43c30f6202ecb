"""Results, uploads and edits that one replica made are those of the other, too."""

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import pytest
from jobs_driver import MODEL, ended, folder_of, state_of, wait
from replica_driver import replica

from emotion_core.errors import OutputError, StoreError
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import JobState
from emotion_core.jobs.shared_store import SharedJobStore
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import change_edits, load_edits

# Writes what an analysis does, as far as the store is concerned.
MAKES = """
import hashlib, json, pathlib, sys
for given in sys.argv[2:]:
    out = pathlib.Path(sys.argv[1], pathlib.Path(given).stem)
    (out / "moments").mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256(pathlib.Path(given).read_bytes()).hexdigest()
    (out / "summary.json").write_text(json.dumps({"source": {"sha256": sha}}))
    (out / "faces.csv").write_text("frame,time_s")
    (out / "moments" / "1.jpg").write_bytes(b"picture")
    (out / "preview.jpg").write_bytes(b"not shared")
    told = {"event": "progress", "file": given, "folder": str(out), "status": "done"}
    print(json.dumps(told), flush=True)
print('{"event": "end"}', flush=True)
"""
REDRAWS = """
import pathlib, sys
out = next(pathlib.Path(sys.argv[1]).iterdir())
(out / "edited_1.mp4").write_bytes((out / "edits.json").read_bytes())
print('{"event": "end"}', flush=True)
"""


@pytest.fixture
def here(tmp_path: Path, database: str, bucket: str) -> SharedJobStore:
    """A replica that runs the jobs."""
    store = replica(tmp_path / "here", database, bucket)
    keep_starting(store)
    return store


@pytest.fixture
def there(tmp_path: Path, database: str, bucket: str) -> Iterator[SharedJobStore]:
    """A replica that looks."""
    store = replica(tmp_path / "there", database, bucket)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_take", lambda: None)
        yield store


def made(here: SharedJobStore, owner: str = "me") -> JobState:
    given = here.add_input("clip.mp4", io.BytesIO(b"film"))
    state = wait(here, here.start([given], [MAKES], MODEL, owner), ended, 20)
    assert state.status == "done"
    return state


def objects(bucket: str) -> list[str]:
    fs, root = fsspec.core.url_to_fs(bucket)
    fs.invalidate_cache()
    return [str(path) for path in fs.find(root)]


def test_results_are_opened_on_another_replica(
    here: SharedJobStore, there: SharedJobStore, tmp_path: Path
) -> None:
    state = made(here)
    seen = state_of(there, state.job_id)
    assert (seen.status, seen.files[0].name) == ("done", "clip.mp4")
    folder = folder_of(seen.files[0])
    assert folder.is_relative_to(tmp_path / "there")
    assert not folder.exists(), "nothing is copied before it is wanted"
    assert there.fetch(state.job_id) == []
    assert (folder / "faces.csv").read_text() == "frame,time_s"
    assert (folder / "moments/1.jpg").read_bytes() == b"picture"
    assert not (folder / "preview.jpg").exists()
    video = there.video_of(state.job_id, folder)
    assert video is not None
    assert video.is_relative_to(tmp_path / "there")
    assert video.read_bytes() == b"film"


def test_jobs_are_asked_about_all_at_once(
    there: SharedJobStore, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there, "_start_soon", lambda: None)
    given = there.add_input("clip.mp4", io.BytesIO(b"film"))
    ids = [there.start([given], [str(n)], MODEL) for n in range(4)]
    there.delete(ids[1])
    statements.clear()
    wanted = [ids[2], ids[1], ids[0], "unknown", ids[3]]
    assert [state.job_id for state in there.states(wanted)] == [ids[2], ids[0], ids[3]]
    assert len(statements) == 1
    assert there.states([]) == []


def test_what_one_replica_deletes_is_gone_everywhere(
    here: SharedJobStore, there: SharedJobStore, bucket: str, tmp_path: Path
) -> None:
    state = made(here)
    there.fetch(state.job_id)
    assert len(objects(bucket)) == 4
    there.delete(state.job_id)
    assert objects(bucket) == []
    assert here.state(state.job_id) is None
    wait_until_gone = threading.Event()
    for _ in range(100):
        here.start_waiting()
        left = [p for p in tmp_path.glob("*/jobs/**/*") if p.is_file()]
        if not left:
            break
        wait_until_gone.wait(0.1)
    assert left == []
    assert not list((tmp_path / "there").glob("incoming/*/clip.mp4"))
    there.delete(state.job_id)


def test_an_upload_stays_as_long_as_a_job_uses_it(
    here: SharedJobStore, there: SharedJobStore, bucket: str
) -> None:
    mine, yours = made(here, "me"), made(here, "you")
    here.delete(mine.job_id)
    there.fetch(yours.job_id)
    folder = folder_of(state_of(there, yours.job_id).files[0])
    assert there.video_of(yours.job_id, folder) is not None
    assert (folder / "faces.csv").is_file(), "taken over from the job that is gone"
    awaited = there.add_input("clip.mp4", io.BytesIO(b"film"))
    here.delete(yours.job_id)
    assert len(objects(bucket)) == 1
    job_id = there.start([awaited], [MAKES], MODEL, "them")
    assert wait(here, job_id, ended, 20).status == "done"
    here.delete(job_id)
    assert objects(bucket) == []


def test_edits_of_two_replicas_at_once_are_all_kept(
    here: SharedJobStore, there: SharedJobStore
) -> None:
    state = made(here)
    there.fetch(state.job_id)
    folders = [s.results_of(state.job_id) / "clip" for s in (here, there)]

    def mark(number: int) -> None:
        marker = Marker(float(number), float(number), str(number))
        change_edits(folders[number % 2], lambda edits: edits.add_marker(marker))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(mark, range(24)))
    for folder in folders:
        assert {m.label for m in load_edits(folder).markers} == {str(n) for n in range(24)}
    change_edits(folders[0], lambda edits: edits.rename(1, "Ada"))
    assert load_edits(folders[1]).names == {1: "Ada"}


def test_a_change_that_the_database_does_not_keep_is_not_in_the_file(
    here: SharedJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(made(here).files[0])
    change_edits(folder, lambda edits: edits.rename(1, "Ada"))

    def fail(*_: Any) -> None:
        raise StoreError("the database is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(here.edits, "_keep", fail)
        with pytest.raises(OutputError, match="could not be kept: the database is gone"):
            change_edits(folder, lambda edits: edits.rename(1, "Bea"))
    assert json.loads((folder / "edits.json").read_text())["names"] == {"1": "Ada"}
    assert load_edits(folder).names == {1: "Ada"}


def test_edits_of_deleted_results_are_refused(here: SharedJobStore, there: SharedJobStore) -> None:
    state = made(here)
    there.fetch(state.job_id)
    here.delete(state.job_id)
    with pytest.raises(OutputError, match="these results were deleted"):
        change_edits(there.results_of(state.job_id) / "clip", lambda _: Edits(names={1: "Ada"}))


def test_work_on_finished_results_has_the_newest_edits_and_is_shared(
    here: SharedJobStore, there: SharedJobStore
) -> None:
    state = made(here)
    there.fetch(state.job_id)
    folder = there.results_of(state.job_id) / "clip"
    change_edits(folder, lambda edits: edits.rename(1, "Ada"))
    begun = there.start_after(state.job_id, folder, [REDRAWS], "edited_1")
    assert begun is not None
    assert wait(there, begun.job_id, ended, 20).status == "done"
    assert there.after(state.job_id, folder, "edited_1") is not None
    there.fetch(state.job_id)
    assert b"Ada" in (folder / "edited_1.mp4").read_bytes()
    # Other visitors do not get what a person has made.
    yours = made(here, "you")
    there.fetch(yours.job_id)
    assert not (there.results_of(yours.job_id) / "clip/edited_1.mp4").exists()
    there.delete(state.job_id)
    assert there.state(begun.job_id) is None


def test_a_file_that_the_object_store_lost_is_named_and_the_rest_works(
    here: SharedJobStore, there: SharedJobStore, bucket: str
) -> None:
    state = made(here)
    (lost,) = (f for f in here.files.listed(state.job_id) if f.path.endswith(".jpg"))
    fs, root = fsspec.core.url_to_fs(bucket)
    fs.rm_file(f"{root}/{lost.object}")
    assert there.fetch(state.job_id) == ["1.jpg"]
    folder = there.results_of(state.job_id) / "clip"
    assert (folder / "faces.csv").is_file()
    assert state_of(there, state.job_id).status == "done"
    assert (here.results_of(state.job_id) / "clip/moments/1.jpg").is_file()


def test_the_newest_frame_is_seen_on_other_replicas_while_the_job_runs(
    here: SharedJobStore, there: SharedJobStore
) -> None:
    begun = MAKES.split('    (out / "moments")')[0] + (
        "    out.mkdir(parents=True); (out / 'preview.jpg').write_bytes(b'frame')\n"
        "    told = {'event': 'progress', 'file': given, 'folder': str(out), 'status': 'running'}\n"
        "    print(json.dumps(told), flush=True)\n"
        "    import time; time.sleep(60)\n"
    )
    given = here.add_input("clip.mp4", io.BytesIO(b"film"))
    job_id = here.start([given], [begun], MODEL)
    picture = there.results_of(job_id) / "clip" / "preview.jpg"
    wait(there, job_id, lambda _: picture.is_file(), 20)
    assert picture.read_bytes() == b"frame"
    there.cancel(job_id)
    assert wait(there, job_id, ended, 20).status == "cancelled"
    assert there.index.preview(job_id) is None
    there.fetch(job_id)
    assert not picture.exists()


def test_a_lost_upload_is_mended_by_uploading_it_again(
    here: SharedJobStore, there: SharedJobStore, bucket: str
) -> None:
    fs, root = fsspec.core.url_to_fs(bucket)
    given = there.add_input("clip.mp4", io.BytesIO(b"film"))
    (upload,) = there.files.listed("")
    fs.rm_file(f"{root}/{upload.object}")
    job_id = there.start([given], [MAKES], MODEL)
    state = wait(here, job_id, ended, 20)
    assert state.status == "failed"
    there.add_input("clip.mp4", io.BytesIO(b"film"))
    there.restart(job_id)
    assert wait(here, job_id, ended, 20).status == "done"


def test_sqlite_and_a_folder_do_for_replicas_on_one_machine(tmp_path: Path) -> None:
    urls = f"sqlite:///{tmp_path}/lab.db", f"file://{tmp_path}/files"
    here, there = (replica(tmp_path / name, *urls) for name in ("here", "there"))
    keep_starting(here)
    state = made(here)
    assert there.fetch(state.job_id) == []
    folder = there.results_of(state.job_id) / "clip"
    change_edits(folder, lambda edits: edits.rename(1, "Ada"))
    assert load_edits(folder_of(state.files[0])).names == {1: "Ada"}
    there.delete(state.job_id)
    assert [f.name for f in (tmp_path / "files").rglob("*") if f.is_file()] == []


def test_what_is_old_is_deleted_once_for_all(
    here: SharedJobStore, there: SharedJobStore, bucket: str
) -> None:
    state = made(here)
    assert there.clean_up() == 0
    assert state_of(there, state.job_id).status == "done"
    assert there.clean_up(now_s=time.time() + 25 * 3600) == 1
    assert here.state(state.job_id) is None
    assert objects(bucket) == []
