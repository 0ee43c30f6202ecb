"""A server of the interface on loopback, without the pages."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import pytest
import uvicorn
from starlette.applications import Starlette

from emotion_core.api.closed import PREFIX
from emotion_core.api.limits import ApiLimits
from emotion_core.api.routes import ApiParts, api_routes
from emotion_core.config import MODELS_DIR
from emotion_core.jobs.store import JobStore
from emotion_core.live.registry import LiveRegistry
from emotion_core.media.synthetic import sample_photo

TOKEN = "a-token-for-tests-only-0123456789"


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a server on loopback, with the token."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = TOKEN, **headers: str
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body = json.dumps(body)
        try:
            connection.request(method, PREFIX + path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


class Running(NamedTuple):
    """A server and what it works with."""

    client: Client
    parts: ApiParts
    store: JobStore


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """Starts servers, and ends them with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def __call__(self, token: str = TOKEN, most_streams: int = 4, **limits: Any) -> Running:
        limits.setdefault("pause_s", 0.0)
        store = JobStore(self._folder / "videos", 1.0, MODELS_DIR)
        parts = ApiParts(
            token,
            MODELS_DIR,
            self._folder / "work",
            lambda: store,
            most_streams,
            ApiLimits(**limits),
            LiveRegistry(),
        )
        port = free_port()
        config = uvicorn.Config(
            Starlette(routes=api_routes(parts)),
            port=port,
            log_level="warning",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        self._servers.append((server, thread))
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return Running(Client(port), parts, store)

    def close(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        for _, thread in self._servers:
            thread.join(10)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests of a module that do not care for its limits."""
    serving = Serving(tmp_path_factory.mktemp("api"))
    yield serving(wrong_tokens=1000)
    serving.close()


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """The portrait: one face, happy."""
    return bytes(cv2.imencode(".jpg", sample_photo())[1].tobytes())
