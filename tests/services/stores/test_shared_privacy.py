"""With sign-on, no one reaches another person's things through what the replicas share."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from asgi_calls import ask
from jobs_driver import FAST, MODEL, ended, upload, wait
from made_recordings import result
from page_driver import run, words
from replica_driver import replica
from signed_in import SECRETS, claims, open_as, person, use_sign_on
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from emotion_core.jobs.process import ANALYZE
from emotion_core.jobs.shared_store import SharedJobStore
from emotion_core.live.shared_recordings import SharedSessionStore
from emotion_core.media.write import sample_video
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.sharing.audit_lines import SharedAuditLog
from emotion_core.sharing.database import Database
from emotion_core.sharing.shared import Shared
from emotion_core.ui.common.api_door import interface_routes
from emotion_core.ui.common.file_links import (
    GONE,
    NOT_YOURS,
    FileLinks,
    OfferedFile,
    Reader,
    file_routes,
)
from emotion_core.ui.common.operations import Operations

TOKEN = "t" * 32


@pytest.fixture(autouse=True)
def here(tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pages' own replica, on which people sign in."""
    use_sign_on(monkeypatch, tmp_path / "work", EMOTION_LAB_ADMINS="chief@example.org")
    monkeypatch.setenv("EMOTION_LAB_DATABASE", database)
    monkeypatch.setenv("EMOTION_LAB_STORE", bucket)
    monkeypatch.setenv("EMOTION_LAB_API_TOKEN", TOKEN)
    return tmp_path / "work"


@pytest.fixture
def other(tmp_path: Path, database: str, bucket: str) -> SharedJobStore:
    """Another replica, where Anna has worked."""
    return replica(tmp_path / "other", database, bucket, ANALYZE, lease_s=30.0)


def analysed(store: SharedJobStore, tmp_path: Path, name: str) -> str:
    clip = sample_video(tmp_path / "clip.mp4", 1.0, 10.0)
    job_id = store.start([upload(store, clip)], FAST, MODEL, person(name).owner)
    assert wait(store, job_id, ended).status == "done"
    change_edits(store.results_of(job_id) / "clip", lambda edits: edits.rename(1, "Ada"))
    return job_id


def test_an_analysis_of_another_replica_is_its_owners(
    other: SharedJobStore, tmp_path: Path, here: Path, database: str
) -> None:
    job_id = analysed(other, tmp_path, "anna")
    app = open_as("ben", "2_Video.py", job=job_id)
    assert "no longer available" in words(app)
    assert not {"video_delete", f"open_{job_id}"} & {button.key for button in app.button}
    assert "Ada" not in [field.value for field in app.text_input]
    assert not list(here.rglob("faces.csv")), "it is not even fetched"
    # The same video, read by Ben with the same settings: his own results, and no names of Anna.
    again = other.start([upload(other, tmp_path / "clip.mp4")], FAST, MODEL, person("ben").owner)
    assert again != job_id
    assert wait(other, again, ended).status == "done"
    app = open_as("ben", "2_Video.py", job=again)
    assert not app.error
    assert "Ada" not in [field.value for field in app.text_input]
    app.button(key="video_delete").click()
    run(app)
    assert other.state(again) is None
    app = open_as("anna", "2_Video.py", job=job_id)
    assert "Ada" in [field.value for field in app.text_input]
    assert load_edits(other.results_of(job_id) / "clip").names == {1: "Ada"}
    # The interface for programs has jobs of its own, with the right token, too.
    api = Starlette(routes=interface_routes())
    bearer = ("Authorization", f"Bearer {TOKEN}")
    assert json.loads(ask(api, "/api/v1/videos", bearer).text) == {"jobs": []}
    for method, below in (("GET", ""), ("GET", "/files/faces.csv"), ("DELETE", "")):
        answer = ask(api, f"/api/v1/videos/{job_id}{below}", bearer, method=method)
        assert answer.status == 404
    assert ask(api, f"/api/v1/videos/{job_id}").status == 401
    assert other.state(job_id) is not None
    log = SharedAuditLog(tmp_path, 30, lambda: Database(database))
    opened = [line["who"] for line in log.newest(99) if line["event"] == "open"]
    assert opened == ["anna@example.org", "ben@example.org"]


def test_a_link_to_a_file_is_of_one_replica_and_one_person() -> None:
    guard = Operations.from_environment().file_guard()
    links, others = FileLinks(), FileLinks()
    file = OfferedFile("faces.csv", "text/csv", lambda: iter([b"a,b"]))
    link = links.offer(file, reader=Reader(person("anna").owner, "analysis", "a1"))
    answer = ask(Starlette(routes=file_routes(links, guard)), f"/files?id={link}")
    assert (answer.status, NOT_YOURS in answer.text) == (403, True)
    answer = ask(Starlette(routes=file_routes(others, guard)), f"/files?id={link}")
    assert GONE in answer.text


def test_a_recording_of_another_replica_is_its_owners(
    tmp_path: Path, database: str, bucket: str, here: Path
) -> None:
    store = SharedSessionStore(tmp_path / "other/live", 24.0, Shared(database, bucket))
    token, session = store.start("tiny", sha256(person("anna").owner.encode()).hexdigest())
    session.begin_stream()(result(), session.zero_s)
    store.stop(token)

    def shown_to(name: str) -> Any:
        code = (
            "from emotion_core.ui.live_page import recorder\n"
            "shown = recorder.shown_token()\n"
            "recorder.st.text(f'{shown} {recorder.finished_recording() is not None}')\n"
        )
        app = AppTest.from_string(code)
        app.secrets, app.user = dict(SECRETS), claims(name)
        app.query_params["recording"] = token
        return run(app).text[0].value

    assert shown_to("ben") == "False"
    assert not (here / "live" / token).exists(), "it is not even fetched"
    assert shown_to("anna") == f"{token} True"
    assert shown_to("ben") == "False", "also where a copy of it is"
    assert (here / "live" / token).is_dir()
