"""Counts the requests of the interface for programs, and notes those that belong into the audit
log."""

import threading
from collections import Counter
from http import HTTPMethod
from typing import Any, Final

from emotion_core.access.audit import AuditLog
from emotion_core.access.person import short_name
from emotion_core.access.proxy import App, Scope

# The interface is below it, whatever the address of the pages.
_API: Final = "/api/v1/"
_PROGRAM: Final = "program"


class RequestCounts:
    """How often each request of the interface was answered, and how. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def add(self, method: str, route: str, status: int) -> None:
        """Count an answer."""
        with self._lock:
            self._counts[method, route, status] += 1

    def all(self) -> dict[tuple[str, str, int], int]:
        """(method, route, status) → number of answers."""
        with self._lock:
            return dict(self._counts)


class ObservedRequests:
    """ASGI middleware that watches the requests below /api/v1.

    Args:
        app: what answers.
        counts: are added to.
        audit: the audit log.
    """

    def __init__(self, app: App, counts: RequestCounts, audit: AuditLog) -> None:
        self._app, self._counts, self._audit = app, counts, audit

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http" or _API not in scope["path"]:
            await self._app(scope, receive, send)
            return
        status = 0

        async def watching(message: Scope) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            self._count(scope, status or 500)

    def _count(self, scope: Scope, status: int) -> None:
        params = {str(k): str(v) for k, v in (scope.get("path_params") or {}).items()}
        known = scope.get("endpoint") is not None
        route = route_of(scope["path"].partition(_API)[2] if known else "", params)
        # A client may call a method what it likes, and each name would be kept.
        method = scope["method"] if scope["method"] in HTTPMethod.__members__ else "other"
        self._counts.add(method, route, status)
        if status >= 400:
            return
        kind = route.split("/")[0]
        thing = short_name(params.get("job") or params.get("id") or "")
        if scope["method"] == "DELETE":
            self._audit.write("delete", _PROGRAM, kind=kind, thing=thing)
        elif route.endswith("/files/{name}"):
            self._audit.write("export", _PROGRAM, kind=kind, thing=thing)


def route_of(path: str, params: dict[str, str]) -> str:
    """The route behind a path: the same for all jobs, so that there are few of them.

    Args:
        path: below /api/v1/.
        params: what the router found in it.
    """
    if "path" in params or not path:
        return "other"
    names = {value: f"{{{name}}}" for name, value in params.items()}
    return "/".join(names.get(part, part) for part in path.split("/"))
