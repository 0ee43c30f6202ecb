"""Recordings on a full disk, of a killed server, and with damaged files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_recordings import picture, result, rows

from benchmarks.torture_recordings import torture
from emotion_core.errors import InputError, OutputError
from emotion_core.live.recording import LiveSession, SessionState
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.video_recorder import Film
from emotion_core.media.read import read_frames

pytestmark = pytest.mark.usefixtures("close_abandoned_tables")


def test_a_full_disk_pauses_the_recording_and_says_so(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = session.begin_stream()

    def full(*_: object) -> None:
        raise OutputError("The disk is full")

    monkeypatch.setattr(session._faces, "write", full)
    add(result(), 1001.0)
    assert session.state is SessionState.PAUSED
    assert session.error == "The disk is full"
    monkeypatch.undo()
    session.resume()
    add(result(), 1002.0)
    assert (session.error, session.frames) == ("", 1)


def test_a_recording_cut_off_by_a_restart_can_still_be_finished(tmp_path: Path) -> None:
    token, session = SessionStore(tmp_path).start("tiny")
    add = session.begin_stream()
    for i in range(20):
        add(result(), session._zero_s + i)
    # The server dies here: the system releases its lock, and the rows flushed are all there is.
    session._held.close()
    restarted = SessionStore(tmp_path)
    found = restarted.find(token)
    assert found is not None
    assert found[1] is None
    assert restarted.stop(token)["frames_analysed"] >= 15


# Half a minute of film at 10 frames a second, then an end without a word.
_DIES = """
import os, sys
from pathlib import Path
import numpy as np
from benchmarks.torture_recordings import torture
from emotion_core.datatypes import FrameResult
from emotion_core.live.recording_store import SessionStore
token, session = SessionStore(Path(sys.argv[1])).start("tiny")
print(token, flush=True)
session.keep_video(True)
add = session.begin_stream()
noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
for i in range(300):
    picture = np.roll(noise, i, axis=1)
    add(FrameResult.empty(i, i / 10), session._zero_s + 2 + i / 10, lambda: picture)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process the Unix way")
def test_the_film_of_a_server_that_was_killed_is_offered(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _DIES, str(tmp_path)], check=False, stdout=subprocess.PIPE, text=True
    )
    assert killed.returncode == -9
    token = killed.stdout.strip()
    assert SessionStore(tmp_path).stop(token)["clip"] == {"origin_s": 2.0}
    times = [frame.time_s for frame in read_frames(tmp_path / token / "annotated.mp4")]
    assert len(times) >= 290, "no more than the last second is missing"
    assert times == pytest.approx([i / 10 for i in range(len(times))], abs=0.01)
    assert [float(row["time_s"]) for row in rows(tmp_path / token)][-1] >= 31.0 - 0.1
    assert [file.name for file in (tmp_path / token).glob("*.mp4")] == ["annotated.mp4"]


def test_pieces_of_a_film_that_cannot_be_read_are_no_film(tmp_path: Path) -> None:
    token, session = SessionStore(tmp_path).start("tiny")
    session.stop()
    (session.folder / ".film.part.mp4").write_bytes(b"\0" * 100)
    assert "clip" not in SessionStore(tmp_path).stop(token)


@pytest.mark.parametrize("error", [OutputError("The disk is full."), RuntimeError("no font")])
def test_where_only_the_video_fails_the_readings_go_on(
    session: LiveSession, error: Exception
) -> None:
    session.keep_video(True)
    add = session.begin_stream()
    for i in range(3):
        add(result(), 1001.0 + i / 10, picture(100))

    def broken() -> np.ndarray:
        raise error

    add(result(), 1002.0, broken)
    assert session.state is SessionState.RECORDING
    assert str(error) in session.video_error
    assert not session.keeps_video
    session.keep_video(True)
    assert not session.keeps_video, "the film is closed"
    add(result(), 1003.0, picture(100))
    summary = session.stop()
    assert summary["frames_analysed"] == 5
    assert str(error) in summary["video_problem"], "whoever comes later is told too"
    assert len(list(read_frames(session.folder / "annotated.mp4"))) == 3


def test_a_film_that_cannot_be_finished_is_told_with_the_summary(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.keep_video(True)
    session.begin_stream()(result(), 1001.0, picture(100))

    def full(_: Film) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(Film, "close", full)
    summary = session.stop()
    assert summary["frames_analysed"] == 1
    assert summary["video_problem"] == "The disk is full."


def test_an_error_that_was_not_foreseen_pauses_the_recording_and_is_told(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = session.begin_stream()

    def broken(*_: object) -> None:
        raise ValueError("no such row")

    monkeypatch.setattr(session._faces, "write", broken)
    add(result(), 1001.0)
    assert session.state is SessionState.PAUSED
    assert "no such row" in session.error


@pytest.mark.parametrize("head", ["", "{", "[]", '{"started_utc": 3}'])
def test_a_damaged_head_costs_no_readings(tmp_path: Path, head: str) -> None:
    token, session = SessionStore(tmp_path).start("tiny")
    session.begin_stream()(result(), session._zero_s + 1)
    session._faces.flush()
    session._held.close()
    (tmp_path / token / "session.json").write_text(head)
    summary = SessionStore(tmp_path).stop(token)
    assert summary["frames_analysed"] == 1
    assert summary["started_utc"].endswith("+00:00")


def test_without_head_and_readings_the_recording_is_refused(tmp_path: Path) -> None:
    token, session = SessionStore(tmp_path).start("tiny")
    session._held.close()
    (tmp_path / token / "session.json").write_text("")
    (tmp_path / token / "faces.csv").unlink()
    with pytest.raises(InputError, match="damaged"):
        SessionStore(tmp_path).stop(token)


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        LiveSession(tmp_path / "file" / "s", "tiny")


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process the Unix way")
def test_recordings_of_killed_servers_open_and_lose_no_more_than_a_second(tmp_path: Path) -> None:
    """The short version of `python -m benchmarks.torture recordings`."""
    figures = torture(tmp_path, kills=3, longest_s=2.5)
    assert figures["failures"] == []
    assert figures["opened"] == 3
    # Twice the promise: the machine that tests may be busy with other tests.
    assert figures["most_lost_s"] <= 2.0
