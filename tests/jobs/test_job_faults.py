"""What a job says of videos, disks and processes that fail, and how it goes on."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Never

import pytest
from jobs_driver import (
    FAST,
    MODEL,
    ended,
    files_below,
    folder_of,
    state_of,
    upload,
    wait,
)

from emotion_core.atomic_io import replace_file
from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import InputError, OutputError
from emotion_core.jobs import process as process_module
from emotion_core.jobs import uploads
from emotion_core.jobs.log import DONE, FAILED, JobLog
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore


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
