"""The audit log: who signed in, opened, exported, deleted or shared what, and when.

One JSON object a line, one file a day and machine, only ever appended to. It holds no readings, no
pictures and no names from recordings: things are named by digests that open nothing. A line that
cannot be written is reported to the server's log and stops no work.
"""

import contextlib
import itertools
import json
import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json

_log = logging.getLogger(__name__)
# Those who need not sign in: on a server without sign-on, and by invitation.
VISITOR: Final = "visitor"
_FILE: Final = re.compile(r"audit-(\d{4}-\d{2}-\d{2})-.*\.jsonl")


class AuditLog:
    """The audit log of a server. All methods may be called from any thread.

    Args:
        folder: of its files; made where it is missing.
        days: for which a line is kept; 0 writes nothing.

    Attributes:
        days: as given.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self._folder, self.days = folder, days
        host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname())[:40] or "host"
        self._ending = f"{host}.jsonl"
        self._lock = threading.Lock()
        self._cleaned = ""

    def write(
        self, event: str, who: str, *, kind: str = "", thing: str = "", **more: object
    ) -> bool:
        """Add a line; returns whether it could be written.

        Args:
            event: what was done, such as "open".
            who: the person, as `Person.label` has it.
            kind: of the thing, such as "study".
            thing: `short_name` of its token.
            more: further values, no readings and no names from recordings.
        """
        if not self.days:
            return True
        now = datetime.now(UTC)
        line: dict[str, Any] = {
            "time": now.isoformat(timespec="milliseconds"),
            "event": event,
            "who": who,
            **({"kind": kind} if kind else {}),
            **({"thing": thing} if thing else {}),
            **more,
        }
        text = json.dumps(line, ensure_ascii=False)
        self._share(line["time"], text)
        try:
            with self._lock:
                self._append(now, text + "\n")
        except OSError as error:
            _log.error("The audit log could not be written (%s): %s by %s", error, event, who)
            return False
        return True

    def _share(self, time: str, line: str) -> None:
        """Give a line to those with whom this log is shared; here, no one."""

    def _append(self, now: datetime, line: str) -> None:
        day = now.date().isoformat()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"audit-{day}-{self._ending}"
        # One write a line: lines of several processes do not mix.
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
        if self._cleaned != day:
            self._cleaned = day
            self._drop_old(now)

    def _drop_old(self, now: datetime) -> None:
        oldest = (now - timedelta(days=self.days)).date().isoformat()
        for day, path in self._files():
            if day < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _files(self) -> list[tuple[str, Path]]:
        """Day and path of each file, oldest first."""
        found = ((_FILE.fullmatch(path.name), path) for path in self._folder.glob("audit-*.jsonl"))
        return sorted((match[1], path) for match, path in found if match)

    def newest(self, most: int) -> list[dict[str, Any]]:
        """The newest lines, newest first; lines that cannot be read are left out.

        Raises:
            StoreError: they are in a database, which does not answer.
        """
        lines: list[dict[str, Any]] = []
        newest_first = reversed(self._files())
        for _, files in itertools.groupby(newest_first, key=lambda file: file[0]):
            today = [line for _, path in files for line in _lines(path)]
            # Of lines of one millisecond, too, the later ones come first.
            today.reverse()
            lines += sorted(today, key=lambda line: str(line.get("time", "")), reverse=True)
            if len(lines) >= most:
                break
        return lines[:most]

    def pieces(self) -> Iterator[bytes]:
        """All lines that are kept, oldest day first.

        Raises:
            OSError: a file cannot be read.
            StoreError: they are in a database, which does not answer.
        """
        for _, path in self._files():
            yield path.read_bytes()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_bytes()
    except OSError:
        return
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            if isinstance(values := parse_json(line), dict):
                yield values
