"""The audit log of all replicas: each writes its lines into a file of its own, and a table."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from emotion_core.access.audit import AuditLog
from emotion_core.atomic_io import parse_json
from emotion_core.errors import EmotionCoreError
from emotion_core.sharing.database import AUDIT, Database

_log = logging.getLogger(__name__)
# Lines that wait for a database that does not answer; the file has them all.
_MOST_WAITING: Final = 1000


class SharedAuditLog(AuditLog):
    """As `AuditLog`; what is read are the lines of all replicas.

    No one waits for the database: a thread writes there. A line that it does not take is reported
    to the server's log, and is in this replica's file.

    Args:
        folder, days: as of `AuditLog`.
        database: gives the database of all replicas.
    """

    def __init__(self, folder: Path, days: int, database: Callable[[], Database]) -> None:
        super().__init__(folder, days)
        self._database = database
        self._waiting: queue.Queue[tuple[str, str]] = queue.Queue(_MOST_WAITING)
        self._begin = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped = ""

    def newest(self, most: int) -> list[dict[str, Any]]:
        """As of `AuditLog`."""
        order = (AUDIT.c.time.desc(), AUDIT.c.number.desc())
        with self._database().transaction() as connection:
            lines = connection.scalars(sa.select(AUDIT.c.line).order_by(*order).limit(most)).all()
        return [dict(parse_json(line.encode())) for line in lines]

    def pieces(self) -> Iterator[bytes]:
        """As of `AuditLog`."""
        with self._database().transaction() as connection:
            wanted = sa.select(AUDIT.c.line).order_by(AUDIT.c.time, AUDIT.c.number)
            lines = connection.scalars(wanted).all()
        yield "".join(line + "\n" for line in lines).encode()

    def settle(self) -> None:
        """Wait until the database has, or has refused, every line so far."""
        self._waiting.join()

    def _share(self, time: str, line: str) -> None:
        with self._begin:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait((time, line))
        except queue.Full:
            _log.error("An audit line is in the file of this replica only: too many wait.")

    def _work(self) -> None:
        while True:
            time, line = self._waiting.get()
            try:
                self._insert(time, line)
            except EmotionCoreError as error:
                _log.error("An audit line is in the file of this replica only: %s", error)
            except Exception:
                _log.exception("An audit line is in the file of this replica only")
            finally:
                self._waiting.task_done()

    def _insert(self, time: str, line: str) -> None:
        with self._database().transaction() as connection:
            connection.execute(sa.insert(AUDIT).values(time=time, line=line))
            if self._dropped != (day := time[:10]):
                oldest = (datetime.now(UTC) - timedelta(days=self.days)).date().isoformat()
                connection.execute(sa.delete(AUDIT).where(AUDIT.c.time < oldest))
                self._dropped = day
