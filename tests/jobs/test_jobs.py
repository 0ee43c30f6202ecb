"""The life of a job: to its results, asked for again, cancelled, deleted."""

import io
import json
import os
import time
from pathlib import Path

import psutil
from jobs_driver import (
    FAST,
    MODEL,
    ended,
    files_below,
    folder_of,
    makes_progress,
    state_of,
    upload,
    wait,
)

from emotion_core.config import PROJECT_ROOT
from emotion_core.jobs.log import CANCELLED, DONE
from emotion_core.jobs.store import JobStore
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import load_edits, save_edits


def test_jobs_are_found_by_their_owner_alone(store: JobStore, clip: Path) -> None:
    given = [upload(store, clip)]
    first = store.start(given, FAST, MODEL, "anna")
    second = store.start(given, [*FAST, "--largest-face"], MODEL, "anna")
    third = store.start(given, FAST, MODEL, "bert")
    assert sorted(store.jobs_of("anna")) == sorted([first, second])
    assert store.jobs_of("bert") == [third]
    assert store.jobs_of("") == []
    for file in (store.results_of(i).parent / "job.json" for i in (first, third)):
        assert "anna" not in file.read_text("utf-8")


def test_a_job_runs_to_its_results(store: JobStore, clip: Path, tmp_path: Path) -> None:
    name = '../it\'s "odd"\n😀.mp4'
    job_id = store.start([upload(store, clip, name)], FAST, MODEL)
    state = wait(store, job_id, ended)
    assert (state.status, state.fraction) == (DONE, 1.0)
    (file,) = state.files
    assert file.name == name
    assert (folder_of(file) / "faces.csv").is_file()
    assert folder_of(file).resolve().is_relative_to((tmp_path / "work").resolve())
    assert {p.name for p in tmp_path.iterdir()} == {"work"}


def test_identical_jobs_are_answered_from_the_results(store: JobStore, clip: Path) -> None:
    first = store.start([upload(store, clip)], FAST, MODEL)
    wait(store, first, ended)
    made = (store.results_of(first) / "clip" / "faces.csv").stat().st_mtime_ns
    again = store.start([upload(store, clip)], FAST, MODEL)
    assert again == first
    assert state_of(store, again).status == DONE
    assert (store.results_of(first) / "clip" / "faces.csv").stat().st_mtime_ns == made
    assert store.start([upload(store, clip)], FAST, {**MODEL, "sha256": "y"}) != first
    assert store.start([upload(store, clip)], ["--no-annotate"], MODEL) != first


def test_another_visitor_gets_the_results_but_not_the_names(store: JobStore, clip: Path) -> None:
    first = store.start([upload(store, clip)], FAST, MODEL, "one visitor")
    wait(store, first, ended)
    folder = store.results_of(first) / "clip"
    save_edits(folder, Edits().rename(1, "Ada"))
    for name in ("edited_0123456789ab.mp4", ".edited_0123456789ab.part.mp4", "preview.jpg"):
        (folder / name).write_bytes(b"her name in every picture")
    second = store.start([upload(store, clip)], FAST, MODEL, "another visitor")
    assert second != first
    wait(store, second, ended)
    assert state_of(store, second).status == DONE
    own = store.results_of(second) / "clip"
    assert (own / "faces.csv").samefile(folder / "faces.csv"), "nothing was read twice"
    assert load_edits(own) == Edits()
    assert not any(b"her name" in file.read_bytes() for file in own.rglob("*") if file.is_file())
    store.delete(first)
    assert state_of(store, second).status == DONE
    assert len((own / "faces.csv").read_text().splitlines()) > 1


def test_more_work_on_results_leaves_the_job_as_it_is(store: JobStore, clip: Path) -> None:
    job_id = store.start([upload(store, clip)], [], MODEL, "one visitor")
    wait(store, job_id, ended)
    folder = store.results_of(job_id) / "clip"
    save_edits(folder, Edits().rename(1, "Ada"))
    assert store.after(job_id, folder, "k") is None
    begun = store.start_after(job_id, folder, ["--redraw"], "k")
    assert begun is not None
    assert begun.running
    assert state_of(store, job_id).status == DONE, "what was found stays in view"
    assert wait(store, begun.job_id, ended).status == DONE
    later = store.after(job_id, folder, "k")
    assert later is not None
    assert later.job_id == begun.job_id
    assert len(list(folder.glob("edited_*.mp4"))) == 1
    assert store.jobs_of("one visitor") == [job_id]
    store.delete(job_id)
    assert store.state(begun.job_id) is None
    assert not [p for p in store.results_of(job_id).parents[2].rglob("*") if p.is_file()]


def test_nothing_is_begun_without_the_video(store: JobStore, clip: Path) -> None:
    given = upload(store, clip)
    job_id = store.start([given], [], MODEL)
    wait(store, job_id, ended)
    Path(given.path).unlink()
    folder = store.results_of(job_id) / "clip"
    assert store.start_after(job_id, folder, ["--redraw"], "k") is None


