"""What happened in a session, line by line: written as it comes, whole up to a crash.

The file presentation.jsonl is in the recording's folder. Its first line tells who sees what in
which order (`Head`); each further one is an entry of the participant's browser, or the server's own
word on how the session ended. Times of the browser are milliseconds since it loaded the page.
"""

import contextlib
import json
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from emotion_core.atomic_io import parse_json
from emotion_core.errors import InputError
from emotion_core.results.export import output_error

LOG: Final = "presentation.jsonl"
MOST_ENTRIES: Final = 50_000
_LONGEST_ENTRY: Final = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a log.

    Attributes:
        participant: the code.
        number: of the participant, which decides about the order.
        order: names of the items as they are shown.
        items: values of the items in this order, as presentation.toml has them.
        consent: the words that were agreed to.
        consent_utc: when.
        started_utc: when the recording began.
        zero_s: the recording's time 0 on the server's steady clock.
    """

    participant: str
    number: int
    order: tuple[str, ...]
    items: tuple[dict[str, Any], ...]
    consent: str
    consent_utc: str
    started_utc: str
    zero_s: float


class LogWriter:
    """Appends entries, each once and at once on the disk. Any thread.

    Args:
        path: of the log.

    Raises:
        OutputError: from every method, where the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._count = 0
        self._seen: set[str] = set()

    def begin(self, head: Head) -> None:
        """Write the first line."""
        self._write([{"type": "head", **asdict(head)}])

    def add(self, entries: Iterable[Any]) -> list[dict[str, Any]]:
        """Append what is new among entries, and return those that can be kept; others are lost."""
        with self._lock:
            good = [dict(entry) for entry in entries if _usable(entry)]
            new = [entry for entry in good if entry["id"] not in self._seen]
            new = new[: max(0, MOST_ENTRIES - self._count)]
            if new:
                self._write(new)
                self._seen.update(entry["id"] for entry in new)
                self._count += len(new)
            return good

    def note(self, **values: Any) -> None:
        """Append a word of the server."""
        with self._lock:
            self._write([values])

    def _write(self, lines: list[dict[str, Any]]) -> None:
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        try:
            with self._path.open("ab") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self._path, error) from error


def _usable(entry: Any) -> bool:
    """Whether an entry of a browser can be kept; anybody can send anything."""
    if not isinstance(entry, Mapping):
        return False
    at_ms, identity = entry.get("at"), entry.get("id")
    number = isinstance(at_ms, int | float) and math.isfinite(at_ms)
    texts = all(isinstance(entry.get(name), str) for name in ("id", "type", "load"))
    short = isinstance(identity, str) and 0 < len(identity) <= 60
    try:
        return number and texts and short and len(json.dumps(entry)) <= _LONGEST_ENTRY
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it was read.

    Attributes:
        head: its first line.
        entries: the others that can be read, in order.
    """

    head: Head
    entries: tuple[dict[str, Any], ...] = field(default_factory=tuple)


def read_log(path: Path) -> Log:
    """Read a log; a line that was cut off by a crash costs only itself.

    Raises:
        InputError: there is none, or its first line cannot be read.
    """
    with _opened(path) as file:
        head, *rows = (_row(line) for line in (file.readline(), *file))
    entries = (row for row in rows if row is not None and isinstance(row.get("type"), str))
    return Log(_head(head, path), tuple(entries))


def read_head(path: Path) -> Head:
    """The first line of a log, of which nothing else is read; raises as `read_log`."""
    with _opened(path) as file:
        return _head(_row(file.readline()), path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error


def _head(row: Mapping[str, Any] | None, path: Path) -> Head:
    first = row or {}
    try:
        return Head(
            participant=str(first["participant"]),
            number=int(first["number"]),
            order=tuple(map(str, first["order"])),
            items=tuple(dict(item) for item in first["items"]),
            consent=str(first["consent"]),
            consent_utc=str(first["consent_utc"]),
            started_utc=str(first["started_utc"]),
            zero_s=float(first["zero_s"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path.name} is damaged: its first line cannot be read.") from error


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
