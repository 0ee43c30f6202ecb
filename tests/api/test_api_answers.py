"""What the interface answers: readings, streams, recordings and videos, as OpenAPI describes it."""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from live_processor_stubs import FakePipeline, draw_red, video_frame, wait_until
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from emotion_core.api import workers
from emotion_core.api.closed import PREFIX
from emotion_core.api.openapi import SCHEMAS, description
from emotion_core.api.routes import api_routes
from emotion_core.config import MODELS_DIR
from emotion_core.live.capacity import SEATS
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording_store import SessionStore
from emotion_core.media.synthetic import sample_photo
from emotion_core.media.write import sample_video

TOKEN = "a-token-for-tests-only-0123456789"


def fits(answer: Any, schema: str) -> Any:
    """The answer, checked against the description."""
    document = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}}
    jsonschema.validate(answer, document)
    return answer


def ask(running: Any, method: str, path: str, status: int, schema: str, body: Any = None) -> Any:
    """The JSON answer, with the expected status and shape."""
    answer = running.client.ask(method, path, body)
    assert answer.status == status, answer.body
    return fits(answer.json, schema)


def test_every_route_is_described_and_every_description_has_a_route(running: Any) -> None:
    served: set[tuple[str, str]] = set()
    for route in api_routes(running.parts):
        if isinstance(route, WebSocketRoute):
            served.add(("get", route.path))
        elif isinstance(route, Route) and "{path:path}" not in route.path:
            served |= {(m.lower(), route.path) for m in (route.methods or ()) if m != "HEAD"}
    answer = running.client.ask("GET", "/openapi.json").json
    assert answer == json.loads(json.dumps(description(PREFIX)))
    described = {
        (method, PREFIX + path)
        for path, item in answer["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == served
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", ["/frame", "/photo"])
def test_a_picture_is_read(running: Any, jpeg: bytes, path: str) -> None:
    moved = cv2.copyMakeBorder(sample_photo(), 0, 0, 320, 0, cv2.BORDER_REPLICATE)
    elsewhere = bytes(cv2.imencode(".jpg", moved)[1].tobytes())
    for picture, width in ((jpeg, 320), (elsewhere, 640)):
        read = ask(running, "POST", path, 200, "Reading", picture)
        (face,) = read["faces"]
        # Nothing of the first picture is left: nobody from there, and no second number.
        assert (face["emotion"], face["track_id"], read["width"]) == ("happy", 1, width)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/frame", b"", 400, "empty"),
        ("/frame", b"no picture", 422, "no picture that can be read"),
        ("/photo", b"\xff\xd8\xff\xe0" + b"\0" * 500, 422, "The picture"),
        ("/live/nothing/markers", b"{}", 404, "no such live stream"),
        ("/videos?rate=often", b"x", 422, "rate must be a number"),
        ("/videos?every=1.5", b"x", 422, "whole number"),
        ("/videos?every=inf", b"x", 422, "whole number"),
        ("/videos?every=0", b"x", 422, ""),
        ("/videos?every=2&rate=3", b"x", 422, ""),
        ("/videos?rate=inf", b"x", 422, ""),
        ("/videos?end=inf", b"x", 422, "end must come after"),
        ("/videos?start=9&end=3", b"x", 422, "end must come after"),
        ("/videos?start=nan", b"x", 422, "start"),
        ("/videos?faces=mine", b"x", 422, "everybody, largest, one"),
        ("/videos?annotate=yes", b"x", 422, "1 or 0"),
        ("/videos?out=/etc", b"x", 422, "Unknown in the query: out"),
        ("/videos", b"", 400, "empty"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    running: Any, path: str, body: bytes, status: int, words: str
) -> None:
    answer = ask(running, "POST", path, status, "Error", body)
    assert words in answer["error"]


def test_work_for_programs_gives_way_to_a_page_that_streams(
    run_async: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> int:
        time.sleep(0.05)
        if sys.platform != "linux":
            return workers.NICENESS
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    pool = workers.Workers(MODELS_DIR)
    spent_s = []
    for streaming in ([], ["a live stream"]):
        monkeypatch.setattr(workers, "live_threads", lambda found=streaming: found)
        begun_s = time.perf_counter()
        assert run_async(pool.run(work)) == workers.NICENESS
        spent_s.append(time.perf_counter() - begun_s)
    # A rest as long as the work.
    assert spent_s[1] > 0.1


@pytest.fixture
def opened(running: Any) -> Iterator[Callable[..., ClientConnection]]:
    """Opens streams, and closes them after the test."""
    with contextlib.ExitStack() as stack:

        def open_stream(query: str = "", port: int = running.client.port, **options: Any) -> Any:
            options.setdefault("additional_headers", {"Authorization": f"Bearer {TOKEN}"})
            address = f"ws://127.0.0.1:{port}{PREFIX}/stream{query}"
            return stack.enter_context(connect(address, **options))

        yield open_stream
    wait_until(lambda: SEATS.taken() == 0, "the seats to be free")


def test_a_stream_keeps_a_person_and_survives_a_bad_picture(
    opened: Callable[..., ClientConnection], jpeg: bytes
) -> None:
    stream = opened("?smoothing=0.2")
    for index in range(4):
        stream.send(jpeg)
        read = fits(json.loads(stream.recv(10)), "StreamReading")
        assert (read["index"], read["skipped"]) == (index, 0)
    assert [face["track_id"] for face in read["faces"]] == [1]
    stream.send(b"no picture")
    assert "no picture" in fits(json.loads(stream.recv(10)), "StreamProblem")["error"]
    stream.send(jpeg)
    assert fits(json.loads(stream.recv(10)), "StreamReading")["faces"]


def test_of_pictures_that_come_too_fast_the_newest_is_read(
    opened: Callable[..., ClientConnection], jpeg: bytes
) -> None:
    stream = opened()
    for _ in range(60):
        stream.send(jpeg)
    read, seen = {"index": -1}, 0
    while read["index"] < 59:
        read = json.loads(stream.recv(10))
        seen += 1 + read["skipped"]
    # Each picture was either read or counted as skipped, and the last one was read.
    assert seen == 60


def test_a_browser_sends_the_token_as_a_protocol(
    opened: Callable[..., ClientConnection], jpeg: bytes
) -> None:
    protocols = ["emotion-lab.v1", f"bearer.{TOKEN}"]
    stream = opened(additional_headers={}, subprotocols=protocols)
    assert stream.subprotocol == "emotion-lab.v1"
    stream.send(jpeg)
    assert json.loads(stream.recv(10))["index"] == 0


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {}, 401),
        ("", {"Authorization": "Bearer wrong"}, 401),
        ("?faces=mine", None, 422),
        ("?smoothing=2", None, 422),
    ],
)
def test_a_stream_is_refused_before_it_begins(
    opened: Callable[..., ClientConnection],
    query: str,
    headers: dict[str, str] | None,
    status: int,
) -> None:
    options = {} if headers is None else {"additional_headers": headers}
    with pytest.raises(InvalidStatus) as refused:
        opened(query, **options)
    assert refused.value.response.status_code == status
    assert b'"error"' in (refused.value.response.body or b"")


