"""Uploads that the replicas share: which a job uses, and which a job is expected to follow."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from emotion_core.sharing.database import INPUTS, UPLOADS, Database


class UploadIndex:
    """Uploads of one kind of job that a job is expected to follow, and those that jobs use.

    All methods work inside the caller's transaction.
    """

    def __init__(self, database: Database, kind: str) -> None:
        self._database, self._kind = database, kind

    def await_job(self, connection: Any, path: str, for_s: float) -> None:
        """Keep an upload for so many seconds, although no job uses it yet."""
        until_s = self._database.now + for_s
        values = {"kind": self._kind, "path": path, "awaited": 1, "until_s": until_s}
        insert = self._database.insert(UPLOADS).values(values)
        more = {"awaited": UPLOADS.c.awaited + 1, "until_s": until_s}
        known = [UPLOADS.c.kind, UPLOADS.c.path]
        connection.execute(insert.on_conflict_do_update(index_elements=known, set_=more))

    def known(self, connection: Any, path: str) -> bool:
        """Whether there is such an upload; it is not deleted before the transaction's end."""
        row = sa.select(UPLOADS.c.path).where(self._is(path)).with_for_update()
        return connection.execute(row).first() is not None

    def arrived(self, connection: Any, path: str) -> bool:
        """A job has an upload now: it is awaited once less. False where it was deleted."""
        fewer = sa.case((UPLOADS.c.awaited > 0, UPLOADS.c.awaited - 1), else_=0)
        update = sa.update(UPLOADS).where(self._is(path)).values(awaited=fewer)
        return bool(connection.execute(update).rowcount)

    def drop_unused(self, connection: Any, paths: Collection[str] | None = None) -> list[str]:
        """Forget the uploads that no job uses and none is to follow; returns their paths.

        Args:
            connection: with the transaction.
            paths: only these; None: any.
        """
        free = sa.or_(UPLOADS.c.awaited == 0, UPLOADS.c.until_s < self._database.now)
        rows = sa.select(UPLOADS.c.path).where(UPLOADS.c.kind == self._kind, free)
        if paths is not None:
            rows = rows.where(UPLOADS.c.path.in_(list(paths)))
        # A job that begins to use one meanwhile holds its row: its use is seen below.
        candidates = list(connection.scalars(rows.with_for_update()))
        of = sa.and_(INPUTS.c.kind == self._kind, INPUTS.c.path.in_(candidates))
        used = set(connection.scalars(sa.select(INPUTS.c.path).where(of)))
        unused = [path for path in candidates if path not in used]
        if unused:
            which = sa.and_(UPLOADS.c.kind == self._kind, UPLOADS.c.path.in_(unused))
            connection.execute(sa.delete(UPLOADS).where(which))
        return unused

    def _is(self, path: str) -> Any:
        return sa.and_(UPLOADS.c.kind == self._kind, UPLOADS.c.path == path)
