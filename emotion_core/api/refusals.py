"""Answers that say why something was not done: a status, and a sentence under `error`."""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from emotion_core.errors import (
    EmotionCoreError,
    InputError,
    MissingDependencyError,
    ModelError,
    OutputError,
    StoreError,
)

# What is still on its way when a body is refused is thrown away for this long: a client that is
# cut off in the midst of sending never reads the answer (RFC 9112, 9.6).
LINGER_S: Final = 2.0
SAFE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# The first that fits.
_STATUS: Final[tuple[tuple[type[EmotionCoreError], int], ...]] = (
    (InputError, 422),
    (ModelError, 503),
    (MissingDependencyError, 501),
    (StoreError, 503),
    (OutputError, 507),
)


class RefusedError(Exception):
    """A request that is not answered as wished.

    Args:
        status: of HTTP.
        message: what was wrong, and what to do.
        retry_s: seconds after which another try makes sense.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = dict(headers or {})
        if retry_s is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_s)))


def refusal_for(error: EmotionCoreError) -> RefusedError:
    """An error of this package as an answer."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return RefusedError(status, str(error))


class Json(JSONResponse):
    """A JSON answer that no cache keeps."""

    def __init__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(content, status_code, {**SAFE_HEADERS, **(headers or {})})


class RefusalResponse(Json):
    """The answer to a refused request, whose body may not have been read."""

    def __init__(self, refusal: RefusedError) -> None:
        headers = {**refusal.headers, "Connection": "close"}
        super().__init__({"error": refusal.message}, refusal.status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, and throw away what is still coming for a short while."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        # A client that asks first whether the body is welcome has sent none.
        asked = any(name == b"expect" for name, _ in scope["headers"])
        if not asked and not scope.get("state", {}).get("body_read"):
            await _throw_away(receive)
        await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    until_s = time.monotonic() + LINGER_S
    while (left_s := until_s - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left_s)
        except TimeoutError:
            return
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
