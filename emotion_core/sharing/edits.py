"""The edits of results as all replicas share them: one row a results folder, changed in turn."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from emotion_core.atomic_io import replace_file
from emotion_core.errors import StoreError
from emotion_core.results.paths import EDITS as EDITS_FILE
from emotion_core.sharing.database import EDITS, Database
from emotion_core.sharing.job_index import JobIndex


class SharedEdits:
    """Keeps edits.json of shared results the same on all replicas; safe across threads.

    Args:
        database: holds the edits.
        kind: of the jobs.
        place: gives the job and the folder's name of a results folder of this store; None for a
            folder that is not shared (yet), whose file stays as it is.
    """

    def __init__(
        self, database: Database, kind: str, place: Callable[[Path], tuple[str, str] | None]
    ) -> None:
        self._database, self._kind, self._place = database, kind, place
        self._index = JobIndex(database, kind)
        self._versions: dict[Path, int] = {}
        self._lock = threading.Lock()

    def refresh(self, folder: Path) -> None:
        """Bring a folder's edits.json up to date.

        Raises:
            StoreError: the database does not answer.
            OSError: the file cannot be written.
        """
        place = self._place(folder)
        if place is None:
            return
        with self._database.transaction() as connection:
            row = connection.execute(self._select(place)).first()
        if row is not None:
            self._write(folder, row)

    def refresh_all(self, job: str, results: Path) -> None:
        """Bring the edits.json of all results folders of a job up to date.

        Args:
            job: the job.
            results: the folder of its results folders.

        Raises: as of `refresh`.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(self._select_all(job)).all()
        for row in rows:
            self._write(results / row.folder, row)

    @contextlib.contextmanager
    def changing(self, folder: Path) -> Iterator[None]:
        """Let no other replica change the edits meanwhile; afterwards all have what is in the file.

        Where the block or the database fails, no one has the change, and the file is as before.

        Raises:
            StoreError: the database does not answer, or the results were deleted.
            OSError: the file cannot be written.
        """
        place = self._place(folder)
        if place is None:
            yield
            return
        file = folder / EDITS_FILE
        before: bytes | None = None
        ours = False
        try:
            with self._database.transaction() as connection:
                if self._index.locked(connection, place[0]) is None:
                    raise StoreError("these results were deleted.")
                row = connection.execute(self._select(place).with_for_update()).first()
                if row is not None:
                    self._write(folder, row)
                before, ours = (file.read_bytes() if file.exists() else None), True
                yield
                self._keep(connection, place, file, before, row)
        except BaseException:
            if ours:
                with contextlib.suppress(OSError):
                    _restore(file, before)
            raise
        finally:
            self._forget(folder)

    def put(self, connection: Any, job: str, folder: Path, name: str | None = None) -> None:
        """Share the edits.json that an analysis has left in a results folder.

        Args:
            connection: with the caller's transaction.
            job: the job, whose results cannot be edited at this moment.
            folder: the results folder.
            name: of the folder among those of its job; None: as it is called.
        """
        file = folder / EDITS_FILE
        place = (job, folder.name if name is None else name)
        if not file.is_file():
            return
        row = connection.execute(self._select(place).with_for_update()).first()
        content = file.read_bytes()
        if row is None or bytes(row.content) != content:
            self._store(connection, place, content, row)

    def _keep(
        self, connection: Any, place: tuple[str, str], file: Path, before: bytes | None, row: Any
    ) -> None:
        content = file.read_bytes() if file.exists() else None
        if content is None or (content == before and row is not None):
            return
        self._store(connection, place, content, row)
        self._index.touch(connection, place[0])

    def _store(self, connection: Any, place: tuple[str, str], content: bytes, row: Any) -> None:
        job, name = place
        changed = {"content": content, "version": 1 if row is None else row.version + 1}
        values = {"kind": self._kind, "job": job, "folder": name, **changed}
        known = [EDITS.c.kind, EDITS.c.job, EDITS.c.folder]
        insert = self._database.insert(EDITS).values(values)
        connection.execute(insert.on_conflict_do_update(index_elements=known, set_=changed))

    def _write(self, folder: Path, row: Any) -> None:
        """The row's edits into the file, where that holds others."""
        file = folder / EDITS_FILE
        with self._lock:
            if self._versions.get(folder) == row.version and file.exists():
                return
            if folder.is_dir() and not (file.exists() and file.read_bytes() == row.content):
                replace_file(file, bytes(row.content))
            self._versions[folder] = row.version

    def _forget(self, folder: Path) -> None:
        with self._lock:
            self._versions.pop(folder, None)

    def _select(self, place: tuple[str, str]) -> Any:
        job, name = place
        return self._select_all(job).where(EDITS.c.folder == name)

    def _select_all(self, job: str) -> Any:
        return sa.select(EDITS).where(EDITS.c.kind == self._kind, EDITS.c.job == job)


def _restore(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
    elif not file.exists() or file.read_bytes() != content:
        replace_file(file, content)
