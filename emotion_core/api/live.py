"""Remote control of the live streams that the pages show: watch, record, mark."""

import time
from pathlib import Path
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from emotion_core.api.body import read_json
from emotion_core.api.files import file_answer, files_of
from emotion_core.api.limits import ApiLimits
from emotion_core.api.refusals import Json, RefusedError
from emotion_core.errors import InputError
from emotion_core.live.recording import LiveSession
from emotion_core.live.registry import LiveRegistry, LiveStream
from emotion_core.live.status import LiveReading
from emotion_core.results.annotations import Marker

ACTIONS: Final = ("start", "stop", "pause", "resume")
MOST_AGE_S: Final = 3600.0


class Live:
    """The endpoints for live streams."""

    def __init__(self, registry: LiveRegistry, limits: ApiLimits) -> None:
        self._registry, self._limits = registry, limits

    async def streams(self, request: Request) -> Response:
        """GET /live."""
        del request
        running = self._registry.running()
        return Json({"streams": [_described(stream, stream.reading()) for stream in running]})

    async def stream(self, request: Request) -> Response:
        """GET /live/{id}."""
        stream = self._stream(request)
        reading = stream.reading()
        result = None if reading is None else reading.result
        newest = None if result is None else result.to_dict()
        return Json(_described(stream, reading) | {"result": newest})

    async def recording(self, request: Request) -> Response:
        """GET /live/{id}/recording."""
        return Json(await run_in_threadpool(_recording, self._stream(request)))

    async def control(self, request: Request) -> Response:
        """POST /live/{id}/recording."""
        stream = self._stream(request)
        asked = await read_json(request, self._limits.json_bytes, self._limits.body_s)
        action = asked.get("action")
        if action not in ACTIONS:
            raise RefusedError(422, f"action must be one of {', '.join(ACTIONS)}.")
        return await run_in_threadpool(_act, stream, action)

    async def markers(self, request: Request) -> Response:
        """GET /live/{id}/markers."""
        markers = _running(self._stream(request)).edits.markers
        return Json({"markers": [_marker(marker) for marker in markers]})

    async def mark(self, request: Request) -> Response:
        """POST /live/{id}/markers."""
        now_s = time.monotonic()
        session = _running(self._stream(request))
        asked = await read_json(request, self._limits.json_bytes, self._limits.body_s)
        label, age_s = asked.get("label"), asked.get("age_s", 0)
        if not isinstance(label, str) or not label.strip():
            raise RefusedError(422, "label must be a text.")
        if isinstance(age_s, bool) or not isinstance(age_s, int | float):
            raise RefusedError(422, "age_s must be a number of seconds.")
        if not 0 <= age_s <= MOST_AGE_S:
            raise RefusedError(422, f"age_s must be from 0 to {MOST_AGE_S:g} seconds.")
        marker = await run_in_threadpool(session.mark_at, now_s - age_s, label)
        return Json(_marker(marker), 201)

    async def file(self, request: Request) -> Response:
        """GET /live/{id}/recording/files/{name}."""
        folder = _finished(self._stream(request))
        if folder is None:
            raise RefusedError(404, "There is no finished recording that was started from here.")
        return file_answer(files_of(folder), request.path_params["name"])

    def _stream(self, request: Request) -> LiveStream:
        stream = self._registry.find(request.path_params["id"])
        if stream is None:
            raise RefusedError(
                404, "There is no such live stream (any more). GET …/live lists them."
            )
        return stream


def _described(stream: LiveStream, reading: LiveReading | None) -> dict[str, Any]:
    session = stream.session()
    latency_ms = reading.latency_ms if reading else None
    return {
        "id": stream.id,
        "started_utc": stream.started_utc,
        "ended": reading is None or reading.ended,
        "faces": len(reading.result) if reading and reading.result is not None else 0,
        "analysis_fps": round(reading.analysis_fps, 2) if reading else 0.0,
        "latency_ms": None if latency_ms is None else round(latency_ms, 2),
        "recording": None if session is None else session.state.value,
        "problem": reading.error if reading else "",
    }


def _running(stream: LiveStream) -> LiveSession:
    session = stream.session()
    if session is None:
        raise RefusedError(409, "No recording of this live stream is running. Start one first.")
    return session


def _finished(stream: LiveStream) -> Path | None:
    """The folder of the newest recording that was started from here, where it is finished."""
    folder = stream.folder(stream.token)
    return folder if folder is not None and stream.session() is None else None


def _recording(stream: LiveStream) -> dict[str, Any]:
    session, folder = stream.session(), _finished(stream)
    if session is None:
        files = [] if folder is None else sorted(files_of(folder))
        return {"state": "none" if folder is None else "finished", "files": files}
    return {
        "state": session.state.value,
        "started_utc": session.started_utc,
        "seconds": round(session.now_s(), 3),
        "frames": session.frames,
        "markers": len(session.edits.markers),
        "problem": session.error,
        "files": [],
    }


def _act(stream: LiveStream, action: str) -> Response:
    summary: dict[str, Any] = {}
    try:
        if action == "start":
            stream.start_recording()
        elif action == "stop":
            summary = {"summary": stream.stop_recording()}
        elif action == "pause":
            _running(stream).pause()
        else:
            _running(stream).resume()
    except InputError as error:
        raise RefusedError(409, str(error)) from error
    return Json(_recording(stream) | summary, 201 if action == "start" else 200)


def _marker(marker: Marker) -> dict[str, Any]:
    return {"start_s": marker.start_s, "end_s": marker.end_s, "label": marker.label}
