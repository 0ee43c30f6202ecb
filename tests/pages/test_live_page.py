"""Live: what stands on the page before a camera runs, and when the network is broken."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from page_driver import run
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.datatypes import FrameResult
from emotion_core.live.capacity import Seats
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.settings import LiveSettings
from emotion_core.model.classify import load_classifier
from emotion_core.ui.live_page import stream
from emotion_core.ui.live_page.recorder import attach, hears_us

LIVE = str(PROJECT_ROOT / "pages" / "1_Live.py")


@pytest.fixture(autouse=True)
def plain_session(monkeypatch: pytest.MonkeyPatch) -> None:
    # AppTest has no session that the video component could watch for its end.
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    # Nor has it a browser that would have to draw the video component first.
    monkeypatch.setattr("emotion_core.ui.live_page.stream.FIRST_LOOK_S", 0)


def test_live_shows_its_controls_and_how_it_goes() -> None:
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert app.title[0].value == "Live"
    assert any("Press **START**" in element.value for element in app.markdown)
    assert app.slider(key="live_smoothing").value == 0.5
    assert app.toggle(key="live_mirror").value is True
    assert "No picture is kept" in app.caption[-1].value


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_broken_network_is_said_in_words(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    if damage != "missing":
        shutil.copytree(PROJECT_ROOT / "models", models)
        for served in models.glob("*/model.tflite"):
            data = served.read_bytes()
            served.write_bytes(b"" if damage == "empty" else data[: len(data) // 2])
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert "The network cannot be used" in app.error[0].value
    assert "train" in app.error[0].value


def recording(work: Path) -> str:
    """A finished recording of one face below the work folder; returns its token."""
    store = SessionStore(work / "live")
    token, session = store.start("tiny")
    add = session.begin_stream()
    probs, box = np.eye(7, dtype=np.float32)[[3]], np.array([[1, 2, 41, 42]], np.float32)
    one, no = np.ones(1, np.float32), np.zeros(1, bool)
    for i in range(30):
        arrived_s = session._zero_s + i / 10
        add(FrameResult(i, 0.0, box, np.array([1]), probs, probs, one, no, no, ((),)), arrived_s)
    session.rename(1, "Ada")
    store.stop(token)
    return token


def page_of_a_recording(work: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[AppTest, str]:
    """The page at the address of a finished recording, and the recording's token."""
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(work))
    token = recording(work)
    app = AppTest.from_file(LIVE, default_timeout=60)
    app.query_params["recording"] = token
    return run(app), token


def test_a_finished_recording_is_found_by_its_address_and_can_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, token = page_of_a_recording(tmp_path, monkeypatch)
    assert "Your recording" in [element.value for element in app.subheader]
    assert any("Ada" in element.value for element in app.markdown)
    app.button(key="live_delete").click()
    run(app)
    assert "Your recording" not in [element.value for element in app.subheader]
    assert "recording" not in app.query_params
    assert not (tmp_path / "live" / token).exists()


def test_a_stream_that_is_gone_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another server has taken the visitor over: it knows of the stream by the address only."""
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))
    app = AppTest.from_file(LIVE, default_timeout=60)
    assert not run(app).warning
    app.query_params["stream"] = "on"
    assert "The stream has ended" in run(app).warning[0].value


def test_a_recording_is_found_again_after_a_link_to_another_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, token = page_of_a_recording(tmp_path, monkeypatch)
    # A link takes the token out of the address.
    del app.query_params["recording"]
    run(app)
    assert "Your recording" in [element.value for element in app.subheader]
    assert app.query_params["recording"] in (token, [token])
    app.button(key="live_new").click()
    run(app)
    assert "Your recording" not in [element.value for element in app.subheader]
    assert "recording" not in app.query_params
    assert (tmp_path / "live" / token).exists()


def test_old_recordings_go_whether_anybody_records_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))
    folder = tmp_path / "live" / recording(tmp_path)
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    run(AppTest.from_file(LIVE, default_timeout=60))
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_names_given_before_the_recording_reach_it(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "live")
    _, session = store.start("tiny")
    heard: list[object] = []
    attach(SimpleNamespace(listen=heard.append, resolve_identities=None), session, {1: "Ada"})  # type: ignore[arg-type]
    assert len(heard) == 1
    assert session.edits.name_of(session.own_id(1)) == "Ada"
    assert hears_us(session)
    # Another tab takes the recording over.
    session.begin_stream()
    assert not hears_us(session)


def test_a_wrong_address_shows_nobody_elses_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))
    token = recording(tmp_path)
    app = AppTest.from_file(LIVE, default_timeout=60)
    app.query_params["recording"] = token[::-1]
    run(app)
    assert "Your recording" not in [element.value for element in app.subheader]


def test_a_full_computer_says_so_politely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_MAX_STREAMS", "1")
    seats = Seats()
    monkeypatch.setattr("emotion_core.live.capacity.SEATS", seats)
    seat = seats.take(1)
    assert seat is not None
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert "as many as it can carry" in app.warning[0].value
    assert app.button(key="live_retry").label == "Try again"
    seat.release()
    run(app)
    assert not app.warning


def test_of_two_who_press_start_at_the_same_time_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have seen a free seat; the second stream never begins."""
    monkeypatch.setenv("EMOTION_LAB_MAX_STREAMS", "1")
    monkeypatch.setattr(stream, "SEATS", Seats())
    # Nothing is streamed here, and the relay lives in a server.
    monkeypatch.setattr(stream, "get_global_relay", lambda: None)
    monkeypatch.setattr(stream, "keep_newest_only", lambda _: None)
    classifier = load_classifier()
    first, second = (stream._processor(classifier, LiveSettings(), True) for _ in range(2))
    assert not first.reading().ended
    assert second.reading().ended
    first.on_ended()
    third = stream._processor(classifier, LiveSettings(), True)
    assert not third.reading().ended
    third.on_ended()


def test_wrong_settings_of_the_installation_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_ICE_SERVERS", '[{"urls": "turn:t.example.org"}]')
    app = run(AppTest.from_file(LIVE, default_timeout=60))
    assert "needs a username" in app.error[0].value
