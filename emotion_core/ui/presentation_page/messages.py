"""The route by which a participant's browser compares clocks and tells what it shows.

It answers at once, on the server's event loop: the clocks are known the better, the shorter the
way. A message names a session by its token, which cannot be guessed, and gets nothing but that
session.
"""

import asyncio
import threading
import time
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emotion_core.atomic_io import parse_json
from emotion_core.errors import EmotionCoreError
from emotion_core.ui.common.server import base_path

ROUTE: Final = "session-messages"
_MOST_BYTES: Final = 256_000
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class RunningSession(Protocol):
    """What the route needs of `runs.Run`; that module takes long to import."""

    ended: str
    load: str

    def take(self, entries: list[Any]) -> list[str]:
        """Keep entries; returns the ids of those that are kept."""
        ...

    def camera_sends(self) -> bool:
        """Whether pictures come at this moment."""
        ...

    def end_as(self, word: str) -> None:
        """End it as the browser says."""


class Sessions:
    """The sessions that a server knows, by token. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, RunningSession] = {}

    def add(self, token: str, session: RunningSession) -> None:
        """Answer the messages of a session from now on."""
        with self._lock:
            self._known[token] = session

    def find(self, token: str) -> RunningSession | None:
        """The session of a token; None where there is none."""
        with self._lock:
            return self._known.get(token)


SESSIONS: Final = Sessions()


def message_routes(sessions: Sessions = SESSIONS) -> list[Route]:
    """The routes of a server."""

    async def answer(request: Request) -> Response:
        return await _answer(sessions, request)

    return [Route(f"{base_path()}/{ROUTE}", answer, methods=["POST"])]


async def _answer(sessions: Sessions, request: Request) -> Response:
    received_s = time.monotonic()
    message = await _message(request)
    run = sessions.find(str(message.get("run", ""))) if message else None
    if message is None or run is None:
        return JSONResponse({"state": "unknown"}, 404, _HEADERS)
    if message.get("kind") == "clock":
        body = {"s1": received_s, "s2": time.monotonic()}
        return JSONResponse(body, headers=_HEADERS)
    # Writing waits for the disk; the clocks of others must not.
    found = await asyncio.to_thread(_take, run, message)
    return JSONResponse(found, headers=_HEADERS)


async def _message(request: Request) -> dict[str, Any] | None:
    """A message of usual size; None for anything else."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > _MOST_BYTES:
            return None
        pieces.append(piece)
    try:
        message = parse_json(b"".join(pieces))
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _take(run: RunningSession, message: dict[str, Any]) -> dict[str, Any]:
    """Keep the entries of a message, and end the session where it says so."""
    entries = message.get("entries")
    try:
        kept = run.take(entries if isinstance(entries, list) else [])
    except EmotionCoreError as error:
        return {"state": "failed", "words": str(error), "kept": []}
    if word := str(message.get("end") or ""):
        run.end_as(word)
    return {
        "kept": kept,
        "state": "ended" if run.ended else "running",
        "camera": run.camera_sends(),
        "load": run.load,
    }
