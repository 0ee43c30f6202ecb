"""Requests of programs are counted by route, and what they fetch and delete is noted."""

from pathlib import Path

import pytest
from asgi_calls import ask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from emotion_core.access.audit import AuditLog
from emotion_core.access.person import short_name
from emotion_core.monitoring.requests import ObservedRequests, RequestCounts, route_of


async def _fine(request: Request) -> Response:
    return PlainTextResponse("fine")


async def _broken(request: Request) -> Response:
    raise RuntimeError("broken")


ROUTES = [
    Route("/lab/api/v1/videos/{job}", _fine, methods=["GET", "DELETE"]),
    Route("/lab/api/v1/videos/{job}/files/{name}", _fine),
    Route("/lab/api/v1/frame", _broken, methods=["POST"]),
    Route("/lab/Video", _fine),
]


def test_answers_are_counted_and_what_matters_is_noted(tmp_path: Path) -> None:
    counts, audit = RequestCounts(), AuditLog(tmp_path, 30)
    app = ObservedRequests(Starlette(routes=ROUTES), counts, audit)
    for path in ("videos/a1", "videos/b2", "videos/a1/files/smiling_clara.csv", "nothing"):
        ask(app, f"/lab/api/v1/{path}")
    ask(app, "/lab/api/v1/videos/a1", method="DELETE")
    ask(app, "/lab/api/v1/videos/a1", method="BREW")
    ask(app, "/lab/Video")
    with pytest.raises(RuntimeError):
        ask(app, "/lab/api/v1/frame", method="POST")
    assert counts.all() == {
        ("GET", "videos/{job}", 200): 2,
        ("GET", "videos/{job}/files/{name}", 200): 1,
        ("GET", "other", 404): 1,
        ("other", "videos/{job}", 405): 1,
        ("DELETE", "videos/{job}", 200): 1,
        ("POST", "frame", 500): 1,
    }
    noted = [(line["event"], line["thing"]) for line in reversed(audit.newest(9))]
    assert noted == [("export", short_name("a1")), ("delete", short_name("a1"))]
    assert b"clara" not in b"".join(audit.pieces())


def test_there_are_few_routes_whatever_is_asked() -> None:
    assert route_of("../../etc/passwd", {"path": "../../etc/passwd"}) == "other"
    assert route_of("", {}) == "other"
