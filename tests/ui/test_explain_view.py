"""An explanation on the photo page, from the button to the pictures; the command runs in this
process, so that tensorflow is imported once for all tests."""

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emotion_core.jobs.store import JobStore
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.ui.explain import view
from emotion_core.ui.explain.jobs import explain_store
from emotion_core.video.options import described_network

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "3_Photo.py")


@pytest.fixture
def page(
    made_models: Path, made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(made_models))
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("EMOTION_LAB_DATA", str(made_data))
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(tmp_path / "adaptations"))
    app = AppTest.from_file(PAGE, default_timeout=120).run()
    app.segmented_control(key="photo_source").set_value("Sample").run()
    assert not app.exception
    return app


@pytest.fixture
def app(page: AppTest, jobs_run_here: list[list[str]]) -> AppTest:
    return page


def press(app: AppTest, label: str) -> AppTest:
    found = [b for b in app.button if b.label == label]
    assert len(found) == 1, words(app)
    [button] = found
    button.click().run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.error]
    return "\n".join([e.value for e in shown] + [e.proto.body for e in app.get("html")])


def test_a_face_is_explained_kept_and_deleted(
    app: AppTest, jobs_run_here: list[list[str]], tmp_path: Path
) -> None:
    press(app, "Explain face #1")
    text = words(app)
    assert "Face \\#1: why" in text
    assert "Where the evidence for" in text
    assert "A grey square is moved" in text
    assert "Before calibration" in text
    assert "brows and forehead" in text
    assert "label people gave them" in text
    assert text.count("<figure>") == 3 + 8
    assert not [b for b in app.button if b.label == "Explain face #1"]
    evidence = next(c for c in app.segmented_control if (c.key or "").startswith("explain_for"))
    evidence.set_value("sad").run()
    assert "evidence for sad" in words(app)
    press(app, "Close")
    assert "Face \\#1: why" not in words(app)
    press(app, "Explain face #1")
    assert len(jobs_run_here) == 1
    press(app, "Close")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "session_state", app.session_state)
        view.delete_explanations("another_video")
        assert explain_store()._ids()
        view.delete_explanations("photo_1")
        assert not explain_store()._ids()
    press(app.run(), "Explain face #1")
    press(app, "Delete")
    kept = [p for p in (tmp_path / "work" / "explanations").rglob("*") if p.is_file()]
    assert kept == []


def test_the_answer_that_the_page_shows_is_explained(
    app: AppTest, made_models: Path, tmp_path: Path
) -> None:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("fear")] = 30
    model = described_network(load_bundle("tiny", made_models))
    save_adaptation(Adaptation("afraid", model, offsets), tmp_path / "adaptations")
    press(app, "Explain face #1")
    assert "why fear?" not in words(app)
    assert "With the adaptation" not in words(app)
    next(box for box in app.selectbox if box.label == "Adaptation").set_value("afraid").run()
    press(app, "Explain face #1")
    text = words(app)
    assert "why fear?" in text
    assert "With the adaptation afraid, strength 1.0, fingerprint " in text
    assert "before the adaptation" in text


def test_a_failure_is_said_and_a_job_that_is_gone_forgotten(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(store: JobStore, job_id: str) -> None:
        folder = store._folder(job_id)
        (folder / "process.json").write_text("{}")
        (folder / "errors.txt").write_text("error: model.keras is damaged.\n")

    monkeypatch.setattr(JobStore, "_launch", broken)
    press(app, "Explain face #1")
    assert "model.keras is damaged" in app.error[0].value
    press(app, "Try again")
    assert "could not be explained" in app.error[0].value
    press(app, "Close")
    assert not app.error
    press(app, "Explain face #1")
    store = explain_store()
    for job_id in store._ids():
        store.delete(job_id)
    app.run()
    assert [b for b in app.button if b.label == "Explain face #1"]


def until_told(app: AppTest, words: str) -> None:
    """Look again until the job's process has told of itself."""
    deadline = time.monotonic() + 60
    while not [p for p in app.get("progress") if words in p.proto.text]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        assert not app.run().exception


def test_cancel_half_way_ends_the_process_and_forgets_the_face(
    page: AppTest, jobs_never_end: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    press(page, "Explain face #1")
    until_told(page, "half way")
    assert page.get("progress")[0].proto.value == 40
    assert not [b for b in page.button if b.label == "Explain face #1"]
    press(page, "Cancel")
    jobs_never_end[0].wait(30)
    assert not page.get("progress")
    assert not page.error
    assert [p for p in (tmp_path / "work" / "explanations").rglob("*") if p.is_file()] == []
    # The same face can be asked for again at once, in a process of its own.
    press(page, "Explain face #1")
    until_told(page, "half way")
    assert [process.poll() is None for process in jobs_never_end] == [False, True]
    press(page, "Cancel")


def test_a_process_that_dies_half_way_is_said(
    page: AppTest, jobs_never_end: list[subprocess.Popen[bytes]]
) -> None:
    press(page, "Explain face #1")
    until_told(page, "half way")
    jobs_never_end[0].kill()
    jobs_never_end[0].wait()
    page.run()
    assert "ended unexpectedly" in page.error[0].value
    assert {"Try again", "Close"} <= {b.label for b in page.button}