def test_streams_share_the_seats_of_live_streams(
    serve: Any, opened: Callable[..., ClientConnection]
) -> None:
    port = serve(most_streams=1).client.port
    opened(port=port)
    with pytest.raises(InvalidStatus) as refused:
        opened(port=port)
    assert refused.value.response.status_code == 503


def test_a_stream_without_pictures_is_ended(
    serve: Any, opened: Callable[..., ClientConnection]
) -> None:
    stream = opened(port=serve(idle_s=0.3).client.port)
    with pytest.raises(ConnectionClosed, match="No picture came"):
        stream.recv(10)


@pytest.mark.parametrize(("message", "code"), [("words", 1003), (b"x" * 1001, 1009)])
def test_what_is_no_picture_or_too_large_ends_a_stream(
    serve: Any, opened: Callable[..., ClientConnection], message: str | bytes, code: int
) -> None:
    stream = opened(port=serve(frame_bytes=1000).client.port)
    stream.send(message)
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


@pytest.fixture
def processor(running: Any, tmp_path: Path) -> Iterator[LiveProcessor]:
    """A live stream that a page has added."""
    made = LiveProcessor(FakePipeline(), draw_red, send_back=False)
    running.parts.live.add(made, SessionStore(tmp_path / "live"), "tiny")
    yield made
    made.on_ended()


