"""Jobs begin once, in turn and without visitors; their uploads stay as long as they are needed."""

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.torture_queue import torture
from emotion_core.jobs import store as jobs_module
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import JobState
from emotion_core.jobs.process import JobCommand, begin
from emotion_core.jobs.store import JobStore

SHORT = 'import time; time.sleep(0.3); print(\'{"event": "end"}\')'
LONG = "import time; time.sleep(60)"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the jobs that were begun; each sleeps for what its arguments say."""
    folders: list[str] = []

    def fake(folder: Path, line: Sequence[str]) -> subprocess.Popen[bytes]:
        folders.append(folder.name)
        return begin(folder, [sys.executable, "-c", line[-1]])

    monkeypatch.setattr(jobs_module, "begin", fake)
    return folders


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[[], JobStore]]:
    stores: list[JobStore] = []

    def make() -> JobStore:
        command = JobCommand("analyze", most_at_once=1)
        stores.append(JobStore(tmp_path, 24.0, tmp_path / "models", command))
        return stores[-1]

    yield make
    for folder in (tmp_path / "jobs").glob("*"):
        stores[0].delete(folder.name)


def start(store: JobStore, code: str, content: bytes = b"x") -> str:
    given = store.add_input("a.mp4", io.BytesIO(content))
    return store.start([given], [code], {})


def state_of(store: JobStore, job_id: str) -> JobState:
    state = store.state(job_id)
    assert state is not None
    return state


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_waiting_job_begins_although_nobody_looks(
    open_store: Callable[[], JobStore], begun: list[str]
) -> None:
    store = open_store()
    assert keep_starting(store) is keep_starting(store)
    ids = [start(store, SHORT, content) for content in (b"1", b"2", b"3")]
    wait(lambda: begun == ids)


def test_what_an_earlier_server_left_waiting_begins(
    open_store: Callable[[], JobStore], begun: list[str]
) -> None:
    store = open_store()
    first, second = start(store, SHORT, b"1"), start(store, SHORT, b"2")
    assert begun == [first]
    keep_starting(open_store())
    wait(lambda: begun == [first, second])


def test_a_job_that_makes_no_sense_does_not_keep_others_from_starting(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    store = open_store()
    first = start(store, SHORT, b"1")
    # No system takes such an argument.
    odd, last = start(store, "\0", b"2"), start(store, SHORT, b"3")
    keep_starting(store)
    wait(lambda: begun == [first, odd, last])
    assert "damaged" in state_of(store, odd).message


def test_two_servers_start_a_job_once(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    source = open_store().refer_to(Path(__file__), Path(__file__).parent)
    for attempt in range(8):
        stores = [open_store() for _ in range(3)]
        barrier = threading.Barrier(3)

        def begin_it(
            store: JobStore,
            code: str = f"{SHORT}  # {attempt}",
            barrier: threading.Barrier = barrier,
        ) -> str:
            barrier.wait()
            return store.start([source], [code], {})

        begun.clear()
        with ThreadPoolExecutor(3) as pool:
            (job_id,) = set(pool.map(begin_it, stores))
        assert begun == [job_id]
        stores[0].delete(job_id)


def test_servers_in_processes_of_their_own_start_a_job_once(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    store = open_store()
    first, second = start(store, LONG, b"1"), start(store, LONG, b"2")
    code = f"""
import sys
from pathlib import Path
from emotion_core.jobs import store
from emotion_core.jobs.process import JobCommand, begin
def fake(folder, line):
    print(folder.name)
    return begin(folder, [sys.executable, "-c", line[-1]])
