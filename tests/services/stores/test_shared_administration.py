"""Administrators, probes and Prometheus see what all replicas share, from any of them."""

import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import streamlit as st
from asgi_calls import Answer, ask
from jobs_driver import MODEL, ended, wait
from made_recordings import result
from page_driver import run
from replica_driver import END, NOBODY, replica, use_replicas
from signed_in import open_as, person, use_sign_on
from starlette.applications import Starlette

from emotion_core.access.people import KnownPerson
from emotion_core.errors import StoreError
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.shared_store import SharedJobStore
from emotion_core.live.shared_recordings import SharedSessionStore
from emotion_core.monitoring.health import LONGEST_WAIT_S
from emotion_core.monitoring.job_folders import SHARED_KINDS
from emotion_core.monitoring.shared_side import SharedSide
from emotion_core.monitoring.usage import by_person, kept_things
from emotion_core.sharing.audit_lines import SharedAuditLog
from emotion_core.sharing.database import JOBS, Database
from emotion_core.sharing.objects import Objects
from emotion_core.sharing.overview import SharedOverview
from emotion_core.sharing.people import SharedPeople
from emotion_core.sharing.shared import Shared
from emotion_core.ui.common.operations import Operations

# Leaves the results of one video.
CODE = "import pathlib, sys; p = pathlib.Path(sys.argv[1], 'a'); p.mkdir(parents=True)\n"
CODE += "(p / 'summary.json').write_text('x' * 1000)\n" + END


@pytest.fixture
def index(database: str) -> Iterator[Database]:
    """The database of all replicas."""
    known = Database(database)
    yield known
    known.close()


def analysed(store: SharedJobStore, name: str) -> str:
    """A person's finished analysis: an upload of 500 bytes, results of 1,000."""
    keep_starting(store)
    given = store.add_input("a.mp4", io.BytesIO(b"v" * 500))
    job_id = store.start([given], [CODE], MODEL, person(name).owner)
    assert wait(store, job_id, ended, 20).status == "done"
    return job_id


def recorded(store: SharedSessionStore, name: str) -> str:
    owner = sha256(person(name).owner.encode()).hexdigest()
    token, session = store.start("tiny", owner)
    session.begin_stream()(result(), session.zero_s)
    store.stop(token)
    return token