def test_what_has_just_been_changed_or_still_waits_is_not_old(store: JobStore, clip: Path) -> None:
    job_id = store.start([upload(store, clip)], FAST, MODEL)
    wait(store, job_id, ended)
    folder = store.results_of(job_id).parent
    long_ago = time.time() - 100 * 3600
    for file in folder.rglob("*"):
        os.utime(file, (long_ago, long_ago))
    save_edits(folder / "results" / "clip", Edits().rename(1, "Ada"))
    assert store.clean_up() == 0
    os.utime(folder / "results" / "clip" / "edits.json", (long_ago, long_ago))
    (folder / "process.json").rename(folder / "kept")
    assert store.clean_up() == 0, "it waits for its turn"
    (folder / "kept").rename(folder / "process.json")
    assert store.clean_up() == 1


def test_deleting_leaves_the_same_bytes_under_another_name(store: JobStore, clip: Path) -> None:
    first = store.start([upload(store, clip, "a.mp4")], FAST, MODEL, "one visitor")
    other = upload(store, clip, "b.mp4")
    store.start([other], FAST, MODEL, "another visitor")
    store.delete(first)
    assert Path(other.path).is_file()


def test_cancel_keeps_what_is_done(store: JobStore, long_clip: Path) -> None:
    job_id = store.start([upload(store, long_clip)], ["--no-annotate"], MODEL)
    wait(store, job_id, makes_progress)
    store.cancel(job_id)
    state = wait(store, job_id, ended)
    assert state.status == CANCELLED
    assert "kept" in state.message
    folder = folder_of(state.files[0])
    assert json.loads((folder / "summary.json").read_text())["status"] == "cancelled"
    assert (folder / "faces.csv").stat().st_size > 300
    assert not [p for p in files_below(folder) if ".part" in p.name or p.name == "preview.jpg"]


def test_an_earlier_server_s_job_is_found_again(
    store: JobStore, long_clip: Path, tmp_path: Path
) -> None:
    job_id = store.start([upload(store, long_clip)], ["--no-annotate"], MODEL)
    wait(store, job_id, makes_progress)
    later = JobStore(tmp_path / "work", 24.0, PROJECT_ROOT / "models")
    assert state_of(later, job_id).running
    later.cancel(job_id)
    assert wait(later, job_id, ended).status == CANCELLED


def test_only_so_many_run_at_once(store: JobStore, long_clip: Path) -> None:
    ids = [
        store.start([upload(store, long_clip)], ["--no-annotate", "--every", str(n)], MODEL)
        for n in (1, 2, 3)
    ]
    states = [state_of(store, job_id) for job_id in ids]
    assert [s.status for s in states] == ["running", "running", "waiting"]
    later = store.start([upload(store, long_clip)], ["--no-annotate", "--every", "4"], MODEL)
    # Whoever asks again keeps the place in the queue.
    again = store.start([upload(store, long_clip)], ["--no-annotate", "--every", "3"], MODEL)
    assert again == ids[2]
    assert store._queue()[0] == [ids[2], later]
    store.delete(later)
    store.delete(ids[0])
    wait(store, ids[2], lambda s: s.status == "running", 20)


def test_delete_ends_the_process_and_removes_everything(
    store: JobStore, long_clip: Path, tmp_path: Path
) -> None:
    job_id = store.start([upload(store, long_clip)], [], MODEL)
    wait(store, job_id, makes_progress)
    pid = json.loads((tmp_path / "work" / "jobs" / job_id / "process.json").read_text())["pid"]
    store.delete(job_id)
    assert store.state(job_id) is None
    assert files_below(tmp_path / "work") == []
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    store.delete(job_id)


def test_an_upload_two_jobs_use_stays_until_the_last_is_deleted(
    store: JobStore, clip: Path
) -> None:
    source = upload(store, clip)
    first = store.start([source], FAST, MODEL)
    second = store.start([source], ["--no-annotate"], MODEL)
    store.delete(first)
    assert Path(source.path).is_file()
    store.delete(second)
    assert not Path(source.path).exists()


def test_old_jobs_and_forgotten_uploads_are_cleaned_up(store: JobStore, clip: Path) -> None:
    job_id = store.start([upload(store, clip)], FAST, MODEL)
    wait(store, job_id, ended)
    assert store.clean_up() == 0
    assert store.clean_up(time.time() + 25 * 3600) == 1
    assert store.state(job_id) is None
    forgotten = store.add_input("x.mp4", io.BytesIO(b"abc"))
    os.utime(Path(forgotten.path).parent, (0, 0))
    store.clean_up()
    assert not Path(forgotten.path).exists()


def test_files_of_the_allowed_folder_are_used_in_place(store: JobStore, clip: Path) -> None:
    given = store.refer_to(clip, clip.parent)
    job_id = store.start([given], FAST, MODEL)
    wait(store, job_id, ended)
    store.delete(job_id)
    assert clip.is_file()


def test_an_upload_stays_as_long_as_a_job_that_was_asked_for_again(
    store: JobStore, clip: Path
) -> None:
    source = upload(store, clip)
    job_id = store.start([source], FAST, MODEL)
    wait(store, job_id, ended)
    # Uploaded a day before the job was last asked for.
    os.utime(Path(source.path).parent, (0, 0))
    assert store.clean_up() == 0
    assert Path(source.path).is_file()
    assert store.clean_up(time.time() + 25 * 3600) == 1
    assert not Path(source.path).exists()
