"""The interface for other programs on the server of the pages; closed unless a token is set."""

import importlib
import logging

import streamlit as st
from starlette.routing import BaseRoute

from emotion_core.api.limits import ApiLimits
from emotion_core.api.routes import ApiParts, api_routes
from emotion_core.config import AppSettings
from emotion_core.errors import SettingsError
from emotion_core.jobs.store import JobStore
from emotion_core.live.capacity import default_max_streams

_log = logging.getLogger(__name__)


def interface_routes() -> list[BaseRoute]:
    """The routes for the server that runs, by the administrator's settings."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    try:
        settings = AppSettings.from_environment()
    except SettingsError as error:
        # Every page says the same; nothing may be open by mistake.
        _log.error("The interface for programs stays closed: %s", error)
        settings = AppSettings()
    parts = ApiParts(
        settings.api_token,
        settings.models_dir,
        settings.work_dir,
        _video_jobs,
        settings.max_streams or default_max_streams(),
        ApiLimits(rate=settings.api_rate, upload_bytes=settings.api_upload_mb * 1_000_000),
    )
    return api_routes(parts, f"/{base}" if base else "")


def _video_jobs() -> JobStore:
    """The store of the Video page."""
    # Its cache must not be declared before the server runs.
    store: JobStore = importlib.import_module("emotion_core.ui.video_page.jobs").job_store()
    return store