def test_an_administrator_sees_and_deletes_what_another_replica_keeps(
    tmp_path: Path,
    database: str,
    bucket: str,
    index: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replica(tmp_path / "other", database, bucket)
    recordings = SharedSessionStore(tmp_path / "other/live", 24.0, Shared(database, bucket))
    job_id, token = analysed(other, "anna"), recorded(recordings, "anna")
    SharedPeople(tmp_path, lambda: index).remember(person("anna"))
    overview = SharedOverview(index)
    known = [KnownPerson(person("anna"), 0.0)]
    ((_, kept),) = by_person(kept_things(tmp_path / "work", overview), known)
    sizes = {thing.token: (thing.kind, thing.size, thing.results) for thing in kept}
    assert sizes[job_id] == ("analysis", 1500, 1)
    assert sizes[token][0::2] == ("recording", 1)
    # The replica that made it does not count its own copy, too.
    assert len(kept_things(tmp_path / "other", overview)) == 2
    use_sign_on(monkeypatch, tmp_path / "work", EMOTION_LAB_ADMINS="chief@example.org")
    use_replicas(monkeypatch, tmp_path / "work", database, bucket)
    app = open_as("chief", "6_Administration.py")
    assert list(app.dataframe[0].value["person"]) == ["anna@example.org", "chief@example.org"]
    assert list(app.dataframe[0].value["recordings"]) == [1, 0]
    app.multiselect[0].set_value([job_id, token])
    app.checkbox[0].check()
    run(app).button(key="admin_delete").click()
    app = run(app)
    assert "2 deleted" in "".join(message.value for message in app.success)
    assert (other.state(job_id), recordings.find(token)) == (None, None)
    assert overview.things([*SHARED_KINDS, "live"]) == []
    assert not list((tmp_path / "work").rglob("session.json")), "nothing is fetched to be deleted"


def test_a_recording_of_which_the_store_has_lost_files_can_be_deleted(
    tmp_path: Path,
    database: str,
    bucket: str,
    index: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = (SharedSessionStore(tmp_path / n, 24.0, Shared(database, bucket)) for n in "ab")
    token = recorded(here, "anna")

    def lost(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Objects, "get", lost)
    assert there.find(token) is None
    there.delete(token)
    assert SharedOverview(index).things(["live"]) == []


def test_the_queue_of_all_replicas_is_told_by_each_and_counted_once(
    tmp_path: Path,
    database: str,
    bucket: str,
    index: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("prometheus_client", reason="needs the extra `metrics`: prometheus-client")
    other = replica(tmp_path / "other", database, bucket)
    given = other.add_input("a.mp4", io.BytesIO(b"x"))
    with monkeypatch.context() as patch:
        patch.setattr(other, "_start_soon", lambda: None)
        other.start([given], [END], MODEL)
    use_replicas(monkeypatch, tmp_path / "work", database, bucket)
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    page = get("/metrics").text
    assert 'emotion_lab_shared_jobs{kind="analysis",state="waiting"} 1.0' in page
    assert "emotion_lab_jobs{" not in page
    assert "emotion_lab_shared_up 1.0" in page
    assert "take max, not sum" in page
    assert get("/healthz").status == 200
    # Half an hour later it is still there.
    with index.transaction() as connection:
        connection.execute(JOBS.update().values(queued_s=JOBS.c.queued_s - LONGEST_WAIT_S - 9))
    st.cache_resource.clear()
    answer = get("/healthz")
    assert (answer.status, list(problems(answer))) == (503, ["shared queue"])
    with index.transaction() as connection:
        running = {"status": "running", "lease_s": index.now + 30}
        connection.execute(JOBS.update().values(running))
    assert SharedOverview(index).longest_wait(SHARED_KINDS) == ("", 0.0)


def get(path: str) -> Answer:
    server = Operations.from_environment()
    server.middleware()
    return ask(Starlette(routes=server.routes()), path)


def problems(answer: Answer) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.text)["problems"]
    return found


def test_health_says_that_database_or_store_cannot_be_used_and_not_where_they_are(
    tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, store, name in ((NOBODY, bucket, "database"), (database, "s3://none/x", "object")):
        st.cache_resource.clear()
        use_replicas(monkeypatch, tmp_path, url, store)
        answer = get("/healthz")
        assert answer.status == 503
        ((check, said),) = problems(answer).items()
        assert check.startswith(name)
        assert "cannot be used" in said
        assert not [word for word in ("127.0.0.1", "lab:", "s3:", "none") if word in answer.text]
    use_replicas(monkeypatch, tmp_path, NOBODY, bucket)
    st.cache_resource.clear()
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    pytest.importorskip("prometheus_client", reason="needs the extra `metrics`: prometheus-client")
    page = get("/metrics").text
    assert "emotion_lab_shared_up 0.0" in page
    assert "emotion_lab_shared_jobs{" not in page


def test_a_store_that_hangs_is_waited_for_only_so_long_and_asked_once(
    tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    go_on = threading.Event()

    def hang(_: Objects) -> None:
        asked.append(1)
        go_on.wait(20)

    monkeypatch.setattr(Objects, "check", hang)
    check = SharedSide(Shared(database, bucket), lambda: tmp_path, 0.3).checks["object store"]
    began_s = time.monotonic()
    for _ in range(3):
        check.begin()
        assert "does not answer in time" in check.answer()
    assert time.monotonic() - began_s < 3
    assert asked == [1]
    go_on.set()
    check.begin()
    assert check.answer() == ""


def test_the_audit_log_is_of_all_replicas_and_stops_nothing(
    tmp_path: Path,
    index: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    here, there = (SharedAuditLog(tmp_path / name, 30, lambda: index) for name in ("a", "b"))
    here.write("open", "anna@example.org", kind="analysis")
    here.settle()
    there.write("delete", "ben@example.org")
    there.settle()
    for log in (here, there):
        assert [line["event"] for line in log.newest(9)] == ["delete", "open"]
        assert b"".join(log.pieces()).count(b"\n") == 2
    assert len(list(tmp_path.glob("*/audit-*.jsonl"))) == 2

    def gone() -> Database:
        raise StoreError("the database is away")

    away = SharedAuditLog(tmp_path / "c", 30, gone)
    with caplog.at_level(logging.ERROR):
        assert away.write("export", "anna@example.org")
        away.settle()
    assert "the database is away" in caplog.text
    (file,) = (tmp_path / "c").glob("audit-*.jsonl")
    assert json.loads(file.read_text())["event"] == "export"
    monkeypatch.setattr(here, "days", -1)
    monkeypatch.setattr(here, "_dropped", "")
    here.write("open", "anna@example.org")
    here.settle()
    assert there.newest(9) == [], "lines go after their days"
    people = SharedPeople(tmp_path, gone)
    assert people.remember(person("anna")) is False
