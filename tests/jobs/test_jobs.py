import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Never

import psutil
import pytest

from emotion_core.atomic_io import replace_file
from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import InputError, OutputError
from emotion_core.jobs import process as process_module
from emotion_core.jobs import uploads
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import CANCELLED, DONE, FAILED, FileState, JobInput, JobLog, JobState
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.media.write import repeat_video, sample_video
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import load_edits, save_edits

MODEL = {"name": "default", "sha256": "x"}
FAST = ["--no-annotate", "--every", "5"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "work", 24.0, PROJECT_ROOT / "models")
    keep_starting(store)
    yield store
    for folder in (tmp_path / "work" / "jobs").glob("*"):
        store.delete(folder.name)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 1.0, 10.0)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return repeat_video(sample_video(folder / "piece.mp4", 2.0, 20.0), folder / "long.mp4", 60)


def upload(store: JobStore, path: Path, name: str | None = None) -> JobInput:
    with path.open("rb") as file:
        return store.add_input(name or path.name, file)


def state_of(store: JobStore, job_id: str) -> JobState:
    state = store.state(job_id)
    assert state is not None
    return state


def folder_of(file: FileState) -> Path:
    assert file.folder is not None
    return file.folder


def wait(
    store: JobStore, job_id: str, until: Callable[[JobState], bool], seconds: float = 90
) -> JobState:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = state_of(store, job_id)
        if until(state):
            return state
        time.sleep(0.1)
    pytest.fail(f"waited {seconds} s in vain; last seen: {state}")


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


def ended(state: JobState) -> bool:
    return not state.running


def makes_progress(state: JobState) -> bool:
    return state.current is not None and state.current.fraction > 0


def files_below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


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
    (folder / "edited_0123456789ab.mp4").write_bytes(b"her name in every picture")
    second = store.start([upload(store, clip)], FAST, MODEL, "another visitor")
    assert second != first
    wait(store, second, ended)
    assert state_of(store, second).status == DONE
    own = store.results_of(second) / "clip"
    assert (own / "faces.csv").samefile(folder / "faces.csv"), "nothing was read twice"
    assert load_edits(own) == Edits()
    assert not list(own.glob("edited_*"))
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


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_video_that_kills_the_work_comes_last(
    store: JobStore, clip: Path, long_clip: Path
) -> None:
    deadly, good = upload(store, long_clip, "a.mp4"), upload(store, clip, "b.mp4")
    job_id = store.start([deadly, good], ["--no-annotate"], MODEL)
    wait(store, job_id, lambda s: s.files[0].fraction > 0)
    file = store.results_of(job_id).parent / "process.json"
    os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)
    assert wait(store, job_id, ended).status == FAILED
    store.restart(job_id)
    state = wait(store, job_id, lambda s: s.files[1].status == DONE)
    assert state.files[0].status != DONE
    store.cancel(job_id)
    wait(store, job_id, ended)


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


def test_a_killed_worker_is_told_and_can_go_on(
    store: JobStore, clip: Path, long_clip: Path, tmp_path: Path
) -> None:
    inputs = [upload(store, clip), upload(store, long_clip)]
    job_id = store.start(inputs, [], MODEL)
    wait(store, job_id, lambda s: s.files[1].fraction > 0)
    process = json.loads((tmp_path / "work" / "jobs" / job_id / "process.json").read_text())
    os.kill(process["pid"], signal.SIGKILL)
    state = wait(store, job_id, ended)
    assert state.status == FAILED
    assert "ended unexpectedly" in state.message
    assert [f.status for f in state.files] == [DONE, FAILED]
    assert not [p for p in files_below(tmp_path / "work") if ".part" in p.name]
    made = (folder_of(state.files[0]) / "faces.csv").stat().st_mtime_ns
    store.restart(job_id)
    state = wait(store, job_id, lambda s: s.files[0].status == DONE)
    assert (folder_of(state.files[0]) / "faces.csv").stat().st_mtime_ns == made
    assert state.running


