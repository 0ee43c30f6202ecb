"""What all replicas keep and do, in numbers: for those who run the servers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from emotion_core.sharing.database import FILES, INPUTS, JOBS, Database
from emotion_core.sharing.job_index import RUNNING, WAITING


@dataclass(frozen=True, slots=True)
class SharedThing:
    """A job with what belongs to it, or a recording.

    Attributes:
        kind: of the job, as its store has it.
        token: the job's id.
        owner: digest of its owner.
        made_s: seconds since 1970.
        size: bytes of its files and uploads.
        results: how many of its files are a summary.
    """

    kind: str
    token: str
    owner: str
    made_s: float
    size: int
    results: int


class SharedOverview:
    """Looks at the index of all replicas; every method may raise a StoreError.

    Args:
        database: of all replicas.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self, kinds: Collection[str]) -> dict[tuple[str, str], int]:
        """(kind, state) → number of jobs of these kinds."""
        columns = (JOBS.c.kind, JOBS.c.status)
        wanted = sa.select(*columns, sa.func.count()).where(JOBS.c.kind.in_(list(kinds)))
        with self._database.transaction() as connection:
            rows = connection.execute(wanted.group_by(*columns)).all()
        return {(kind, status): int(number) for kind, status, number in rows}

    def longest_wait(self, kinds: Collection[str]) -> tuple[str, float]:
        """The kind of job that waits longest though none of its kind runs, and its seconds.

        A job waits, too, whose replica gives no sign of life. ("", 0.0) where none waits.
        """
        now = self._database.now
        runs = sa.and_(JOBS.c.status == RUNNING, JOBS.c.lease_s >= now)
        since = sa.case((JOBS.c.status == WAITING, JOBS.c.queued_s), else_=JOBS.c.lease_s)
        wanted = (
            sa.select(JOBS.c.kind, sa.func.max(now - since))
            .where(JOBS.c.kind.in_(list(kinds)), JOBS.c.status.in_([WAITING, RUNNING]))
            .group_by(JOBS.c.kind)
            .having(sa.func.sum(sa.case((runs, 1), else_=0)) == 0)
        )
        with self._database.transaction() as connection:
            rows = [(str(kind), float(wait_s)) for kind, wait_s in connection.execute(wanted)]
        return max(rows, key=lambda row: row[1], default=("", 0.0))

    def things(self, kinds: Collection[str]) -> list[SharedThing]:
        """Everything of these kinds that people keep; work on results belongs to these."""
        wanted = sa.select(JOBS.c.kind, JOBS.c.id, JOBS.c.owner, JOBS.c.created_s).where(
            JOBS.c.kind.in_(list(kinds)), JOBS.c.part_of == ""
        )
        with self._database.transaction() as connection:
            sizes = _by_job(connection, _of_files())
            uploads = _by_job(connection, _of_uploads())
            rows = connection.execute(wanted).all()
        found = []
        for kind, job, owner, made_s in rows:
            size, results = sizes.get((kind, job), (0, 0))
            size += uploads.get((kind, job), (0, 0))[0]
            found.append(SharedThing(kind, job, owner, float(made_s), size, results))
        return found


def _by_job(connection: Any, wanted: Any) -> dict[tuple[str, str], tuple[int, int]]:
    return {(r[0], r[1]): (int(r[2]), int(r[3])) for r in connection.execute(wanted)}


def _of_files() -> Any:
    is_summary = sa.or_(FILES.c.path == "summary.json", FILES.c.path.like("results/%/summary.json"))
    summaries = sa.func.sum(sa.case((is_summary, 1), else_=0))
    columns = (FILES.c.kind, FILES.c.job)
    wanted = sa.select(*columns, sa.func.sum(FILES.c.size), summaries)
    return wanted.where(FILES.c.job != "").group_by(*columns)


def _of_uploads() -> Any:
    """An upload is a file of no job in particular."""
    same = sa.and_(FILES.c.kind == INPUTS.c.kind, FILES.c.job == "", FILES.c.path == INPUTS.c.path)
    columns = (INPUTS.c.kind, INPUTS.c.job)
    wanted = sa.select(*columns, sa.func.sum(FILES.c.size), sa.literal(0))
    return wanted.select_from(INPUTS.join(FILES, same)).group_by(*columns)
