"""All routes of the interface, under one prefix."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from emotion_core.api.closed import PREFIX, closed_route
from emotion_core.api.door import Door, Endpoint
from emotion_core.api.limits import ApiLimits
from emotion_core.api.live import Live
from emotion_core.api.openapi import description
from emotion_core.api.pictures import Pictures
from emotion_core.api.refusals import Json
from emotion_core.api.streaming import Streams
from emotion_core.api.videos import Videos
from emotion_core.api.workers import Workers
from emotion_core.jobs.store import JobStore
from emotion_core.live.registry import LIVE, LiveRegistry


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What the interface works with.

    Attributes:
        token: the secret; "" closes the interface.
        models_dir, work_dir: of the installation.
        video_jobs: gives the store of the Video page; called on threads.
        most_streams: live streams at the same time, those of the pages included.
        limits: of this server.
        live: the live streams of the pages.
    """

    token: str
    models_dir: Path
    work_dir: Path
    video_jobs: Callable[[], JobStore]
    most_streams: int
    limits: ApiLimits = field(default_factory=ApiLimits)
    live: LiveRegistry = LIVE


def api_routes(parts: ApiParts, base: str = "") -> list[BaseRoute]:
    """The routes; without a token one that answers as if nothing were there.

    Args:
        parts: what they work with.
        base: path below which the server's pages are, "" or as "/lab".
    """
    prefix, last = f"{base}{PREFIX}", closed_route(base)
    if not parts.token:
        return [last]
    limits, door = parts.limits, Door(parts.token, parts.limits)
    workers = Workers(parts.models_dir)
    pictures = Pictures(workers, limits)
    streams = Streams(door, workers, limits, parts.most_streams)
    live = Live(parts.live, limits)
    videos = Videos(parts.video_jobs, parts.models_dir, parts.work_dir, parts.token, limits)

    async def openapi(request: Request) -> Response:
        del request
        return Json(description(prefix))

    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/openapi.json", openapi),
        ("POST", "/frame", pictures.frame),
        ("POST", "/photo", pictures.photo),
        ("GET", "/live", live.streams),
        ("GET", "/live/{id}", live.stream),
        ("GET", "/live/{id}/recording", live.recording),
        ("POST", "/live/{id}/recording", live.control),
        ("GET", "/live/{id}/recording/files/{name}", live.file),
        ("GET", "/live/{id}/markers", live.markers),
        ("POST", "/live/{id}/markers", live.mark),
        ("GET", "/videos", videos.jobs),
        ("POST", "/videos", videos.submit),
        ("GET", "/videos/{job}", videos.job),
        ("DELETE", "/videos/{job}", videos.delete),
        ("GET", "/videos/{job}/files/{name}", videos.file),
    ]
    routes: list[BaseRoute] = [
        Route(prefix + path, door.behind(endpoint), methods=[method])
        for method, path, endpoint in table
    ]
    return [*routes, WebSocketRoute(f"{prefix}/stream", streams.stream), last]