def test_one_bad_video_does_not_stop_the_others(
    store: JobStore, clip: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("dear reader")
    job_id = store.start([upload(store, letter), upload(store, clip)], FAST, MODEL)
    state = wait(store, job_id, ended)
    assert state.status == DONE
    assert [f.status for f in state.files] == [FAILED, DONE]
    assert "letter.mp4" in state.files[0].message


def test_a_missing_model_is_said(tmp_path: Path, clip: Path) -> None:
    store = JobStore(tmp_path / "work", 24.0, tmp_path / "no-models")
    job_id = store.start([upload(store, clip)], FAST, MODEL)
    state = wait(store, job_id, ended)
    assert state.status == FAILED
    assert "no-models" in state.message


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


def test_files_elsewhere_are_refused(store: JobStore, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link.mp4").symlink_to(clip)
    for path in (clip, tmp_path / "allowed" / ".." / "x.mp4", tmp_path / "allowed" / "link.mp4"):
        with pytest.raises(InputError):
            store.refer_to(path, tmp_path / "allowed")


@pytest.mark.parametrize("job_id", ["", "..", "../../etc", "a/b", "unknown", "ü"])
def test_unknown_ids_are_nobody(store: JobStore, job_id: str) -> None:
    assert store.state(job_id) is None
    store.delete(job_id)
    store.cancel(job_id)
    store.restart(job_id)
    assert store.state(job_id) is None


def test_no_video_no_job(store: JobStore) -> None:
    with pytest.raises(InputError):
        store.start([], FAST, MODEL)


def test_a_work_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file stands in the way")
    store = JobStore(tmp_path / "work", 24.0, PROJECT_ROOT / "models")
    with pytest.raises(OutputError):
        store.add_input("a.mp4", io.BytesIO(b"x"))


def test_a_log_is_read_once_and_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    log = JobLog(path)
    log.update()
    inputs = [{"name": "a", "path": "/a"}]
    path.write_text('{"event": "progress", "file": "/a", "fraction": 0.5}\nnonsense\n[1]\n{"eve')
    log.update()
    assert log.files(inputs)[0].fraction == 0.5
    assert not log.ended
    with path.open("a") as file:
        file.write('nt": "end"}\n')
    log.update()
    assert log.ended


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


@pytest.fixture
def sleeper(tmp_path: Path) -> JobStore:
    """A store whose jobs only wait: what they do matters to no one here."""
    command = JobCommand("analyze", most_at_once=1)
    return JobStore(tmp_path / "work", 24.0, PROJECT_ROOT / "models", command)


def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that is begun from now on; each only waits."""
    begun, start = [], subprocess.Popen

    def popen(command: object, **options: Any) -> subprocess.Popen[bytes]:
        del command
        begun.append(start([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return begun


def test_a_full_disk_at_the_start_is_told_and_leaves_no_process(
    sleeper: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, write = processes(monkeypatch), replace_file

    def full(path: Path, data: bytes) -> None:
        if path.name == "process.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(process_module, "replace_file", full)
    source = sleeper.add_input("a.mp4", io.BytesIO(b"x"))
    with pytest.raises(OutputError, match="No space left"):
        sleeper.start([source], FAST, MODEL)
    assert [p.poll() is not None for p in begun] == [True]
    (job_id,) = (p.name for p in (Path(source.path).parents[2] / "jobs").iterdir())
    for _ in range(3):
        state = state_of(sleeper, job_id)
        assert state.status == FAILED
        assert "No space left" in state.message
    assert len(begun) == 1, "a look at it must not begin it again"
    monkeypatch.setattr(process_module, "replace_file", write)
    sleeper.restart(job_id)
    assert state_of(sleeper, job_id).running
    sleeper.delete(job_id)
    assert len(begun) == 2


def test_a_damaged_job_does_not_keep_the_others_from_starting(
    sleeper: JobStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun = processes(monkeypatch)
    damaged = tmp_path / "work" / "jobs" / "0damaged"
    damaged.mkdir(parents=True)
    (damaged / "job.json").write_text('{"inputs": [')
    os.utime(damaged / "job.json", (time.time() - 60,) * 2)
    job_id = sleeper.start([sleeper.add_input("a.mp4", io.BytesIO(b"x"))], FAST, MODEL)
    assert state_of(sleeper, job_id).status == "running"
    assert len(begun) == 1
    sleeper.delete(job_id)
    assert sleeper.clean_up(time.time() + 25 * 3600) == 1
    assert not damaged.exists()


def test_a_file_of_the_allowed_folder_that_may_not_be_read(
    store: JobStore, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Never:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(uploads, "file_hash", refuse)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be read: Permission denied"):
        store.refer_to(clip, clip.parent)


def test_what_a_video_lacks_is_told_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    lacks = "a.mp4: the file ends at 2.0 s of the 4.0 s it announces."
    event = {"event": "file_end", "file": "/a.mp4", "status": "skipped", "problem": lacks}
    event["message"] = f"{lacks} finished before with the same settings"
    path.write_text(json.dumps(event) + "\n")
    log = JobLog(path)
    log.update()
    (state,) = log.files([{"name": "a.mp4", "path": "/a.mp4"}])
    assert (state.status, state.message) == (DONE, lacks)
