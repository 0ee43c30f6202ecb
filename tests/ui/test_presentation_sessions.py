"""Sessions on the server: recorded only after consent, ended in every way, kept after a crash."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from live_processor_stubs import PLAIN, FakePipeline, draw_red, video_frame, wait_for_frames
from starlette.applications import Starlette

from emotion_core.errors import InputError
from emotion_core.live.capture_times import TimedProcessor
from emotion_core.study.folder import Study
from emotion_core.study.presentation.outcome import COMPLETE, LOST, STOPPED
from emotion_core.study.presentation.plan import Item, ItemKind, Plan
from emotion_core.study.presentation.sessions import next_number, read_result, sessions_of
from emotion_core.ui.presentation_page.messages import ROUTE, Sessions, message_routes
from emotion_core.ui.presentation_page.runs import (
    DELETED,
    SILENT_S,
    Run,
    Runs,
    finish_interrupted,
    session_folder,
)

PLAN = Plan(
    consent="Do you agree?",
    keep_video=False,
    items=(
        Item("cat", ItemKind.PICTURE, "cat.png", 1.0),
        Item("liked", ItemKind.QUESTION, text="Liked?", points=5),
    ),
)
AGREED = "2026-01-01T10:00:00Z"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study", "Presented")


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def camera() -> Iterator[TimedProcessor]:
    processor = TimedProcessor(FakePipeline(), draw_red, PLAIN)
    processor.recv(video_frame())
    wait_for_frames(processor, 1)
    yield processor
    processor.on_ended()


def begin(runs: Runs, study: Study, camera: TimedProcessor, code: str = "") -> Run:
    run = runs.start(study, PLAN, code, AGREED, {"name": "tiny"})
    run.follow(camera)
    for count in range(2, 5):
        camera.recv(video_frame())
        wait_for_frames(camera, camera.reading().frames_in)
        assert camera.reading().frames_read >= count - 1
    return run


def told(run: Run, *kinds: tuple[str, dict[str, Any]]) -> list[Any]:
    """Entries of a browser whose clock is the server's."""
    now_ms = time.monotonic() * 1000
    s1 = now_ms / 1000 + 0.001
    clock = ("clock", {"t0": now_ms, "s1": s1, "s2": s1, "t1": now_ms + 2})
    return [
        {"id": f"{kind}-{i}", "load": "a", "type": kind, "at": now_ms + i, **more}
        for i, (kind, more) in enumerate((clock, *kinds))
    ]


CAT = (("onset", {"place": 0}), ("offset", {"place": 0}))
LIKED = ("rating", {"place": 1, "value": 3})


def test_a_session_becomes_a_recording_with_events_and_ratings(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera)
    assert (run.name, run.place) == ("P001", 0)
    assert runs.of(study.folder) == {"P001": run}
    run.take(told(run, *CAT))
    assert run.place == 1
    assert run.camera_sends()
    run.take(told(run, *CAT, LIKED))
    run.end_as("complete")
    run.end_as("stopped")
    assert (run.ended, run.problem) == (COMPLETE, "")
    assert runs.of(study.folder) == {}
    (row,) = study.reopened().recordings
    assert (row.recording, row.participant) == ("P001", "P001")
    assert row.variables["rating_liked_cat"] == "3"
    assert row.variables["order"] == "cat"
    (event,) = study.reopened().events
    assert (event.recording, event.label) == ("P001", "cat")
    folder = study.results_folder(row)
    assert folder == session_folder(study, "P001")
    assert (folder / "faces.csv").read_text().count("\n") > 1
    assert not list(folder.glob("*.mp4"))
    result = read_result(folder)
    assert (result["ended"], result["consent"]) == (COMPLETE, "Do you agree?")
    assert result["clock"]["uncertainty_s"] == pytest.approx(0.001, abs=1e-4)
    assert run.take(told(run, LIKED)) == []


def test_nothing_is_recorded_without_consent(runs: Runs, study: Study) -> None:
    before = sorted(path.name for path in study.folder.rglob("*"))
    with pytest.raises(InputError, match="without consent"):
        runs.start(study, PLAN, "", "", {})
    with pytest.raises(InputError, match="without consent"):
        runs.start(study, Plan(items=PLAN.items), "", AGREED, {})
    with pytest.raises(InputError, match="at most 40"):
        runs.start(study, PLAN, "x" * 50, AGREED, {})
    assert sorted(path.name for path in study.folder.rglob("*")) == before


def test_who_wants_the_recording_gone_leaves_nothing(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera)
    run.take(told(run, *CAT))
    run.end_as("delete")
    assert run.ended == DELETED
    assert not session_folder(study, "P001").exists()
    now = study.reopened()
    assert (now.recordings, now.events, sessions_of(now)) == ((), (), [])
    assert next_number(study.folder) == 1
    # Of who was here before, the earlier session stays, and so the number.
    runs.start(study, PLAN, "Anna", AGREED, {}).end(LOST)
    runs.start(study, PLAN, "Anna", AGREED, {}).end(DELETED)
    assert [row.recording for row in sessions_of(study)] == ["Anna"]
    assert next_number(study.folder) == 2