store.begin = fake
root = Path({str(tmp_path)!r})
store = store.JobStore(root, 24.0, root, JobCommand("analyze", most_at_once=1))
print("ready", flush=True)
sys.stdin.readline()
store.start_waiting()
"""
    line, pipe = [sys.executable, "-c", code], subprocess.PIPE
    servers = [subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for server in servers:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
    store.delete(first)
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("go\n")
        server.stdin.flush()
    said = [server.communicate(timeout=60)[0].split() for server in servers]
    assert [job_id for ids in said for job_id in ids] == [second]


def test_deleting_leaves_what_somebody_has_just_uploaded(
    open_store: Callable[[], JobStore], begun: list[str]
) -> None:
    store, other = open_store(), open_store()
    mine = start(store, LONG)
    theirs = other.add_input("a.mp4", io.BytesIO(b"x"))
    store.delete(mine)
    assert Path(theirs.path).is_file()
    job_id = other.start([theirs], [LONG], {}, "somebody else")
    other.delete(job_id)
    assert not Path(theirs.path).parent.exists()


def test_a_look_at_one_job_reads_only_its_files(
    open_store: Callable[[], JobStore], begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    job_id, other = start(store, LONG, b"1"), start(store, LONG, b"2")
    read, seen = Path.read_text, []

    def watch(path: Path, *rest: Any, **options: Any) -> str:
        seen.append(path)
        return read(path, *rest, **options)

    monkeypatch.setattr(Path, "read_text", watch)
    assert state_of(store, job_id).running
    assert seen
    assert not [path for path in seen if other in path.parts]


def server_killed_while_starting(root: Path, job_code: str) -> str:
    """A server that ends by SIGKILL between the start of a job's process and the note of its id."""
    code = f"""
import io, os, sys
from pathlib import Path
from emotion_core.jobs import process, store
from emotion_core.jobs.process import JobCommand, begin
store.begin = lambda folder, line: begin(folder, [sys.executable, "-c", line[-1]])
process._record = lambda *_: os.kill(os.getpid(), 9)
root = Path({str(root)!r})
jobs = store.JobStore(root, 24.0, root, JobCommand("analyze", most_at_once=1))
jobs.start([jobs.add_input("a.mp4", io.BytesIO(b"x"))], [{job_code!r}], {{}})
"""
    server = subprocess.Popen([sys.executable, "-c", code])
    assert server.wait(60) == -9
    (folder,) = (root / "jobs").iterdir()
    return folder.name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_job_whose_server_was_killed_while_starting_it_is_not_begun_twice(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    store = open_store()
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    note = f"import tempfile; tempfile.mkdtemp(dir={str(ledger)!r}); {LONG}"
    job_id = server_killed_while_starting(tmp_path, note)
    assert state_of(store, job_id).status == "waiting", "no server knows its process yet"
    wait(lambda: len(list(ledger.iterdir())) == 1)
    store.start_waiting()
    assert begun == []
    assert state_of(store, job_id).status == "running"
    assert not store.start_waiting()
    store.delete(job_id)
    assert store.state(job_id) is None
    assert len(list(ledger.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_job_that_ended_before_any_server_knew_it_is_done(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    store = open_store()
    job_id = server_killed_while_starting(tmp_path, SHORT)
    progress = tmp_path / "jobs" / job_id / "progress.jsonl"
    wait(lambda: b"end" in progress.read_bytes())
    store.start_waiting()
    assert begun == []
    assert state_of(store, job_id).status == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_job_that_died_with_its_server_begins_again(
    open_store: Callable[[], JobStore], begun: list[str], tmp_path: Path
) -> None:
    store = open_store()
    job_id = server_killed_while_starting(tmp_path, "import os; os._exit(1)")
    line = json.loads((tmp_path / "jobs" / job_id / "starting.json").read_text())["line"]

    def ended() -> bool:
        return all(p.info["cmdline"] != line for p in psutil.process_iter(["cmdline"]))

    wait(ended)
    store.start_waiting()
    assert begun == [job_id]


def test_a_run_that_another_server_began_is_read_from_its_beginning(
    open_store: Callable[[], JobStore], begun: list[str]
) -> None:
    first, second = open_store(), open_store()
    fail = "import sys; print('{\"file\": 1}' * 9); sys.exit(3)"
    job_id = start(first, fail)
    wait(lambda: state_of(first, job_id).status == state_of(second, job_id).status == "failed")
    job = first._folder(job_id) / "job.json"
    job.write_text(json.dumps(json.loads(job.read_text()) | {"arguments": [SHORT]}))
    first.restart(job_id)
    wait(lambda: state_of(first, job_id).status == "done")
    assert state_of(second, job_id).status == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_two_servers_of_which_one_is_killed_do_each_job_once(tmp_path: Path) -> None:
    figures = torture(tmp_path, jobs=12, kills=2)
    assert figures["all_ended"]
    assert (figures["lost"], figures["done_more_than_once"]) == (0, 0)
    assert figures["done_once"] + figures["reported_as_interrupted"] == 12
