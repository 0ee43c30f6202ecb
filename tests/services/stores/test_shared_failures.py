"""A database or an object store that cannot be used: a sentence, and what is done is kept."""

import io
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from jobs_driver import FAST, MODEL, ended, state_of, upload, wait
from page_driver import open_page, run, words
from replica_driver import END, NOBODY, replica, use_replicas
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import EmotionCoreError, MissingDependencyError, SettingsError, StoreError
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import FileState
from emotion_core.jobs.process import ANALYZE
from emotion_core.media.write import sample_video
from emotion_core.results.edits_file import change_edits
from emotion_core.sharing import database as database_module
from emotion_core.sharing.database import Database
from emotion_core.sharing.objects import Objects
from emotion_core.sharing.shared import Shared

VIDEO_PAGE = PROJECT_ROOT / "pages/2_Video.py"


def problem(database: str, bucket: str) -> str:
    with pytest.raises(EmotionCoreError) as raised:
        Shared(database, bucket).check()
    return str(raised.value)


def test_what_cannot_be_used_is_named_without_a_password(database: str, bucket: str) -> None:
    said = problem(NOBODY, bucket)
    assert "refused" in said
    assert "EMOTION_LAB_DATABASE" in said
    said += problem(database.replace("only-for-tests", "very-secret"), bucket)
    assert "password authentication failed" in said
    said += problem(database, "s3://no-such-bucket/prefix")
    assert "there is no such bucket" in said
    assert "EMOTION_LAB_STORE" in said
    assert "very-secret" not in said
    Shared(database, bucket).check()


def test_a_database_that_is_silent_is_waited_for_by_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE_S", 4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        known = Database(f"postgresql://lab@127.0.0.1:{silent.getsockname()[1]}/lab")

        def problem_of(_: int) -> str:
            with pytest.raises(StoreError) as raised:
                known.check()
            return str(raised.value)

        began_s = time.monotonic()
        with ThreadPoolExecutor(3) as pool:
            assert all("timeout" in said for said in pool.map(problem_of, range(3)))
    assert time.monotonic() - began_s < 4


@pytest.mark.parametrize("url", ["mysql://host/lab", "no url", "postgresql"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="EMOTION_LAB_DATABASE must be"):
        Database(url)


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(SettingsError, match="EMOTION_LAB_STORE cannot be used"):
        Objects("nothing-known://bucket").check()
    with pytest.raises(MissingDependencyError, match="EMOTION_LAB_STORE=gs"):
        Objects("gs://bucket").check()


def test_while_the_database_is_away_the_last_known_state_is_shown(
    tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replica(tmp_path / "here", database, bucket)
    keep_starting(store)
    given = store.add_input("a.mp4", io.BytesIO(b"x"))
    job_id = store.start([given], [END], MODEL)
    wait(store, job_id, ended, 20)

    def fail(*_: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(store.index, "several", fail)
    assert state_of(store, job_id).status == "done"
    with pytest.raises(StoreError, match="gone"):
        store.state("unknown")
    monkeypatch.setattr(store.index, "take", fail)
    assert store.start_waiting() is False


def test_results_wait_for_an_object_store_that_is_away(
    tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replica(tmp_path / "here", database, bucket, lease_s=1.5)
    given = store.add_input("a.mp4", io.BytesIO(b"x"))
    put = Objects.put
    failures: list[str] = []

    def fail_twice(objects: Objects, file: Path, key: str) -> None:
        if len(failures) < 2:
            failures.append(key)
            raise StoreError("the bucket is away")
        put(objects, file, key)

    monkeypatch.setattr(Objects, "put", fail_twice)
    code = "import pathlib, sys; p = pathlib.Path(sys.argv[1], 'a'); p.mkdir(parents=True)\n"
    code += "(p / 'faces.csv').write_text('done once')\n" + END
    job_id = store.start([given], [code], MODEL)
    assert wait(store, job_id, ended, 20).status == "done"
    assert len(failures) == 2
    assert [file.path for file in store.files.listed(job_id)] == ["results/a/faces.csv"]


def test_the_page_says_that_the_database_does_not_answer(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_replicas(monkeypatch, tmp_path, NOBODY, bucket)
    page = open_page(VIDEO_PAGE)
    assert "The shared database cannot be used: connection" in words(page)
    assert "very-secret" not in words(page)


def test_the_page_shows_what_another_replica_has_made(
    tmp_path: Path,
    database: str,
    bucket: str,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replica(tmp_path / "other", database, bucket, ANALYZE, lease_s=30.0)
    clip = sample_video(tmp_path / "clip.mp4", 1.0, 10.0)
    job_id = other.start([upload(other, clip)], FAST, MODEL)
    assert wait(other, job_id, ended).status == "done"
    change_edits(other.results_of(job_id) / "clip", lambda edits: edits.rename(1, "Ada"))
    use_replicas(monkeypatch, tmp_path / "work", database, bucket)
    page = AppTest.from_file(str(VIDEO_PAGE), default_timeout=60)
    page.query_params["job"] = job_id
    run(page)
    assert not page.error
    assert "Several computers serve these pages" in words(page)
    assert "Ada" in [field.value for field in page.text_input]
    copy = tmp_path / "work/replicas/1/videos/jobs" / job_id / "results/clip/faces.csv"
    assert copy.read_bytes() == (other.results_of(job_id) / "clip/faces.csv").read_bytes()
    statements.clear()
    run(page)
    tables = sorted(re.findall(r"FROM (lab_\w+)", " ".join(statements)))
    assert tables == ["lab_edits", "lab_edits", "lab_files", "lab_jobs"]
    page.button(key="video_delete").click()
    run(page)
    assert other.state(job_id) is None
    assert not copy.exists()


def test_the_page_asks_once_about_a_job_that_another_replica_runs(
    tmp_path: Path,
    database: str,
    bucket: str,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replica(tmp_path / "other", database, bucket)
    monkeypatch.setattr(other, "_start_soon", lambda: None)
    job_id = other.start([other.add_input("a.mp4", io.BytesIO(b"x"))], [END], MODEL)
    assert other.index.take("other", 60.0) is not None
    read = FileState("a.mp4", "running")
    other.index.report(job_id, "other", [asdict(read) | {"folder": "jobs/a/results/a"}], "")
    picture = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1]
    other.index.show(job_id, "other", picture.tobytes())
    use_replicas(monkeypatch, tmp_path / "work", database, bucket)
    page = AppTest.from_file(str(VIDEO_PAGE), default_timeout=60)
    page.query_params["job"] = job_id
    run(page)
    statements.clear()
    run(page)
    assert not page.button(key="video_cancel").disabled
    assert re.findall(r"FROM (lab_\w+)", " ".join(statements)) == ["lab_jobs"]
