"""The files that all replicas share: rows of the database say which object holds which file.

An object is written once, under a key of its own, and never changed. A file exists when its row
does, so that others see all files of a transaction or none. Objects without a row are noted as
garbage before they are written and when their last row goes: whatever dies in between, they are
deleted in the end.
"""

import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from emotion_core.errors import StoreError
from emotion_core.sharing.database import FILES, GARBAGE, Database
from emotion_core.sharing.objects import Objects

_log = logging.getLogger(__name__)
# Longer than any upload takes.
_BEING_WRITTEN_S: Final = 6 * 3600.0
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that the replicas share: its path below the job's folder, its object, its bytes."""

    path: str
    object: str
    size: int


class SharedFiles:
    """The files of one kind of job; all methods may be called from any thread.

    Args:
        database: holds the rows.
        objects: hold the bytes.
        kind: of the jobs.
    """

    def __init__(self, database: Database, objects: Objects, kind: str) -> None:
        self._database, self._objects, self._kind = database, objects, kind

    def listed(self, job: str, below: str = "") -> list[SharedFile]:
        """The files of a job whose paths begin with `below`.

        Raises:
            StoreError: the database does not answer.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(sa.select(FILES).where(self._of(job))).all()
        found = [SharedFile(row.path, row.object, row.size) for row in rows]
        return sorted((f for f in found if f.path.startswith(below)), key=lambda f: f.path)

    def publish(
        self,
        job: str,
        files: Mapping[str, Path],
        *,
        gone: Collection[str] = (),
        also: Callable[[Any], None] = lambda _: None,
    ) -> dict[str, str]:
        """Copy files into the store, and show all of them at once.

        Args:
            job: whose files these are.
            files: path below the job's folder → the file here.
            gone: paths of earlier files that are no more.
            also: called with the connection in the transaction that shows them; what it raises
                leaves everything as it was.

        Returns:
            The object of each path.

        Raises:
            StoreError: the store or the database cannot be used.
            OSError: a file cannot be read.
        """
        keys = {path: f"{self._kind}/{secrets.token_hex(16)}" for path in files}
        sizes = {path: file.stat().st_size for path, file in files.items()}
        self._note(keys.values())
        try:
            for path, file in files.items():
                self._objects.put(file, keys[path])
            with self._database.transaction() as connection:
                also(connection)
                self._forget(connection, job, [*files, *gone])
                self._show(connection, job, keys, sizes)
        except BaseException:
            with contextlib.suppress(StoreError), self._database.transaction() as connection:
                now = sa.update(GARBAGE).where(GARBAGE.c.object.in_(list(keys.values())))
                connection.execute(now.values(after_s=self._database.now))
            raise
        return keys

    def _show(
        self, connection: Any, job: str, keys: Mapping[str, str], sizes: Mapping[str, int]
    ) -> None:
        if not keys:
            return
        wanted = GARBAGE.c.object.in_(list(keys.values()))
        if connection.execute(sa.delete(GARBAGE).where(wanted)).rowcount < len(keys):
            raise StoreError("The files took too long to be stored; start again.")
        rows = [
            {"kind": self._kind, "job": job, "path": p, "object": k, "size": sizes[p]}
            for p, k in keys.items()
        ]
        connection.execute(sa.insert(FILES), rows)

    def fetch(self, file: SharedFile, target: Path) -> None:
        """Copy a file to a path.

        Raises:
            FileNotFoundError: the store has lost it.
            StoreError: the store does not answer.
        """
        self._objects.get(file.object, target)

    def is_kept(self, job: str, path: str) -> bool:
        """Whether there is such a file, and the store has not lost it.

        Raises:
            StoreError: the store or the database does not answer.
        """
        found = [file for file in self.listed(job, path) if file.path == path]
        return bool(found) and self._objects.has(found[0].object)

    def share(
        self, connection: Any, source: str, target: str, wanted: Callable[[str], bool]
    ) -> None:
        """Give a job the files of another whose paths are `wanted`; both use the same objects."""
        rows = connection.execute(sa.select(FILES).where(self._of(source)).with_for_update()).all()
        copies = [dict(row._mapping) | {"job": target} for row in rows if wanted(row.path)]
        if copies:
            connection.execute(self._database.insert(FILES).on_conflict_do_nothing(), copies)

    def drop(self, connection: Any, job: str, paths: Collection[str] | None = None) -> None:
        """Take files of a job away, all of them by default; `sweep` deletes their objects."""
        self._forget(connection, job, paths)

    def sweep(self) -> None:
        """Delete the objects that no file uses; what fails is tried again the next time.

        Raises:
            StoreError: the database does not answer.
        """
        with self._database.transaction() as connection:
            old = sa.select(GARBAGE.c.object).where(GARBAGE.c.after_s <= self._database.now)
            # Replicas do not wait for one another: each takes what no other has taken.
            keys = connection.scalars(old.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()
            done = [key for key in keys if self._deleted(key)]
            if done:
                connection.execute(sa.delete(GARBAGE).where(GARBAGE.c.object.in_(done)))

    def _deleted(self, key: str) -> bool:
        try:
            self._objects.delete(key)
        except StoreError as error:
            _log.warning("An object is deleted later: %s", error)
            return False
        return True

    def _of(self, job: str) -> Any:
        return sa.and_(FILES.c.kind == self._kind, FILES.c.job == job)

    def _note(self, keys: Collection[str]) -> None:
        with self._database.transaction() as connection:
            after = self._database.now + _BEING_WRITTEN_S
            for key in keys:
                connection.execute(sa.insert(GARBAGE).values(object=key, after_s=after))

    def _forget(self, connection: Any, job: str, paths: Collection[str] | None) -> None:
        which = self._of(job)
        if paths is not None:
            which = sa.and_(which, FILES.c.path.in_(list(paths)))
        rows = connection.execute(sa.select(FILES.c.object).where(which).with_for_update())
        keys = set(rows.scalars())
        if not keys:
            return
        connection.execute(sa.delete(FILES).where(which))
        used = sa.select(FILES.c.object).where(FILES.c.object.in_(keys))
        insert = self._database.insert(GARBAGE)
        for key in keys - set(connection.scalars(used)):
            values = insert.values(object=key, after_s=self._database.now)
            connection.execute(values.on_conflict_do_nothing())
