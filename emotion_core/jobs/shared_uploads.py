"""Uploads that all replicas share: in the object store, with copies where they are used."""

import contextlib
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import replacing
from emotion_core.errors import OutputError
from emotion_core.jobs.log import JobInput
from emotion_core.jobs.shared_state import below
from emotion_core.sharing.database import Database
from emotion_core.sharing.files import SharedFiles
from emotion_core.sharing.upload_index import UploadIndex

# A job follows its uploads within this time, or not at all.
_AWAITED_S: Final = 1800.0
# What has changed since may have begun to arrive after the look at the database.
_YOUNG_S: Final = 2.0
# In the table of files: of no job in particular.
_OF_ALL: Final = ""


class SharedUploads:
    """The uploads of one kind of job, by their paths below a store's folder.

    Every method may raise a StoreError: the database or the object store cannot be used.

    Args:
        database: holds what is known of them.
        files: hold their bytes.
        kind: of the jobs.
        root: the store's folder on this computer.
    """

    def __init__(self, database: Database, files: SharedFiles, kind: str, root: Path) -> None:
        self._database, self._files, self._root = database, files, root
        self._index = UploadIndex(database, kind)
        self._lock, self._arriving = threading.Lock(), 0

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """An upload is being received for the block: its copy here is not taken for a leftover."""
        with self._lock:
            self._arriving += 1
        try:
            yield
        finally:
            with self._lock:
                self._arriving -= 1

    def add(self, given: JobInput) -> None:
        """Share an upload that is complete here; it is awaited by a job until `arrived`.

        Raises:
            OutputError: it cannot be read any more.
        """
        path = below(given.path, self._root)
        assert path is not None
        with self._database.transaction() as connection:
            if known := self._index.known(connection, path):
                self._index.await_job(connection, path, _AWAITED_S)
        if known and self._files.is_kept(_OF_ALL, path):
            return

        def note(connection: Any) -> None:
            self._index.await_job(connection, path, _AWAITED_S)

        try:
            self._files.publish(_OF_ALL, {path: Path(given.path)}, also=note)
        except OSError as error:
            raise OutputError(f"{given.name} could not be kept: {error.strerror}.") from error

    def arrived(self, connection: Any, paths: Collection[str]) -> None:
        """A job has its uploads now.

        Raises:
            OutputError: one was deleted meanwhile.
        """
        for path in paths:
            if not self._index.arrived(connection, path):
                raise OutputError(
                    f"{Path(path).name} is no longer there: it was deleted meanwhile. Upload it "
                    "again."
                )

    def fetch(self, path: str) -> None:
        """Bring an upload here; the command reports one that is missing.

        Raises:
            OSError: this computer's folder cannot be written.
        """
        target = self._root / path
        if target.is_file():
            return
        for file in self._files.listed(_OF_ALL, path):
            if file.path == path:
                target.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError), replacing(target) as part:
                    self._files.fetch(file, part)

    def drop(self, connection: Any, paths: Collection[str] | None) -> list[str]:
        """Delete uploads that no job uses and none is to follow; returns their paths.

        Args:
            connection: with the transaction.
            paths: only these; None: any.
        """
        unused = self._index.drop_unused(connection, paths)
        if unused:
            self._files.drop(connection, _OF_ALL, unused)
        return unused

    def drop_here(self, paths: Collection[str]) -> None:
        """Remove this computer's copies."""
        for path in paths:
            file = self._root / path
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
                # The same bytes may be here under another name.
                if all(other.name.startswith(".") for other in file.parent.iterdir()):
                    shutil.rmtree(file.parent)

    def tidy(self) -> None:
        """Remove the copies of uploads that other replicas have deleted."""
        here = list((self._root / "incoming").glob("*"))
        with self._lock:
            if not here or self._arriving:
                return
        kept = {(self._root / file.path).parent for file in self._files.listed(_OF_ALL)}
        for folder in here:
            with contextlib.suppress(OSError):
                if folder not in kept and folder.stat().st_mtime < time.time() - _YOUNG_S:
                    shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
