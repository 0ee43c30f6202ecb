"""The database that all replicas share: its tables, and transactions with errors in plain words."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from emotion_core.errors import SettingsError, StoreError

_TABLES: Final = sa.MetaData()
JOBS: Final = sa.Table(
    "lab_jobs",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    # A digest of the owner's secret name, and one of the work: equal work has equal results.
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("work", sa.String(64), nullable=False, index=True),
    # The job on whose results this one works; "" for the others.
    sa.Column("part_of", sa.String(64), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("message", sa.Text, nullable=False),
    # One entry a video, JSON, as of `jobs.shared_state`.
    sa.Column("progress", sa.Text, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    # The replica that runs it, until when it may do so without a sign of life, and how often the
    # job was taken since a person last asked for it.
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("lease_s", sa.Float(53), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # Seconds since 1970, all by the database's clock.
    sa.Column("created_s", sa.Float(53), nullable=False),
    sa.Column("queued_s", sa.Float(53), nullable=False),
    sa.Column("touched_s", sa.Float(53), nullable=False),
)
# The videos of each job that were uploaded; administrators' files are not among them.
INPUTS: Final = sa.Table(
    "lab_inputs",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(64), primary_key=True),
    sa.Column("path", sa.String(400), primary_key=True),
)
# Uploads that a job is expected to follow: how many, and until when.
UPLOADS: Final = sa.Table(
    "lab_uploads",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("path", sa.String(400), primary_key=True),
    sa.Column("awaited", sa.Integer, nullable=False),
    sa.Column("until_s", sa.Float(53), nullable=False),
)
# Which object holds a file. A file without a row does not exist: rows are written last.
FILES: Final = sa.Table(
    "lab_files",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(64), primary_key=True),
    sa.Column("path", sa.String(400), primary_key=True),
    sa.Column("object", sa.String(200), nullable=False, index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
)
# Objects that no file uses (any more, or yet), and when they are to be deleted.
GARBAGE: Final = sa.Table(
    "lab_garbage",
    _TABLES,
    sa.Column("object", sa.String(200), primary_key=True),
    sa.Column("after_s", sa.Float(53), nullable=False),
)
EDITS: Final = sa.Table(
    "lab_edits",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(64), primary_key=True),
    sa.Column("folder", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
# The newest frame of a job that runs, for the pages of other replicas.
PREVIEWS: Final = sa.Table(
    "lab_previews",
    _TABLES,
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
# Who has signed in on any replica, and what was done: see `access.people` and `access.audit`.
PEOPLE: Final = sa.Table(
    "lab_people",
    _TABLES,
    sa.Column("owner", sa.String(128), primary_key=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("last_s", sa.Float(53), nullable=False),
)
AUDIT: Final = sa.Table(
    "lab_audit",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    # The line's own time, ISO 8601 in UTC: its order is that of the text.
    sa.Column("time", sa.String(40), nullable=False, index=True),
    sa.Column("line", sa.Text, nullable=False),
)
_KINDS: Final = "postgresql://USER:PASSWORD@HOST/DATABASE (or sqlite:///FILE on one machine)"
# An arbitrary number that only this program locks.
_MAKING_TABLES: Final = 7_205_759_403
_PATIENCE_S: Final = 10


class Database:
    """Transactions on the shared database; all methods may be called from any thread.

    Nothing is connected before the first transaction, and a server that was away is found again.

    Args:
        url: as of EMOTION_LAB_DATABASE.

    Raises:
        SettingsError: it is not the URL of a known kind of database.
        ModuleNotFoundError: the database's driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise SettingsError(f"EMOTION_LAB_DATABASE must be a URL such as {_KINDS}.") from error
        kind = parsed.get_backend_name()
        if kind not in ("postgresql", "postgres", "sqlite"):
            raise SettingsError(f"EMOTION_LAB_DATABASE must be {_KINDS}, got {kind}.")
        self._postgres = kind != "sqlite"
        if self._postgres:
            self._engine = sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": _PATIENCE_S // 2,
                    "options": f"-c statement_timeout={_PATIENCE_S}s",
                    # A computer that has lost its power does not even refuse: without these, TCP
                    # waits a quarter of an hour for what was sent, and two hours for an answer.
                    "tcp_user_timeout": _PATIENCE_S * 1000,
                    "keepalives_idle": _PATIENCE_S,
                    "keepalives_interval": 2,
                    "keepalives_count": 3,
                },
            )
        else:
            self._engine = _sqlite_engine(parsed)
        self._ready = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """A connection whose work is kept as a whole at the end of the block, or not at all.

        Raises:
            StoreError: the database does not answer, or refuses.
        """
        try:
            self._make_tables()
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(_words(error)) from error

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return (postgresql if self._postgres else sqlite).insert(table)

    @property
    def now(self) -> Any:
        """The database's clock, seconds since 1970: the computers' own clocks may differ."""
        if self._postgres:
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float(53))
        return (sa.func.julianday("now") - 2440587.5) * 86400.0

    def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            StoreError: there is none.
        """
        with self.transaction() as connection:
            connection.execute(sa.select(sa.literal(1)))

    def close(self) -> None:
        """Give its connections back."""
        self._engine.dispose()

    def _make_tables(self) -> None:
        if self._ready:
            return
        with self._engine.begin() as connection:
            if self._postgres:
                # Two that begin at once must not make them twice. A lock of this process's own
                # would let its threads wait in a row for a database that does not answer.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
            _TABLES.create_all(connection)
        self._ready = True


def _sqlite_engine(url: Any) -> Any:
    """For servers on one machine. Transactions lock at their beginning: see SQLAlchemy's "SQLite
    Transactions and the sqlite3 driver"."""
    engine = sa.create_engine(url, connect_args={"timeout": _PATIENCE_S})

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)
    return engine


def _words(error: Exception) -> str:
    """The database's own words, which name host and user but no password."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
    return (
        f"The shared database cannot be used: {said}. What is done is kept. Check that it "
        "runs, and EMOTION_LAB_DATABASE."
    )
