"""What the interface for other programs works with on the server of the pages."""

import importlib

from starlette.routing import BaseRoute

from emotion_core.api.limits import ApiLimits
from emotion_core.api.routes import ApiParts, api_routes
from emotion_core.config import AppSettings
from emotion_core.jobs.store import JobStore
from emotion_core.live.capacity import default_max_streams


def open_routes(settings: AppSettings, base: str) -> list[BaseRoute]:
    """The routes of an open interface.

    Args:
        settings: the administrator's, with a token.
        base: path below which the server's pages are, "" or as "/lab".
    """
    parts = ApiParts(
        settings.api_token,
        settings.models_dir,
        settings.work_dir,
        _video_jobs,
        settings.max_streams or default_max_streams(),
        ApiLimits(rate=settings.api_rate, upload_bytes=settings.api_upload_mb * 1_000_000),
    )
    return api_routes(parts, base)


def _video_jobs() -> JobStore:
    """The store of the Video page."""
    # Its cache must not be declared before the server runs.
    store: JobStore = importlib.import_module("emotion_core.ui.video_page.jobs").job_store()
    return store
