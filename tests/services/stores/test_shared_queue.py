"""Several replicas take from one queue: every job is done once, also when a replica dies."""

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from jobs_driver import FAST, MODEL, ended, makes_progress, state_of, upload, wait
from replica_driver import END, OtherProcess, replica

from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.process import ANALYZE
from emotion_core.jobs.shared_store import SharedJobStore
from emotion_core.media.write import repeat_video, sample_video

LONG = "import time; time.sleep(60)\n"


@pytest.fixture
def others(
    tmp_path: Path, database: str, bucket: str
) -> Iterator[Callable[[str, str], OtherProcess]]:
    started: list[OtherProcess] = []

    def start(name: str, command: str = "code") -> OtherProcess:
        started.append(OtherProcess.start(tmp_path / name, database, bucket, command))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def looking(tmp_path: Path, database: str, bucket: str) -> SharedJobStore:
    """A replica that takes no jobs itself."""
    return replica(tmp_path / "looking", database, bucket)


def start(store: SharedJobStore, code: str, content: bytes = b"x", owner: str = "") -> str:
    given = store.add_input("a.mp4", io.BytesIO(content))
    return store.start([given], [code], {}, owner)


def writes_into(ledger: Path) -> str:
    """Notes who did a job, and when it began and ended."""
    return (
        "import os, pathlib, time, uuid\n"
        f"note = pathlib.Path({str(ledger)!r}) / (os.path.basename(os.path.dirname("
        "__import__('sys').argv[1])) + '.' + uuid.uuid4().hex)\n"
        "note.write_text(__import__('sys').argv[1])\ntime.sleep(0.1)\n" + END
    )


def test_thirty_jobs_are_done_once_each_by_two_replicas(
    tmp_path: Path,
    looking: SharedJobStore,
    others: Callable[[str], OtherProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "start_waiting", lambda: False)
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    others("one"), others("two")
    ids = [start(looking, writes_into(ledger), str(n).encode()) for n in range(30)]
    for job_id in ids:
        assert wait(looking, job_id, ended).status == "done"
    notes = list(ledger.iterdir())
    assert sorted(note.name.split(".")[0] for note in notes) == sorted(ids)
    by = [Path(note.read_text()).relative_to(tmp_path).parts[0] for note in notes]
    assert min(by.count("one"), by.count("two")) >= 5


def test_a_job_whose_replica_was_killed_is_taken_up_and_finished_videos_are_not_read_twice(
    tmp_path: Path, database: str, bucket: str, others: Callable[[str, str], OtherProcess]
) -> None:
    short = sample_video(tmp_path / "short.mp4", 1.0, 10.0)
    long = repeat_video(sample_video(tmp_path / "piece.mp4", 2.0, 20.0), tmp_path / "long.mp4", 60)
    looking = replica(tmp_path / "looking", database, bucket, ANALYZE)
    looking.start_waiting = lambda: False  # type: ignore[method-assign]
    first = others("first", "analyze")
    inputs = [upload(looking, short), upload(looking, long)]
    job_id = looking.start(inputs, FAST, MODEL)

    def second_is_read(state: object) -> bool:
        now = state_of(looking, job_id)
        return now.files[0].status == "done" and now.files[1].fraction > 0

    wait(looking, job_id, second_is_read)
    made = (tmp_path / "first/jobs" / job_id / "results/short/summary.json").read_bytes()
    job = psutil.Process(json.loads(_of(tmp_path / "first", job_id, "process.json"))["pid"])
    first.kill()
    assert job.is_running(), "it outlives its server"
    killed_s = time.monotonic()
    second = replica(tmp_path / "second", database, bucket, ANALYZE)
    keep_starting(second)
    wait(second, job_id, lambda _: (tmp_path / "second/jobs" / job_id / "process.json").exists())
    assert time.monotonic() - killed_s > 1.5, "the lease had not run out"
    assert not job.is_running() or job.status() == psutil.STATUS_ZOMBIE
    wait(second, job_id, makes_progress)
    log = _of(tmp_path / "second", job_id, "progress.jsonl")
    assert '"skipped"' in log.splitlines()[0] or '"skipped"' in log
    assert (second.results_of(job_id) / "short/summary.json").read_bytes() == made
    looking.cancel(job_id)
    assert wait(looking, job_id, ended).status == "cancelled"
    looking.delete(job_id)


def _of(root: Path, job_id: str, name: str) -> str:
    return (root / "jobs" / job_id / name).read_text()


def test_a_job_that_ends_every_replica_is_given_up(
    looking: SharedJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_start_soon", lambda: None)
    job_id = start(looking, LONG)
    for attempt in range(3):
        row = looking.index.take(f"replica {attempt}", 0.0)
        assert row is not None
        assert row.job_id == job_id
    assert looking.index.take("replica 4", 0.0) is None
    state = state_of(looking, job_id)
    assert (state.status, "three times" in state.message) == ("failed", True)
    looking.restart(job_id)
    assert state_of(looking, job_id).status == "waiting"


def test_a_replica_that_lost_its_lease_changes_nothing_any_more(
    looking: SharedJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_start_soon", lambda: None)
    job_id = start(looking, LONG)
    assert looking.index.take("slow", 0.0) is not None
    assert looking.index.take("quick", 60.0) is not None
    assert looking.index.renew("slow", 60.0) == set()
    assert looking.index.report(job_id, "slow", [], "", "failed") is None
    assert state_of(looking, job_id).status == "running"


def test_a_running_job_is_cancelled_from_another_replica(
    looking: SharedJobStore, others: Callable[[str], OtherProcess]
) -> None:
    looking.start_waiting = lambda: False  # type: ignore[method-assign]
    others("one")
    job_id = start(looking, LONG)
    wait(looking, job_id, lambda state: state.status == "running")
    looking.cancel(job_id)
    state = wait(looking, job_id, ended, 20)
    assert (state.status, state.message) == ("cancelled", "Cancelled; what was done is kept.")
    waiting = start(looking, LONG, b"other")
    looking.cancel(waiting)
    looking.delete(job_id)
    assert looking.state(job_id) is None


def test_an_identical_job_is_found_and_begun_again_only_after_a_failure(
    looking: SharedJobStore, tmp_path: Path
) -> None:
    keep_starting(looking)
    fails = "raise SystemExit('error: it broke')"
    job_id = start(looking, fails, owner="me")
    state = wait(looking, job_id, ended)
    assert (state.status, state.message) == ("failed", "it broke")
    assert start(looking, fails, owner="me") == job_id
    wait(looking, job_id, ended)
    assert looking.jobs_of("me") == [job_id]
    assert looking.jobs_of("you") == []
