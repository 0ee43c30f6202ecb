"""Who comes in: the token, how often, and what happens to errors."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from emotion_core.api.limits import ApiLimits, RateLimit, RateLimits
from emotion_core.api.refusals import RefusalResponse, RefusedError, refusal_for
from emotion_core.errors import EmotionCoreError

_log = logging.getLogger(__name__)
Endpoint = Callable[[Request], Awaitable[Response]]
# A browser's WebSocket cannot send an Authorization header; it names the token as a protocol.
PROTOCOL: Final = "emotion-lab.v1"
_PROTOCOL_TOKEN: Final = "bearer."
_PAUSED: Final = frozenset({401, 429})
# Each of them keeps a connection open.
_MOST_PAUSING: Final = 512


class Door:
    """Lets those in who know the token, as often as the limits allow.

    Args:
        token: the secret.
        limits: of this server.
    """

    def __init__(self, token: str, limits: ApiLimits) -> None:
        self._token = token.encode()
        self._rate = RateLimit(limits.rate)
        self._wrong = RateLimits(limits.wrong_tokens)
        self._pause_s = limits.pause_s
        self._pausing = 0

    def check(self, connection: HTTPConnection) -> None:
        """Let a request or a WebSocket in.

        Raises:
            RefusedError: 401 without the token, 429 when it comes too often.
        """
        # Compared in a time that does not depend on where they differ.
        if not hmac.compare_digest(_given_token(connection), self._token):
            self._refuse_stranger(connection)
        if wait_s := self._rate.take():
            raise RefusedError(
                429, "Too many requests a minute. Send fewer, or wait.", retry_s=wait_s
            )

    def _refuse_stranger(self, connection: HTTPConnection) -> None:
        # The true token is never locked out: behind a proxy all callers have one address.
        address = connection.client.host if connection.client else ""
        if wait_s := self._wrong.take(address):
            raise RefusedError(429, "Too many wrong tokens. Wait.", retry_s=wait_s)
        raise RefusedError(
            401,
            "Send the token of this server: Authorization: Bearer …",
            headers={"WWW-Authenticate": 'Bearer realm="emotion-lab"'},
        )

    async def pause(self, refusal: RefusedError) -> None:
        """Hold back a refusal that a caller without patience would answer with another request."""
        if refusal.status not in _PAUSED or self._pausing >= _MOST_PAUSING:
            return
        self._pausing += 1
        try:
            await asyncio.sleep(self._pause_s)
        finally:
            self._pausing -= 1

    def behind(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint for those who are let in; errors become answers."""

        async def guarded(request: Request) -> Response:
            try:
                self.check(request)
                return await endpoint(request)
            except RefusedError as refusal:
                await self.pause(refusal)
                return RefusalResponse(refusal)
            except EmotionCoreError as error:
                return RefusalResponse(refusal_for(error))
            except Exception:
                _log.exception("A request could not be answered")
                return RefusalResponse(
                    RefusedError(500, "This could not be done; the server's log says why.")
                )

        return guarded


def _given_token(connection: HTTPConnection) -> bytes:
    kind, _, given = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip().encode()
    for protocol in connection.headers.get("sec-websocket-protocol", "").split(","):
        if protocol.strip().startswith(_PROTOCOL_TOKEN):
            return protocol.strip().removeprefix(_PROTOCOL_TOKEN).encode()
    return b""
