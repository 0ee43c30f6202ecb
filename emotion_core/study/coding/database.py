"""The SQLite file of a study's codes: one transaction for each change, shared by many processes."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from emotion_core.errors import InputError, OutputError

FORMAT: Final = 1
# "EmLa": tells this file from other SQLite files.
_APPLICATION: Final = 0x456D4C61
# Another tab holds the file for milliseconds; a copy of it on a slow disk for seconds.
_PATIENCE_S: Final = 15.0
_TABLES: Final = """
CREATE TABLE coders (
    name TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE, share REAL NOT NULL, added_s REAL NOT NULL);
CREATE TABLE plans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, seed INTEGER NOT NULL,
    made_s REAL NOT NULL, settings TEXT NOT NULL);
CREATE TABLE units (
    id TEXT PRIMARY KEY, plan INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, recording TEXT NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL,
    training INTEGER NOT NULL, answers TEXT NOT NULL, answered_by TEXT NOT NULL);
CREATE TABLE keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    coder TEXT NOT NULL REFERENCES coders (name) ON DELETE CASCADE,
    unit TEXT NOT NULL REFERENCES units (id) ON DELETE CASCADE,
    pressed_s REAL NOT NULL, action TEXT NOT NULL, time_s REAL NOT NULL, code TEXT NOT NULL,
    kind TEXT NOT NULL, exclusive INTEGER NOT NULL, value INTEGER NOT NULL, target TEXT NOT NULL,
    text TEXT NOT NULL);
CREATE INDEX keys_of ON keys (coder, unit);
CREATE TABLE done (
    coder TEXT NOT NULL REFERENCES coders (name) ON DELETE CASCADE,
    unit TEXT NOT NULL REFERENCES units (id) ON DELETE CASCADE,
    done_s REAL NOT NULL, PRIMARY KEY (coder, unit));
"""


@contextlib.contextmanager
def transaction(path: Path, *, write: bool) -> Iterator[sqlite3.Connection]:
    """One transaction on the file; nothing of it is kept if the block raises.

    Without a file, what is read is empty, and the first change makes it. When the process is killed
    or the power fails, SQLite's rollback journal leaves what was there before this transaction.

    Args:
        path: the file.
        write: it may change something: others wait until it is through.

    Raises:
        InputError: the file is damaged, is not one of codes, or a newer version wrote it. It is
            left as it is.
        OutputError: it cannot be written.
    """
    try:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        place = str(path) if write or path.exists() else ":memory:"
        with contextlib.closing(_connected(place)) as connection:
            _prepare(connection, path)
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
    except sqlite3.OperationalError as error:
        raise OutputError(_refused(path, error)) from error
    except sqlite3.IntegrityError as error:
        raise InputError(
            "The coder or the clip is no longer there: it was deleted meanwhile."
        ) from error
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{path.name} is damaged ({error}). It was left as it is: put the copy from a zip of "
            "the study in its place, or move it away to begin with no codes."
        ) from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error


def consistent_copy(path: Path) -> Iterator[bytes]:
    """The bytes of the file between two transactions, also while coders press keys.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with contextlib.closing(_connected(str(path))) as connection:
            data = connection.serialize()
    except sqlite3.Error:
        # Damaged: as it is, for whoever may repair it.
        data = path.read_bytes()
    yield data


def _connected(place: str) -> sqlite3.Connection:
    # Transactions are begun and ended here, not by the module.
    connection = sqlite3.connect(place, timeout=_PATIENCE_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    # A commit returns when it is on the disk.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check whose file it is, and make the tables of a new one."""
    version = _number(connection, "user_version")
    if version == 0 and not _tables(connection):
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have made them while this one waited.
        if not _tables(connection):
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
        version = FORMAT
    if _number(connection, "application_id") != _APPLICATION:
        raise InputError(f"{path.name} is not a file of codes: move it away. It was not changed.")
    if version > FORMAT:
        raise InputError(
            f"{path.name} was written by a newer version of this program (format {version}; this "
            f"version reads {FORMAT}). Update the program. Nothing was changed."
        )


def _tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _refused(path: Path, error: sqlite3.OperationalError) -> str:
    words = str(error)
    if "no such" in words:
        return f"{path.name} lacks a part ({words}). It was left as it is."
    if "locked" in words:
        return f"{path.name} is in use by another program for too long: try again."
    return f"{path.name} cannot be written: {words}. What was saved before is kept."
