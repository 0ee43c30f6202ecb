"""The description of the interface in OpenAPI 3.1; a test compares it with true answers."""

from typing import Any, Final

from emotion_core.api.live import ACTIONS, MOST_AGE_S
from emotion_core.api.videos import QUERY
from emotion_core.datatypes import QualityHint
from emotion_core.labels import EXPRESSIONS

VERSION: Final = "1"
Schema = dict[str, Any]

_NUMBER: Final[Schema] = {"type": "number"}
_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}


def _object(**properties: Schema) -> Schema:
    """A JSON object that holds all of these, and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _said(schema: Schema, words: str) -> Schema:
    return {**schema, "description": words}


_PROBS: Final = _object(**dict.fromkeys(EXPRESSIONS, _SHARE))
_FACE: Final = _object(
    track_id=_said({"type": "integer"}, "Identity within one stream, from 1."),
    box_xyxy=_said(_list(_NUMBER, minItems=4, maxItems=4), "Left, top, right, bottom, pixels."),
    emotion={"enum": list(EXPRESSIONS)},
    confidence=_said(_SHARE, "The largest of `probs`."),
    probs=_said(_of("Probabilities"), "Calibrated and smoothed; they sum to 1."),
    raw_probs=_said(_of("Probabilities"), "Calibrated, not smoothed."),
    detection_score=_said(_NUMBER, "The detector's own certainty, not a probability."),
    predicted=_said({"type": "boolean"}, "The box is held over a gap."),
    unsure=_said({"type": "boolean"}, "Do not rely on this reading."),
    quality=_list({"enum": [hint.value for hint in QualityHint]}),
    speaking={"type": ["boolean", "null"]},
)
_RESULT: Final = {
    "index": _said(_COUNT, "Number of the picture in its stream, from 0."),
    "time_s": _said(_NUMBER, "Seconds since the first picture of the stream."),
    "shot": {"type": "integer", "minimum": 1},
    "faces": _list(_of("Face")),
}
_SIZE: Final = {
    "width": _said(
        _COUNT, "Pixels of the picture as it was read, upright; larger photos are scaled down."
    ),
    "height": _COUNT,
}
_STREAM: Final = {
    "id": _TEXT,
    "started_utc": _said(_TEXT, "ISO 8601."),
    "ended": {"type": "boolean"},
    "faces": _COUNT,
    "analysis_fps": _NUMBER,
    "latency_ms": {"type": ["number", "null"]},
    "recording": {"enum": ["recording", "paused", None]},
    "problem": _TEXT,
}
_RECORDING: Final[Schema] = {
    "type": "object",
    "properties": {
        "state": {"enum": ["none", "recording", "paused", "finished"]},
        "started_utc": _TEXT,
        "seconds": _NUMBER,
        "frames": _COUNT,
        "markers": _COUNT,
        "problem": _TEXT,
        "files": _list(_TEXT),
        "summary": _said({"type": "object"}, "summary.json, in the answer to `stop`."),
    },
    "required": ["state", "files"],
    "additionalProperties": False,
}
_JOB: Final = _object(
    job=_TEXT,
    name=_TEXT,
    status={"enum": ["waiting", "running", "done", "failed", "cancelled"]},
    fraction=_SHARE,
    left_s=_said({"type": ["number", "null"]}, "Estimated seconds."),
    message=_said(_TEXT, "What went wrong; empty where nothing did."),
    files=_said(_list(_TEXT), "Names that can be fetched; none before the end."),
)
SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _object(error=_said(_TEXT, "What was wrong, and what to do.")),
    "Probabilities": _PROBS,
    "Face": _FACE,
    "FrameResult": _object(**_RESULT),
    "Reading": _object(**_RESULT, **_SIZE),
    "StreamReading": _object(
        **_RESULT,
        **_SIZE,
        skipped=_said(_COUNT, "Pictures that came since the last answer and were not read."),
    ),
    "StreamProblem": _object(index=_COUNT, time_s=_NUMBER, skipped=_COUNT, error=_TEXT),
    "LiveStream": _object(**_STREAM),
    "LiveStreamNow": _object(**_STREAM, result=_or_null(_of("FrameResult"))),
    "LiveStreams": _object(streams=_list(_of("LiveStream"))),
    "Recording": _RECORDING,
    "RecordingAction": _object(action={"enum": list(ACTIONS)}),
    "Marker": _object(start_s=_NUMBER, end_s=_NUMBER, label=_TEXT),
    "Markers": _object(markers=_list(_of("Marker"))),
    "NewMarker": {
        "type": "object",
        "properties": {
            "label": {"type": "string", "minLength": 1},
            "age_s": _said(
                {"type": "number", "minimum": 0, "maximum": MOST_AGE_S},
                "Seconds since it happened; 0 where it is left out.",
            ),
        },
        "required": ["label"],
    },
    "Job": _JOB,
    "Jobs": _object(jobs=_list(_of("Job"))),
}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _of(name)}}


_BINARY: Final = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_PICTURE: Final = {
    "required": True,
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in ("image/jpeg", "image/png", "image/webp")
    },
}


def _operation(
    summary: str,
    answer: str = "",
    status: int = 200,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    refusals: tuple[int, ...] = (),
) -> dict[str, Any]:
    """One operation; every one may be refused for its token, its rate or a fault.

    Args:
        summary: one sentence.
        answer: name of the schema; "" for a file, or for nothing with status 204.
        status: of success.
        body: what is sent.
        query: parameters, all optional, and what they mean.
        refusals: further statuses.
    """
    content = _json(answer) if answer else _BINARY
    success = {"description": "Done."} | ({} if status == 204 else {"content": content})
    responses: dict[str, Any] = {str(status): success}
    for code in sorted({401, 429, 500, *refusals}):
        responses[str(code)] = {"description": _MEANING[code], "content": _json("Error")}
    parameters = [
        {"name": name, "in": "query", "required": False, "description": words, "schema": _TEXT}
        for name, words in (query or {}).items()
    ]
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = body
    if parameters:
        operation["parameters"] = parameters
    return operation


_MEANING: Final[dict[int, str]] = {
    400: "The body is empty, cut off or not JSON.",
    401: "The token is missing or wrong.",
    404: "There is nothing of that name (any more).",
    408: "The body came too slowly.",
    409: "This does not fit what is going on.",
    413: "The body is too large.",
    422: "What was sent cannot be used; the sentence says why.",
    429: "Too many requests; see Retry-After.",
    500: "A fault of the server.",
    503: "The network is missing, or there is no room for another stream.",
    507: "The disk is full or cannot be written.",
}
_BODY: Final = (400, 408, 413, 422)
_STREAM_QUERY: Final = {
    "faces": "everybody, largest or one.",
    "smoothing": "0 to 1.",
}


def _pictures() -> dict[str, Any]:
    def read(summary: str) -> dict[str, Any]:
        return {"post": _operation(summary, "Reading", body=_PICTURE, refusals=(*_BODY, 503))}

    stream = _operation(
        "Upgrade to a WebSocket: each binary message is a picture, each answer a StreamReading or "
        "a StreamProblem as JSON. Where pictures come faster than they are read, the newest is.",
        "StreamReading",
        101,
        query=_STREAM_QUERY,
        refusals=(422, 503),
    )
    return {
        "/frame": read("Read one frame, as fast as a live stream's."),
        "/photo": read("Read one photo, searched thoroughly for faces."),
        "/stream": {"get": stream},
    }


def _live() -> dict[str, Any]:
    def sent(name: str) -> dict[str, Any]:
        return {"required": True, "content": _json(name)}

    states = (404, 409, *_BODY, 507)
    return {
        "/live": {"get": _operation("The live streams of the pages.", "LiveStreams")},
        "/live/{id}": {
            "get": _operation(
                "One of them, with its newest reading.", "LiveStreamNow", refusals=(404,)
            )
        },
        "/live/{id}/recording": {
            "get": _operation("What its recording does.", "Recording", refusals=(404,)),
            "post": _operation(
                "Start (201), stop, pause or resume a recording. The page shows it.",
                "Recording",
                body=sent("RecordingAction"),
                refusals=states,
            ),
        },
        "/live/{id}/recording/files/{name}": {
            "get": _operation(
                "A file of the newest recording that was started from here and is finished.",
                refusals=(404,),
            )
        },
        "/live/{id}/markers": {
            "get": _operation("The running recording's markers.", "Markers", refusals=(404, 409)),
            "post": _operation(
                "Set a marker, now or some time ago.",
                "Marker",
                201,
                body=sent("NewMarker"),
                refusals=states,
            ),
        },
    }


def _videos() -> dict[str, Any]:
    video = {"required": True, "content": _BINARY}
    return {
        "/videos": {
            "get": _operation("The jobs that were submitted with this token.", "Jobs"),
            "post": _operation(
                "Submit a video as the body. The same video with the same options is one job.",
                "Job",
                202,
                body=video,
                query=QUERY,
                refusals=(*_BODY, 503, 507),
            ),
        },
        "/videos/{job}": {
            "get": _operation("How a job is doing.", "Job", refusals=(404,)),
            "delete": _operation(
                "End a job and remove all of its files.", "", 204, refusals=(404, 507)
            ),
        },
        "/videos/{job}/files/{name}": {
            "get": _operation("A file of a job that has ended.", refusals=(404,))
        },
    }


def description(prefix: str) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        prefix: path below which the routes are.
    """
    about = {
        "/openapi.json": {
            "get": {
                "summary": "This description.",
                "responses": {
                    "200": {
                        "description": "Done.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        }
    }
    paths = about | _pictures() | _live() | _videos()
    for path, item in paths.items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names
            ]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Facial-expression lab", "version": VERSION},
        "servers": [{"url": prefix}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