def test_what_cannot_be_deleted_is_told(
    runs: Runs, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.start(study, PLAN, "", AGREED, {})
    monkeypatch.setattr("shutil.rmtree", Mock(side_effect=PermissionError(13, "Permission denied")))
    run.end(DELETED)
    assert "P001 could not be removed: Permission denied" in run.problem


def test_a_browser_that_is_gone_ends_the_session_and_keeps_it(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera)
    run.take(told(run, *CAT))
    runs.end_silent()
    assert list(runs.of(study.folder)) == ["P001"]
    run.heard_s -= SILENT_S + 1
    runs.end_silent()
    assert run.ended == LOST
    (row,) = study.reopened().recordings
    assert row.variables["session_ended"] == LOST
    (shown,) = sessions_of(study)
    assert (shown.result["items_shown"], shown.result["items"]) == (1, 2)


def test_a_participant_who_stops_keeps_the_part_that_was_seen(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera, "Anna")
    run.take(told(run, *CAT))
    run.end_as("nonsense")
    assert not run.ended
    run.end_as("stopped")
    (row,) = study.reopened().recordings
    assert (row.participant, row.variables["session_ended"]) == ("Anna", STOPPED)
    again = runs.start(study, PLAN, "Anna", AGREED, {"name": "tiny"})
    assert (again.name, again.head.number) == ("Anna-2", 1)
    again.end(LOST)


def test_a_session_whose_server_died_is_finished_later(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera)
    run.take(told(run, *CAT))
    assert finish_interrupted(study, runs.of(study.folder)) == []
    # Another server, while this one holds the recording.
    assert finish_interrupted(study, {}) == []
    # What a killed process leaves: no summary, no row, the lock free.
    run.session._faces.flush()
    run.session._held.close()
    assert finish_interrupted(study, {}) == ["P001"]
    assert finish_interrupted(study, {}) == []
    (row,) = study.reopened().recordings
    assert row.variables["session_ended"] == LOST
    assert [event.label for event in study.reopened().events] == ["cat"]
    run.session._faces.__exit__(None, None, None)


def test_a_stream_that_ends_is_told_and_the_next_one_is_recorded(
    runs: Runs, study: Study, camera: TimedProcessor
) -> None:
    run = begin(runs, study, camera)
    camera.on_ended()
    assert not run.camera_sends()
    frames = run.session.frames
    other = TimedProcessor(FakePipeline(), draw_red, PLAIN)
    run.follow(other)
    run.follow(other)
    other.recv(video_frame())
    wait_for_frames(other, 1)
    assert run.camera_sends()
    run.end(COMPLETE)
    assert run.session.frames == frames + 1
    other.on_ended()


class Answers:
    """Posts to the route as a server would hand it a request."""

    def __init__(self, sessions: Sessions, run_async: Callable[[Any], Any]) -> None:
        self.app, self.run_async = Starlette(routes=message_routes(sessions)), run_async

    def __call__(self, message: Any) -> tuple[int, Any]:
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.run_async(self._post(data))

    async def _post(self, data: bytes) -> tuple[int, Any]:
        pieces = [data[i : i + 65_536] for i in range(0, len(data), 65_536)] or [b""]
        waiting = [
            {"type": "http.request", "body": piece, "more_body": i + 1 < len(pieces)}
            for i, piece in enumerate(pieces)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return (
                waiting.pop(0) if waiting else await asyncio.sleep(5, {"type": "http.disconnect"})
            )

        async def send(part: Any) -> None:
            sent.append(part)

        scope = {
            "type": "http", "method": "POST", "path": f"/{ROUTE}", "headers": [],
            "query_string": b"", "raw_path": b"", "root_path": "", "scheme": "http",
        }  # fmt: skip
        await self.app(scope, receive, send)
        body = b"".join(part.get("body", b"") for part in sent[1:])
        return sent[0]["status"], json.loads(body)


def test_the_route_answers_sessions_and_nothing_else(
    runs: Runs, study: Study, camera: TimedProcessor, run_async: Callable[[Any], Any]
) -> None:
    run = begin(runs, study, camera)
    sessions = Sessions()
    sessions.add(run.token, run)
    post = Answers(sessions, run_async)
    before_s = time.monotonic()
    status, clock = post({"run": run.token, "kind": "clock"})
    assert status == 200
    assert before_s <= clock["s1"] <= clock["s2"] <= time.monotonic()
    unknown = (404, {"state": "unknown"})
    bad: list[Any] = [{"run": "x" * 22}, {}, [], b"{", b"", b" " * 300_000, {"run": [run.token]}]
    for wrong in bad:
        assert post(wrong) == unknown
    entries = told(run, *CAT)
    status, answer = post({"run": run.token, "kind": "log", "entries": entries})
    assert answer == {
        "kept": [e["id"] for e in entries],
        "state": "running",
        "camera": True,
        "load": "",
    }
    begun = {"id": "b-0", "load": "b", "type": "load", "at": 0.0, "origin": 1e12}
    wrong_ones: list[Any] = [{"id": "b-0"}, {"id": ["b-0"], "type": "load"}, 3]
    status, answer = post({"run": run.token, "kind": "log", "entries": [begun, *wrong_ones]})
    assert (status, answer["kept"], answer["load"]) == (200, ["b-0"], "b")
    assert post({"run": run.token, "entries": 3})[1]["kept"] == []
    status, answer = post({"run": run.token, "kind": "log", "entries": [], "end": "complete"})
    assert answer["state"] == "ended"
    assert run.ended == COMPLETE


def test_a_full_disk_is_told_to_the_browser(
    runs: Runs, study: Study, camera: TimedProcessor, run_async: Callable[[Any], Any]
) -> None:
    run = begin(runs, study, camera)
    sessions = Sessions()
    sessions.add(run.token, run)
    run.log._path = study.folder / "gone" / "log"
    status, answer = Answers(sessions, run_async)({"run": run.token, "entries": told(run, *CAT)})
    assert (status, answer["state"], answer["kept"]) == (200, "failed", [])
    assert "could not be written" in answer["words"]
    run.log._path = run.session.folder / "presentation.jsonl"
    run.end(LOST)
