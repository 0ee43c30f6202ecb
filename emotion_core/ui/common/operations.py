"""What the server of the pages does for those who run it: health, metrics, log lines, sign-on.

Only what an administrator switched on is imported; health is looked at when first asked for.
"""

import hmac
import importlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from emotion_core.access.audit import AuditLog
from emotion_core.access.proxy import TrustedHeader
from emotion_core.access.settings import AccessSettings, SignOn, is_within
from emotion_core.config import AppSettings
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.extras import missing_extra
from emotion_core.monitoring.log_lines import write_json_lines
from emotion_core.ui.common.file_links import Guard
from emotion_core.ui.common.server import base_path, opening_browser
from emotion_core.ui.common.sign_on import SERVER, access_settings, sign_on_problem

_log = logging.getLogger(__name__)
HEALTH: Final = "healthz"
METRICS: Final = "metrics"
_NO_STORE: Final = {"Cache-Control": "no-store"}
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class Operations:
    """What one server does besides serving pages.

    Args:
        settings: of sign-on and operation; None where they cannot be used.
        app: the installation's settings; None where they cannot be used.
        problem: why one of them cannot be used; no one is let in then.
    """

    def __init__(
        self, settings: AccessSettings | None, app: AppSettings | None, problem: str = ""
    ) -> None:
        self._settings, self._app, self._problem = settings, app, problem
        self._health: Any = None
        self._metrics: Any = None
        self._counts: Any = None
        days = settings.audit_days if settings is not None else 0
        self.audit = self._open_audit(app, days) if app is not None else None

    @staticmethod
    def _open_audit(app: AppSettings, days: int) -> AuditLog:
        if app.database and days:
            log: AuditLog = _replicas().open_audit(app, days)
            return log
        return AuditLog(app.work_dir / "audit", days)

    @classmethod
    def from_environment(cls) -> "Operations":
        """By the administrator's settings; what is wrong with them is logged."""
        try:
            made = cls(access_settings(), AppSettings.from_environment())
        except SettingsError as error:
            _log.error("The settings cannot be used: %s", error)
            return cls(None, None, str(error))
        return made

    def middleware(self) -> list[Middleware]:
        """What requests pass through first; none where nothing is switched on."""
        settings, found = self._settings, []
        if settings is None or self._app is None or self.audit is None:
            return []
        if settings.sign_on is SignOn.HEADER:
            found.append(Middleware(TrustedHeader, settings=settings))
            SERVER.drops_forged_headers = True
        if problem := sign_on_problem(settings):
            _log.error("Nobody can sign in: %s", problem)
        if settings.metrics or settings.audit_days:
            requests = importlib.import_module("emotion_core.monitoring.requests")
            self._counts = requests.RequestCounts()
            found.append(
                Middleware(requests.ObservedRequests, counts=self._counts, audit=self.audit)
            )
        return found

    def file_guard(self) -> Guard | None:
        """Who may fetch files; None where everyone who knows a link may."""
        settings, app = self._settings, self._app
        if settings is None or app is None or self.audit is None:
            return None
        if settings.sign_on is SignOn.OFF and not settings.audit_days:
            return None
        signed = importlib.import_module("emotion_core.ui.common.signed_request")
        guard: Guard = signed.guard_of(settings, self.audit, app.work_dir)
        return guard

    def routes(self) -> list[BaseRoute]:
        """Health, and metrics where they are switched on."""
        base = base_path()
        return [
            Route(f"{base}/{HEALTH}", self._answer_health, methods=["GET"]),
            Route(f"{base}/{METRICS}", self._answer_metrics, methods=["GET"]),
        ]

    async def _answer_health(self, request: Request) -> Response:
        del request
        state = await run_in_threadpool(self._look)
        return JSONResponse(state, 200 if state["status"] == "ok" else 503, _NO_STORE)

    def _look(self) -> dict[str, Any]:
        if self._app is None:
            return {"status": "failing", "problems": {"settings": self._problem}}
        if self._health is None:
            health = importlib.import_module("emotion_core.monitoring.health")
            others: dict[str, Callable[[], str]] = {
                "sign-on": lambda: sign_on_problem_of_server(self._settings)
            }
            folders = (self._app.work_dir, self._app.models_dir)
            try:
                shared = _replicas().shared_side() if self._app.database else None
            except EmotionCoreError as error:
                # It may be mended while this server runs.
                return {"status": "failing", "problems": {"settings": str(error)}}
            if shared is None:
                self._health = health.Health(*folders, others)
            else:
                self._health = health.Health(*folders, others, shared.checks, health.OWN_KINDS)
        state: dict[str, Any] = self._health.state()
        return state

    async def _answer_metrics(self, request: Request) -> Response:
        settings, app = self._settings, self._app
        if settings is None or app is None or not settings.metrics:
            return PlainTextResponse("Not Found", 404)
        if not may_read_metrics(request, settings):
            return PlainTextResponse(
                "Send the token of these metrics (Authorization: Bearer …), or ask from an address "
                "that EMOTION_LAB_METRICS_FROM names, without a proxy.\n",
                403,
            )
        try:
            text, kind = await run_in_threadpool(self._measure, app)
        except ModuleNotFoundError as error:
            return _no_metrics(missing_extra(error))
        except EmotionCoreError as error:
            return _no_metrics(error)
        return Response(text, headers={**_NO_STORE, "Content-Type": kind})

    def _measure(self, app: AppSettings) -> tuple[bytes, str]:
        metrics = importlib.import_module("emotion_core.monitoring.metrics")
        if self._metrics is None:
            most = app.max_streams or metrics.default_max_streams()
            shared = _replicas().shared_side() if app.database else None
            self._metrics = metrics.ServerMetrics(app.work_dir, most, self._counts, shared=shared)
        return self._metrics.page(), metrics.CONTENT_TYPE

    @asynccontextmanager
    async def lifespan(self, app: st.App) -> AsyncIterator[None]:
        """What happens when the server starts, besides serving."""
        if self._settings is not None and self._settings.json_log:
            write_json_lines()
        async with opening_browser(app):
            yield


def _replicas() -> Any:
    """What a server of several replicas imports."""
    return importlib.import_module("emotion_core.ui.common.shared_access")


def _no_metrics(why: EmotionCoreError) -> Response:
    _log.error("No metrics: %s", why)
    return PlainTextResponse(f"{why}\n", 501)


def sign_on_problem_of_server(settings: AccessSettings | None) -> str:
    """Why no one can sign in; "" where people can, and where no one has to."""
    if settings is None:
        return "The settings cannot be used."
    return sign_on_problem(settings)


def may_read_metrics(request: Request, settings: AccessSettings) -> bool:
    """Whether a request may see the metrics: by token, or by an address of its own."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    token = settings.metrics_token
    if token and kind.lower() == "bearer":
        return hmac.compare_digest(given.strip().encode(), token.encode())
    client = request.client
    # What a proxy hands on comes from the proxy's address, whoever asked.
    forwarded = any(name in request.headers for name in _FORWARDED)
    if client is None or client.port == 0 or forwarded:
        return False
    return is_within(client.host, settings.metrics_from)
