"""Recordings that several replicas share once they are finished.

A recording is written by the replica to which its camera sends, in that replica's work folder. At
its end it goes into the object store, where every replica finds it.
"""

import contextlib
import logging
import shutil
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from emotion_core.errors import StoreError
from emotion_core.live.recording import LiveSession
from emotion_core.live.recording_folder import HEAD
from emotion_core.live.recording_store import SessionStore, is_token
from emotion_core.results.edits_file import is_edits_file, share_edits
from emotion_core.results.paths import SUMMARY
from emotion_core.sharing.edits import SharedEdits
from emotion_core.sharing.job_index import DONE, JobIndex
from emotion_core.sharing.local_copy import LocalCopy
from emotion_core.sharing.shared import Shared

_log = logging.getLogger(__name__)
_KIND: Final = "live"
# A page asks several times a second.
_ASK_EVERY_S: Final = 2.0


class SharedSessionStore(SessionStore):
    """As `SessionStore`; finished recordings are those of all replicas.

    Args:
        root: recordings of this computer.
        retention_h: hours after which a recording is deleted.
        shared: of all replicas.
    """

    def __init__(self, root: Path, retention_h: float, shared: Shared) -> None:
        super().__init__(root.resolve(), retention_h)
        self._database, self._files = shared.database, shared.files(_KIND)
        self._index = JobIndex(shared.database, _KIND)
        self._edits = SharedEdits(shared.database, _KIND, partial(_place, self.root))
        self._asked: dict[str, float] = {}
        self._copying = threading.RLock()
        share_edits(self.root, self._edits)

    def find(self, token: str) -> tuple[Path, LiveSession | None] | None:
        """As of `SessionStore`; a recording of another replica is copied to this one first."""
        if not is_token(token):
            return None
        folder = self.root / token
        if LocalCopy.is_one(folder) or not (folder / HEAD).is_file():
            try:
                self._bring_up_to_date(token)
            except (StoreError, OSError) as error:
                # What is here can be shown all the same.
                _log.warning("A shared recording could not be looked for: %s", error)
        return super().find(token)

    def owner_of(self, token: str) -> str:
        """As of `SessionStore`, also of one that is not on this computer."""
        if (owner := super().owner_of(token)) or not is_token(token):
            return owner
        try:
            row = self._index.get(token)
        except StoreError as error:
            _log.warning("A shared recording could not be looked for: %s", error)
            return ""
        return "" if row is None else str(row.description.get("owner", ""))

    def _bring_up_to_date(self, token: str) -> None:
        with self._copying:
            now = time.monotonic()
            if now < self._asked.get(token, -_ASK_EVERY_S) + _ASK_EVERY_S:
                return
            self._asked = {t: s for t, s in self._asked.items() if now < s + _ASK_EVERY_S}
            self._asked[token] = now
            folder = self.root / token
            row = self._index.get(token)
            if row is not None and not LocalCopy.is_one(folder):
                LocalCopy(folder, self._files, token).fetch()
                self._edits.refresh(folder)
            elif row is None and LocalCopy.is_one(folder):
                # Another replica has deleted it.
                shutil.rmtree(folder, ignore_errors=True)
            if row is not None:
                with self._database.transaction() as connection:
                    self._index.touch(connection, token)

    def stop(self, token: str) -> dict[str, Any]:
        """End a recording, share it, and return its summary; see `SessionStore.stop`.

        Where it cannot be shared at this moment, it is when `forget_old` is called next.
        """
        summary = super().stop(token)
        try:
            self._share(self.root / token)
        except (StoreError, OSError) as error:
            _log.warning("A recording could not be shared yet: %s", error)
        return summary

    def _share(self, folder: Path) -> None:
        files = [f for f in folder.iterdir() if f.is_file() and not _is_private(f)]

        def also(connection: Any) -> None:
            described = {"owner": self.owner_of(folder.name), "work": ""}
            self._index.put(connection, folder.name, described, status=DONE)
            self._edits.put(connection, folder.name, folder, "")

        with self._copying:
            LocalCopy(folder, self._files, folder.name).publish(files, also)

    def delete(self, token: str) -> None:
        """Remove a recording and everything in it, on all replicas.

        Raises:
            StoreError: the database does not answer; the others keep it.
        """
        if not is_token(token):
            return
        # First: it raises before anything is deleted, and nothing is fetched to be deleted.
        self._withdraw(token)
        super().delete(token)
        # One that was running has been shared at its end.
        self._withdraw(token)
        self._files.sweep()

    def _withdraw(self, token: str) -> None:
        with self._database.transaction() as connection:
            self._index.remove(connection, token)
            self._files.drop(connection, token)

    def forget_old(self) -> None:
        """Delete recordings that no replica used for the set time; share what was not shared."""
        with contextlib.suppress(StoreError):
            for token in self._index.old(self._retention_s):
                self.delete(token)
            self._files.sweep()
        super().forget_old()
        for folder in list(self.root.glob("*")):
            with contextlib.suppress(OSError, StoreError):
                if LocalCopy.is_one(folder):
                    self._bring_up_to_date(folder.name)
                elif (folder / SUMMARY).is_file():
                    self._share(folder)

    def _used_s(self, folder: Path) -> float:
        # The database knows how old a shared one is.
        return time.time() if LocalCopy.is_one(folder) else super()._used_s(folder)


def _is_private(file: Path) -> bool:
    return file.name.startswith(".") or is_edits_file(file)


def _place(root: Path, folder: Path) -> tuple[str, str] | None:
    """The token of a recording that is shared; None for any other folder."""
    return (folder.name, "") if folder.parent == root and LocalCopy.is_one(folder) else None
