"""Believes a proxy's header from the proxy's own addresses, and drops it from everybody else's.

Streamlit's `server.trustedUserHeaders` believes it from anyone who reaches the server.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from emotion_core.access.settings import AccessSettings, is_within

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def comes_from_proxy(scope: Scope, settings: AccessSettings) -> bool:
    """Whether a request was handed on by a trusted proxy.

    Behind uvicorn's own proxy middleware the connection's address may already be the browser's,
    told by X-Forwarded-For; its port is 0 then, which no connection has. Uvicorn does so only for
    addresses that are trusted here, too (`AccessSettings.from_environment` checks that).
    """
    client = scope.get("client")
    if not client:
        return False
    host, port = client[0], client[1]
    return port == 0 or is_within(str(host), settings.trusted_proxies)


class TrustedHeader:
    """ASGI middleware: requests keep the header only where a trusted proxy wrote it.

    Args:
        app: what answers.
        settings: with the header and the proxies.
    """

    def __init__(self, app: App, settings: AccessSettings) -> None:
        self._app, self._settings = app, settings
        self._name = settings.user_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] in ("http", "websocket") and not comes_from_proxy(scope, self._settings):
            kept = [(name, value) for name, value in scope["headers"] if name != self._name]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