def test_a_live_stream_is_recorded_marked_and_fetched(
    running: Any, processor: LiveProcessor
) -> None:
    (listed,) = ask(running, "GET", "/live", 200, "LiveStreams")["streams"]
    path = f"/live/{listed['id']}"
    assert ask(running, "GET", path, 200, "LiveStreamNow")["result"] is None
    assert ask(running, "GET", f"{path}/recording", 200, "Recording")["state"] == "none"
    ask(running, "POST", f"{path}/markers", 409, "Error", {"label": "early"})
    begun = ask(running, "POST", f"{path}/recording", 201, "Recording", {"action": "start"})
    assert begun["state"] == "recording"
    ask(running, "POST", f"{path}/recording", 409, "Error", {"action": "start"})
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 1, "a reading")
    time.sleep(0.3)
    old = ask(running, "POST", f"{path}/markers", 201, "Marker", {"label": "cue", "age_s": 0.2})
    new = ask(running, "POST", f"{path}/markers", 201, "Marker", {"label": "answer\nyes"})
    assert 0.1 < new["start_s"] - old["start_s"] < 1
    markers = ask(running, "GET", f"{path}/markers", 200, "Markers")["markers"]
    assert [marker["label"] for marker in markers] == ["cue", "answer yes"]
    for action, state in (("pause", "paused"), ("resume", "recording")):
        body = {"action": action}
        assert ask(running, "POST", f"{path}/recording", 200, "Recording", body)["state"] == state
    shown = ask(running, "GET", path, 200, "LiveStreamNow")
    assert (shown["recording"], shown["faces"]) == ("recording", 1)
    ended = ask(running, "POST", f"{path}/recording", 200, "Recording", {"action": "stop"})
    assert ended["state"] == "finished"
    assert ended["summary"]["source"]["kind"] == "live"
    assert {"faces.csv", "summary.json", "edits.json"} <= set(ended["files"])
    table = running.client.ask("GET", f"{path}/recording/files/faces.csv").body.decode()
    assert len(table.splitlines()) == 2
    assert running.client.ask("GET", f"{path}/recording/files/..%2Fx").status == 404
    ask(running, "POST", f"{path}/recording", 409, "Error", {"action": "stop"})
    # One experiment has many blocks.
    ask(running, "POST", f"{path}/recording", 201, "Recording", {"action": "start"})
    ask(running, "POST", f"{path}/recording", 200, "Recording", {"action": "stop"})


def test_a_recording_that_a_visitor_made_is_neither_replaced_nor_handed_out(
    running: Any, processor: LiveProcessor
) -> None:
    stream = running.parts.live.of(processor)
    token, _ = stream._store.start("tiny")
    stream.show(token)
    path = f"/live/{stream.id}/recording"
    assert ask(running, "GET", path, 200, "Recording")["state"] == "recording"
    ask(running, "POST", path, 200, "Recording", {"action": "stop"})
    answer = ask(running, "POST", path, 409, "Error", {"action": "start"})
    assert "New recording" in answer["error"]
    ask(running, "GET", f"{path}/files/faces.csv", 404, "Error")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("recording", b"start", 400),
        ("recording", b'["start"]', 422),
        ("recording", {"action": "erase"}, 422),
        ("recording", {"action": ["start"]}, 422),
        ("markers", b"{" + b'"a":{' * 5000, 400),
        ("markers", {"label": ""}, 422),
        ("markers", {"label": 3}, 422),
        ("markers", {"label": "x", "age_s": "1"}, 422),
        ("markers", {"label": "x", "age_s": -1}, 422),
        ("markers", b'{"label": "x", "age_s": NaN}', 422),
        ("markers", {"label": "x", "age_s": True}, 422),
        ("markers", {"label": "x", "age_s": 3000}, 422),
    ],
)
def test_bad_json_is_refused_and_a_recording_goes_on(
    running: Any, processor: LiveProcessor, path: str, body: Any, status: int
) -> None:
    stream = running.parts.live.of(processor)
    session = stream.start_recording()
    answer = ask(running, "POST", f"/live/{stream.id}/{path}", status, "Error", body)
    assert answer["error"].endswith(".")
    assert (session.state.value, session.edits.markers) == ("recording", ())
    stream.stop_recording()


