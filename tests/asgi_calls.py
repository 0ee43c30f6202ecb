"""Requests to an ASGI application without a server."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    app: Any,
    path: str,
    *headers: tuple[str, str],
    method: str = "GET",
    client: tuple[str, int] | None = ("127.0.0.1", 50_000),
) -> Answer:
    """The answer to a request without a body."""
    parts = urlsplit(path)
    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": client,
    }
    sent: list[dict[str, Any]] = []

    read: list[bool] = []

    async def receive() -> dict[str, Any]:
        if read:
            # The caller waits for the answer and does not go away.
            await asyncio.Event().wait()
        read.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start = next(message for message in sent if message["type"] == "http.response.start")
    given = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], given, b"".join(message.get("body", b"") for message in sent))
