"""The audit log, the list of people and the numbers of this server, or of all replicas."""

import logging
from typing import TYPE_CHECKING, Any

from emotion_core.access.audit import AuditLog
from emotion_core.access.people import People
from emotion_core.config import AppSettings
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.ui.common.shared import replica_folder, shared, shared_module

if TYPE_CHECKING:
    from emotion_core.sharing.database import Database
    from emotion_core.sharing.overview import SharedOverview

_log = logging.getLogger(__name__)


def _database() -> "Database":
    known = shared()
    if known is None:
        raise SettingsError("EMOTION_LAB_DATABASE is not set.")
    return known.database


def open_audit(settings: AppSettings, days: int) -> AuditLog:
    """The audit log, which all replicas share where there are several.

    Nothing is connected before the first line. Where a package is missing, the lines stay here.

    Args:
        settings: of the installation.
        days: for which a line is kept.
    """
    folder = settings.work_dir / "audit"
    if settings.database and days:
        try:
            module: Any = shared_module("emotion_core.sharing.audit_lines")
        except EmotionCoreError as error:
            _log.error("The audit log stays on this computer: %s", error)
        else:
            log: AuditLog = module.SharedAuditLog(folder, days, _database)
            return log
    return AuditLog(folder, days)


def open_people(settings: AppSettings) -> People:
    """Who has signed in, on any replica where there are several.

    Raises:
        MissingDependencyError: a package of the extra `replicas` is not installed.
    """
    folder = settings.work_dir / "people"
    if not settings.database:
        return People(folder)
    module: Any = shared_module("emotion_core.sharing.people")
    people: People = module.SharedPeople(folder, _database)
    return people


def shared_overview() -> "SharedOverview | None":
    """What all replicas keep; None where this server is the only one.

    Raises:
        SettingsError, MissingDependencyError: as of `shared`.
    """
    if shared() is None:
        return None
    module: Any = shared_module("emotion_core.sharing.overview")
    overview: SharedOverview = module.SharedOverview(_database())
    return overview


def shared_side() -> Any:
    """The `SharedSide` of this replica, for health and metrics; None where it is the only one.

    Raises:
        SettingsError, MissingDependencyError: as of `shared`.
    """
    if (known := shared()) is None:
        return None
    return shared_module("emotion_core.monitoring.shared_side").SharedSide(known, replica_folder)
