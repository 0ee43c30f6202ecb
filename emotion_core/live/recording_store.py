"""All recordings of a server, by tokens that cannot be guessed."""

import contextlib
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json
from emotion_core.errors import EmotionCoreError, InputError, OutputError
from emotion_core.live.recording import LiveSession
from emotion_core.live.recording_folder import HEAD, finish_folder
from emotion_core.results.paths import sole_writer

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_ELSEWHERE: Final = (
    "Another server is recording into this, or is finishing it. Try again in a moment."
)


def is_token(text: str) -> bool:
    """Whether a text has the form of a recording's token: it leads nowhere else then."""
    return _TOKEN.fullmatch(text) is not None


class SessionStore:
    """All recordings of this server by token, on disk below `root`; safe across threads.

    Servers may share `root`: a recording that one of them holds open is neither finished nor
    deleted by another.
    """

    def __init__(self, root: Path, retention_h: float = 24.0) -> None:
        self.root = root
        self._retention_s = retention_h * 3600
        self._lock = threading.Lock()
        self._open: dict[str, LiveSession] = {}
        # When a page last asked for a recording: a person with the page open is its owner.
        self._asked_s: dict[str, float] = {}

    def start(self, model: str | Mapping[str, Any], owner: str = "") -> tuple[str, LiveSession]:
        """Begin a recording; old ones are deleted first.

        Args:
            model: the network's name, or what summary.json says of it.
            owner: whose it is, as `owner_of` tells again; "" where no one signs in.

        Raises:
            OutputError: the work folder cannot be written.
        """
        self.forget_old()
        token = secrets.token_urlsafe(16)
        session = LiveSession(self.root / token, model, owner=owner)
        with self._lock:
            self._open[token] = session
            self._asked_s[token] = time.time()
        return token, session

    def find(self, token: str) -> tuple[Path, LiveSession | None] | None:
        """The folder of a recording, and the recording itself while it runs; None: unknown."""
        if not _TOKEN.fullmatch(token):
            return None
        folder = self.root / token
        if not (folder / HEAD).is_file():
            return None
        with self._lock:
            self._asked_s[token] = time.time()
            return folder, self._open.get(token)

    def owner_of(self, token: str) -> str:
        """Whose recording it is; "" where that is not known."""
        if not _TOKEN.fullmatch(token):
            return ""
        try:
            head = parse_json((self.root / token / HEAD).read_bytes())
        except (OSError, ValueError):
            return ""
        return str(head.get("owner", "")) if isinstance(head, dict) else ""

    def stop(self, token: str) -> dict[str, Any]:
        """End a recording, also one that lost its server, and return its summary.

        Of several that stop one recording at the same time, all wait and get the same summary.

        Raises:
            EmotionCoreError: it is unknown, damaged, held by another server, or the disk is full.
        """
        found = self.find(token)
        if found is None:
            raise InputError("This recording is no longer here.")
        folder, session = found
        if session is None:
            return _finish_cut_off(folder)
        try:
            return session.stop()
        finally:
            # Only now: a second caller must not take it for a recording that lost its server.
            with self._lock:
                self._open.pop(token, None)

    def delete(self, token: str) -> None:
        """Remove a recording and everything in it."""
        found = self.find(token)
        if found is None:
            return
        folder, session = found
        if session:
            # It is about to be deleted, so a summary that cannot be written does not matter.
            with contextlib.suppress(EmotionCoreError):
                self.stop(token)
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._asked_s.pop(token, None)

    def forget_old(self) -> None:
        """Delete recordings that were neither written to nor looked at for the set time."""
        if not self.root.is_dir():
            return
        oldest = time.time() - self._retention_s
        for folder in self.root.iterdir():
            # A file may go while it is looked at: the next round comes.
            with contextlib.suppress(OSError):
                if self._used_s(folder) < oldest and not self._held_elsewhere(folder):
                    self.delete(folder.name)

    def _used_s(self, folder: Path) -> float:
        """When a recording was last written to or looked at; now, where it holds nothing yet."""
        files = [file.stat().st_mtime for file in folder.glob("*") if file.is_file()]
        with self._lock:
            asked_s = self._asked_s.get(folder.name, 0.0)
        return max(*files, asked_s) if files else time.time()

    def _held_elsewhere(self, folder: Path) -> bool:
        """Whether another server has the recording open, where a pause may last long."""
        with self._lock:
            if folder.name in self._open:
                return False
        try:
            with sole_writer(folder):
                return False
        except OutputError:
            return True


def _finish_cut_off(folder: Path) -> dict[str, Any]:
    try:
        with sole_writer(folder):
            return finish_folder(folder)
    except OutputError as error:
        if isinstance(error.__cause__, TimeoutError):
            raise OutputError(_ELSEWHERE) from error
        raise
