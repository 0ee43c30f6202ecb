"""The interface for other programs on the server of the pages; closed unless a token is set."""

import importlib
import logging
from collections.abc import Callable

from starlette.routing import BaseRoute

from emotion_core.api.closed import closed_route
from emotion_core.config import AppSettings
from emotion_core.errors import SettingsError
from emotion_core.ui.common.server import base_path
from emotion_core.ui.common.sign_on import access_settings

_log = logging.getLogger(__name__)


def interface_routes() -> list[BaseRoute]:
    """The routes for the server that runs, by the administrator's settings."""
    base = base_path()
    try:
        settings = AppSettings.from_environment()
        access_settings()
    except SettingsError as error:
        # Every page says the same; nothing may be open by mistake.
        _log.error("The interface for programs stays closed: %s", error)
        return [closed_route(base)]
    if not settings.api_token:
        return [closed_route(base)]
    # Imported only now: most servers keep it closed, and start sooner without it.
    routes: Callable[[AppSettings, str], list[BaseRoute]] = importlib.import_module(
        "emotion_core.ui.common.api_open"
    ).open_routes
    return routes(settings, base)