def test_a_video_is_submitted_followed_fetched_and_deleted(
    running: Any,
    tmp_path: Path,
    jobs_run_here: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    video = sample_video(tmp_path / "made.mp4", 1.0, 10.0).read_bytes()
    query = "/videos?name=talk.mp4&rate=5&annotate=0&faces=one"
    job = ask(running, "POST", query, 202, "Job", video)
    assert job["name"] == "talk.mp4"
    assert jobs_run_here[0][-4:] == ["json", "--rate=5.0", "--no-annotate", "--one-person"]
    path = f"/videos/{job['job']}"
    done = ask(running, "GET", path, 200, "Job")
    assert (done["status"], done["fraction"]) == ("done", 1)
    assert {"faces.csv", "summary.json"} <= set(done["files"])
    table = running.client.ask("GET", f"{path}/files/faces.csv")
    assert table.body.decode().startswith("frame,time_s")
    part = running.client.ask("GET", f"{path}/files/faces.csv", Range="bytes=0-4")
    assert (part.status, part.body) == (206, b"frame")
    assert [one["job"] for one in ask(running, "GET", "/videos", 200, "Jobs")["jobs"]] == [
        job["job"]
    ]
    # Repeated after a broken connection: the same job.
    assert ask(running, "POST", query, 202, "Job", video)["job"] == job["job"]
    for name in ("..%2F..%2Fjob.json", "job.json", "..", ".lock", "none.csv"):
        assert running.client.ask("GET", f"{path}/files/{name}").status == 404
    fetched: list[str] = []
    monkeypatch.setattr(running.store, "fetch", fetched.append)
    ask(running, "GET", path, 200, "Job")
    assert running.client.ask("DELETE", path).status == 204
    assert fetched == [job["job"]], "another replica's results are not copied to be deleted"
    ask(running, "GET", path, 404, "Error")
    assert not list((running.store.results_of(job["job"]).parent).glob("*"))


def test_a_visitors_job_is_not_seen(running: Any, jobs_run_here: list[list[str]]) -> None:
    running.store._root.mkdir(parents=True, exist_ok=True)
    file = running.store._root / "x.mp4"
    file.write_bytes(b"no video")
    with file.open("rb") as content:
        video = running.store.add_input("x.mp4", content)
    job_id = running.store.start([video], [], {"name": "tiny"}, "a visitor")
    ask(running, "GET", f"/videos/{job_id}", 404, "Error")
    ask(running, "DELETE", f"/videos/{job_id}", 404, "Error")
    assert running.store.state(job_id) is not None


def test_a_file_that_is_no_video_fails_with_a_sentence(
    running: Any, jobs_run_here: list[list[str]]
) -> None:
    job = ask(running, "POST", "/videos?name=x.mp4", 202, "Job", b"no video at all")
    failed = ask(running, "GET", f"/videos/{job['job']}", 200, "Job")
    assert failed["status"] == "failed"
    assert failed["message"]


def test_an_upload_on_a_full_disk_is_refused_and_nothing_is_left(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emotion_core.jobs.uploads._copy", full)
    answer = ask(running, "POST", "/videos?name=y.mp4", 507, "Error", b"x" * 100)
    assert "No space left" in answer["error"]
    assert not list(running.parts.work_dir.glob("*"))


def test_readings_are_those_of_the_package(running: Any, jpeg: bytes) -> None:
    """The interface adds nothing of its own to what a pipeline says."""
    from emotion_core import Frame, Pipeline, PipelineSettings, read_photo

    pipeline = Pipeline.load(settings=PipelineSettings.for_photo())
    ours = pipeline.process(Frame(read_photo(jpeg))).to_dict()
    theirs = ask(running, "POST", "/photo", 200, "Reading", jpeg)
    probs = [list(read["faces"][0]["probs"].values()) for read in (ours, theirs)]
    assert np.allclose(probs[0], probs[1], atol=1e-6)
    assert theirs["faces"][0]["box_xyxy"] == ours["faces"][0]["box_xyxy"]
