"""What is kept is deleted in time, and what waits begins, whichever page is visited first."""

import os
import threading
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.ui.common import resources

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders of everything that is kept, all of them from 1970."""
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))
    recording = tmp_path / "live" / ("a" * 22)
    kinds = ("videos", "evaluations", "explanations")
    folders = [recording, *(tmp_path / kind / "jobs" / "a1" for kind in kinds)]
    for folder in folders:
        folder.mkdir(parents=True)
        name = "session.json" if folder == recording else "job.json"
        (folder / name).write_text('{"inputs": []}')
        # Begun once, and ended.
        (folder / "process.json").write_text("{}")
        for file in (*folder.iterdir(), folder):
            os.utime(file, (1, 1))
    return folders


@pytest.mark.parametrize("page", ["Home.py", "pages/3_Photo.py", "pages/4_Model.py"])
def test_any_page_begins_the_deletion_of_all_that_is_old(old: list[Path], page: str) -> None:
    app = AppTest.from_file(str(ROOT / page), default_timeout=120).run()
    assert not app.exception
    end = time.monotonic() + 10
    while there := [folder for folder in old if folder.exists()]:
        assert time.monotonic() < end, f"still there: {there}"
        time.sleep(0.05)


def test_the_duties_of_a_store_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept:
        pass

    monkeypatch.setattr(resources, "_CLEAN_UP_S", (0.001, 0.001))
    before, called = set(threading.enumerate()), threading.Event()
    store = Kept()
    resources.clean_regularly(store, lambda _: called.set(), 1.0)
    (thread,) = set(threading.enumerate()) - before
    assert called.wait(10)
    called.clear()
    assert called.wait(10), "again and again"
    del store
    thread.join(10)
    assert not thread.is_alive()


def test_a_job_that_cannot_be_deleted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def page() -> None:
        import streamlit as st

        from emotion_core.errors import OutputError
        from emotion_core.ui.common.visitor_jobs import delete_job

        class Full:
            def delete(self, job_id: str) -> None:
                raise OutputError("The work folder cannot be written.")

        delete_job(Full(), "a1")  # type: ignore[arg-type]
        st.write("deleted")

    app = AppTest.from_function(page, default_timeout=60).run()
    assert "could not be deleted" in app.error[0].value
    assert not app.markdown
