"""A recording: what lands on disk, across pauses, lost streams and restarts of the server."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_recordings import Clock, picture, result, rows

from emotion_core.datatypes import FrameResult
from emotion_core.errors import EmotionCoreError, OutputError
from emotion_core.live.recording import LiveSession, SessionState
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.video_recorder import Film
from emotion_core.media.read import read_frames
from emotion_core.results.export import export_files
from emotion_core.results.streams import content_pieces

pytestmark = pytest.mark.usefixtures("close_abandoned_tables")


def test_the_picture_is_kept_only_while_that_is_ticked(session: LiveSession, clock: Clock) -> None:
    add = session.begin_stream()
    add(result(), clock.now + 1, picture(10))
    assert not session.keeps_video
    session.keep_video(True)
    add(result(), clock.now + 2, picture(100))
    # The browser sends a smaller picture for a while: the film keeps its size.
    add(result(), clock.now + 3, picture(150, width=32))
    session.keep_video(False)
    add(result(), clock.now + 4, picture(250))
    summary = session.stop()
    assert summary["clip"] == {"origin_s": 2.0}
    frames = list(read_frames(session.folder / "annotated.mp4"))
    assert [round(float(frame.image.mean()), -1) for frame in frames] == [100, 150]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 1], abs=0.01)
    assert frames[1].image.shape == (48, 64, 3)
    assert "annotated.mp4" in export_files(session.folder, session.edits, 2.0)


def test_without_a_tick_there_is_no_picture_on_disk(session: LiveSession, clock: Clock) -> None:
    session.begin_stream()(result(), clock.now + 1, picture(10))
    assert "clip" not in session.stop()
    assert {file.suffix for file in session.folder.iterdir()} <= {".csv", ".json"}


def test_a_recording_without_a_frame_can_be_finished(session: LiveSession) -> None:
    summary = session.stop()
    assert summary["frames_analysed"] == 0
    assert summary["people"] == []
    assert session.state is SessionState.FINISHED
    assert session.stop() == summary


def test_times_start_at_zero_and_pauses_leave_a_gap(session: LiveSession, clock: Clock) -> None:
    add = session.begin_stream()
    add(result(), 999.0)  # a frame from before the recording began
    add(result(), 1000.5)
    session.pause()
    add(result(), 1001.0)
    session.resume()
    add(result(()), 1002.0)
    session.stop()
    add(result(), 1003.0)
    kept = [(row["frame"], row["time_s"], row["track_id"]) for row in rows(session.folder)]
    assert kept == [("0", "0.500000", "1"), ("1", "2.000000", "")]
    assert session.frames == 2


def test_a_new_streams_people_are_other_people(session: LiveSession) -> None:
    first = session.begin_stream()
    first(result((1, 2)), 1001.0)
    second = session.begin_stream()
    first(result((1,)), 1002.0)  # the old stream is not listened to any more
    second(result((1,)), 1003.0)
    assert session.own_id(1) == 3
    session.stop()
    assert [row["track_id"] for row in rows(session.folder)] == ["1", "2", "3"]


def test_tracklets_and_shots_count_on_over_streams_from_the_first_one_recorded(
    session: LiveSession,
) -> None:
    def seen(person: int, tracklet: int, shot: int) -> FrameResult:
        return replace(result((person,)), tracklets=np.array([tracklet]), shot=shot)

    first = session.begin_stream()
    # Three cuts were seen before the recording began.
    first(seen(1, 5, 4), 1001.0)
    first(seen(1, 6, 5), 1002.0)
    second = session.begin_stream()
    second(seen(1, 1, 1), 1003.0)
    second(seen(1, 2, 2), 1004.0)
    session.stop()
    written = [(row["track_id"], row["tracklet"], row["shot"]) for row in rows(session.folder)]
    assert written == [("1", "5", "1"), ("1", "6", "2"), ("2", "7", "3"), ("2", "8", "4")]


def test_boxes_stay_in_the_pixels_of_the_first_frame(session: LiveSession) -> None:
    add = session.begin_stream()
    add(result(), 1001.0, None, (640, 480))
    # The browser sends a smaller picture: the same box lies twice as far out in the first one's.
    add(result(), 1002.0, None, (320, 240))
    summary = session.stop()
    boxes = [tuple(float(row[c]) for c in ("x", "y", "width")) for row in rows(session.folder)]
    assert boxes == [(1, 2, 10), (2, 4, 20)]
    assert (summary["source"]["width"], summary["source"]["height"]) == (640, 480)


def test_a_name_given_in_a_pause_is_nobody_else_s(session: LiveSession) -> None:
    session.begin_stream()(result((1,)), 1001.0)
    session.pause()
    session.rename(2, "Bob")
    session.begin_stream()
    assert session.own_id(1) == 3


def test_names_and_markers_reach_summary_and_exports(session: LiveSession, clock: Clock) -> None:
    add = session.begin_stream()
    for i in range(40):
        add(result(), 1000.0 + i / 10)
    clock.now = 1002.0
    session.mark("  film \n begins ")
    session.rename(1, "Ada")
    summary = session.stop()
    assert summary["people"][0]["name"] == "Ada"
    assert summary["people"][0]["dominant"] == "happy"
    assert summary["markers"][0]["label"] == "film begins"
    assert summary["markers"][0]["start_s"] == 2.0
    assert summary["started_utc"].endswith("+00:00")
    assert summary["model"] == {"name": "tiny"}
    # The same exports as a video's, from the same code.
    files = export_files(session.folder, session.edits, 0.0)
    assert b"Ada" in b"".join(content_pieces(files["faces.csv"]))
    assert b"film begins" in b"".join(content_pieces(files["markers.csv"]))


def test_a_reload_finds_the_running_recording_by_its_token(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    token, session = store.start("tiny")
    assert len(token) == 22
    assert store.find(token) == (tmp_path / token, session)
    store.stop(token)
    assert store.find(token) == (tmp_path / token, None)


@pytest.mark.parametrize("token", ["", "..", "../../etc/passwd", "a" * 21, "a" * 22, "é" * 22])
def test_guessed_tokens_find_nothing(token: str, tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    store.start("tiny")
    assert store.find(token) is None
    with pytest.raises(EmotionCoreError, match="no longer here"):
        store.stop(token)


def make_old(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (1, 1))


def test_delete_and_retention(tmp_path: Path) -> None:
    old, _ = (store := SessionStore(tmp_path, retention_h=1)).start("tiny")
    store.stop(old)
    make_old(tmp_path / old)
    store = SessionStore(tmp_path, retention_h=1)
    new, _ = store.start("tiny")
    assert store.find(old) is None
    store.delete(new)
    store.delete(new)
    assert not any(tmp_path.iterdir())


def test_a_recording_whose_page_is_open_is_not_deleted_however_long_it_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore(tmp_path, retention_h=1)
    token, session = store.start("tiny")
    session.pause()
    make_old(tmp_path / token)
    store.forget_old()
    assert store.find(token) == (tmp_path / token, session)
    # A page that was closed asks no more.
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    store.forget_old()
    assert not (tmp_path / token).exists()


def test_a_recording_that_another_server_holds_is_left_alone(tmp_path: Path) -> None:
    token, session = SessionStore(tmp_path).start("tiny")
    session.begin_stream()(result(), session._zero_s + 1)
    make_old(tmp_path / token)
    other = SessionStore(tmp_path, retention_h=1)
    other.forget_old()
    with pytest.raises(OutputError, match="Another server"):
        other.stop(token)
    assert session.stop()["frames_analysed"] == 1
    assert other.stop(token)["frames_analysed"] == 1


def test_who_finishes_while_it_is_being_finished_waits_and_gets_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SessionStore(tmp_path)
    token, session = store.start("tiny")
    session.keep_video(True)
    add = session.begin_stream()
    for i in range(5):
        add(result(), session._zero_s + 1 + i / 10, picture(100))
    closing, go = threading.Event(), threading.Event()
    close = Film.close

    def slowly(film: Film) -> None:
        closing.set()
        go.wait(10)
        close(film)

    monkeypatch.setattr(Film, "close", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.stop, token)
        assert closing.wait(10)
        second = pool.submit(store.stop, token)
        time.sleep(0.1)
        assert not second.done()
        go.set()
        assert first.result(10) == second.result(10)
    assert len(list(read_frames(tmp_path / token / "annotated.mp4"))) == 5
