"""The jobs that all replicas share: descriptions, a queue with leases, states."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from emotion_core.sharing.database import EDITS, INPUTS, JOBS, PREVIEWS, Database

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
# A video that ends the process, or the computer, must not go from replica to replica for ever.
MOST_ATTEMPTS: Final = 3
_TOO_OFTEN: Final = (
    "The analysis was begun three times, and each time the replica that ran it went away. What was "
    "done is kept; start again to go on."
)
_ENDED: Final = (DONE, FAILED, CANCELLED)
CANCELLED_WORDS: Final = "Cancelled; what was done is kept."


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the database has it; `description` is its job.json with paths below the store's
    folder, `progress` one entry a video."""

    job_id: str
    description: dict[str, Any]
    status: str
    message: str
    progress: list[dict[str, Any]]
    cancelled: bool
    part_of: str
    created_s: float
    attempts: int


class JobIndex:
    """The jobs of one kind; all methods may be called from any thread.

    Methods that take a connection work inside the caller's transaction. Every method may raise a
    StoreError: the database does not answer.
    """

    def __init__(self, database: Database, kind: str) -> None:
        self._database, self._kind = database, kind

    def put(
        self,
        connection: Any,
        job_id: str,
        description: Mapping[str, Any],
        inputs: Collection[str] = (),
        status: str = WAITING,
    ) -> None:
        """Add a job, or begin it again, at the end of the queue."""
        now = self._database.now
        changed = {
            "description": json.dumps(description),
            "status": status,
            "message": "",
            "progress": "[]",
            "cancelled": False,
            "holder": "",
            "lease_s": 0.0,
            "attempts": 0,
            "queued_s": now,
            "touched_s": now,
        }
        values = changed | {
            "kind": self._kind,
            "id": job_id,
            "owner": description.get("owner", ""),
            "work": description.get("work", ""),
            "part_of": description.get("part_of", ""),
            "created_s": now,
        }
        insert = self._database.insert(JOBS).values(values)
        known = [JOBS.c.kind, JOBS.c.id]
        # One that another replica has begun since is left to it.
        ended = JOBS.c.status.in_(_ENDED)
        connection.execute(
            insert.on_conflict_do_update(index_elements=known, set_=changed, where=ended)
        )
        rows = [{"kind": self._kind, "job": job_id, "path": path} for path in sorted(set(inputs))]
        if rows:
            connection.execute(self._database.insert(INPUTS).on_conflict_do_nothing(), rows)

    def locked(self, connection: Any, job_id: str) -> JobRow | None:
        """A job that no other transaction changes until the end of this one; None: unknown."""
        return _row(connection.execute(self._select(job_id).with_for_update()).first())

    def get(self, job_id: str) -> JobRow | None:
        """A job; None where there is none (any more)."""
        return self.several([job_id]).get(job_id)

    def several(self, job_ids: Collection[str]) -> dict[str, JobRow]:
        """These jobs by their ids; those that there are not (any more) are missing."""
        wanted = sa.select(JOBS).where(JOBS.c.kind == self._kind, JOBS.c.id.in_(list(job_ids)))
        with self._database.transaction() as connection:
            rows = connection.execute(wanted).all()
        return {row.id: known for row in rows if (known := _row(row))}

    def ids(self, **equal: str) -> list[str]:
        """The ids of the jobs whose columns have these values, oldest first."""
        wanted = sa.select(JOBS.c.id).where(JOBS.c.kind == self._kind).order_by(JOBS.c.created_s)
        for name, value in equal.items():
            wanted = wanted.where(JOBS.c[name] == value)
        with self._database.transaction() as connection:
            return list(connection.scalars(wanted))

    def take(self, holder: str, lease_s: float) -> JobRow | None:
        """Take the job that has waited longest, or one whose replica gives no sign of life.

        No other replica gets the same one while the lease is renewed.
        """
        now = self._database.now
        dead = sa.and_(JOBS.c.status == RUNNING, JOBS.c.lease_s < now)
        free = sa.and_(JOBS.c.kind == self._kind, sa.or_(JOBS.c.status == WAITING, dead))
        first = sa.select(JOBS).where(free).order_by(JOBS.c.queued_s).limit(1)
        with self._database.transaction() as connection:
            self._end_hopeless(connection, dead)
            row = _row(connection.execute(first.with_for_update(skip_locked=True)).first())
            if row is not None:
                values = {
                    "status": RUNNING,
                    "message": "",
                    "holder": holder,
                    "lease_s": now + lease_s,
                    "attempts": JOBS.c.attempts + 1,
                }
                connection.execute(self._update(row.job_id).values(values))
            return row

    def _end_hopeless(self, connection: Any, dead: Any) -> None:
        """End the jobs of dead replicas that were cancelled, or tried often enough."""
        mine = sa.update(JOBS).where(JOBS.c.kind == self._kind, dead)
        values = {"status": CANCELLED, "message": CANCELLED_WORDS, "holder": ""}
        connection.execute(mine.where(JOBS.c.cancelled).values(values))
        values = {"status": FAILED, "message": _TOO_OFTEN, "holder": ""}
        connection.execute(mine.where(JOBS.c.attempts >= MOST_ATTEMPTS).values(values))

    def renew(self, holder: str, lease_s: float) -> set[str]:
        """Give a sign of life; returns the jobs still held."""
        mine = sa.update(JOBS).where(*self._held(holder))
        values = mine.values(lease_s=self._database.now + lease_s, touched_s=self._database.now)
        with self._database.transaction() as connection:
            return set(connection.scalars(values.returning(JOBS.c.id)))

    def holds(self, connection: Any, job_id: str, holder: str) -> bool:
        """Whether a replica still holds a job, until the end of this transaction."""
        held = self._select(job_id).where(*self._held(holder))
        return connection.execute(held.with_for_update()).first() is not None

    def report(
        self,
        job_id: str,
        holder: str,
        progress: Sequence[Mapping[str, Any]],
        message: str,
        status: str = RUNNING,
    ) -> bool | None:
        """Tell the others how a job is doing, or how it ended.

        Returns:
            Whether somebody wants it cancelled; None where it is not held any more.

        A job that is given back (`WAITING`) keeps its place in the queue.
        """
        values: dict[str, Any] = {
            "progress": json.dumps(list(progress)),
            "message": message,
            "status": status,
        }
        if status != RUNNING:
            values |= {"holder": "", "touched_s": self._database.now}
        update = self._update(job_id).where(*self._held(holder))
        with self._database.transaction() as connection:
            changed = update.values(values).returning(JOBS.c.cancelled)
            row = connection.execute(changed).first()
            if status != RUNNING and row is not None:
                connection.execute(sa.delete(PREVIEWS).where(*self._preview(job_id)))
        return None if row is None else bool(row.cancelled)

    def show(self, job_id: str, holder: str, preview: bytes) -> None:
        """Let the others see the newest frame of a job that a replica holds."""
        values = {"kind": self._kind, "job": job_id, "content": preview}
        insert = self._database.insert(PREVIEWS).values(values)
        known = [PREVIEWS.c.kind, PREVIEWS.c.job]
        with self._database.transaction() as connection:
            if self.holds(connection, job_id, holder):
                changed = {"content": preview}
                connection.execute(insert.on_conflict_do_update(index_elements=known, set_=changed))

    def preview(self, job_id: str) -> bytes | None:
        """The newest frame of a running job, a JPEG; None before the first."""
        wanted = sa.select(PREVIEWS.c.content).where(*self._preview(job_id))
        with self._database.transaction() as connection:
            found = connection.scalars(wanted).first()
        return None if found is None else bytes(found)

    def cancel(self, job_id: str) -> None:
        """Wish for a job's end: one that waits ends at once, one that runs hears of it."""
        waits = {"status": CANCELLED, "message": CANCELLED_WORDS}
        with self._database.transaction() as connection:
            connection.execute(self._update(job_id).values(cancelled=True))
            where = self._update(job_id).where(JOBS.c.status == WAITING)
            connection.execute(where.values(waits))

    def touch(self, connection: Any, job_id: str) -> None:
        """Count the retention of a job from now."""
        connection.execute(self._update(job_id).values(touched_s=self._database.now))

    def remove(self, connection: Any, job_id: str) -> tuple[list[str], list[str]]:
        """Delete a job and those on its results; returns their ids, and the uploads they used."""
        wanted = sa.and_(
            JOBS.c.kind == self._kind, sa.or_(JOBS.c.id == job_id, JOBS.c.part_of == job_id)
        )
        rows = connection.execute(sa.select(JOBS.c.id).where(wanted).with_for_update())
        ids = list(rows.scalars())
        of = sa.and_(INPUTS.c.kind == self._kind, INPUTS.c.job.in_(ids))
        paths = list(connection.scalars(sa.select(INPUTS.c.path).where(of)))
        connection.execute(sa.delete(INPUTS).where(of))
        connection.execute(sa.delete(JOBS).where(wanted))
        seen = sa.and_(PREVIEWS.c.kind == self._kind, PREVIEWS.c.job.in_(ids))
        connection.execute(sa.delete(PREVIEWS).where(seen))
        kept = sa.and_(EDITS.c.kind == self._kind, EDITS.c.job.in_(ids))
        connection.execute(sa.delete(EDITS).where(kept))
        return ids, sorted(set(paths))

    def finished(self, connection: Any, work: str) -> str | None:
        """The id of a finished job that did this work."""
        done = (JOBS.c.kind == self._kind, JOBS.c.work == work, JOBS.c.status == DONE)
        found = connection.scalars(sa.select(JOBS.c.id).where(*done).limit(1)).first()
        return None if found is None else str(found)

    def old(self, age_s: float) -> list[str]:
        """The jobs that have ended and were not touched for so many seconds."""
        ended = sa.and_(
            JOBS.c.kind == self._kind,
            JOBS.c.status.in_(_ENDED),
            JOBS.c.touched_s < self._database.now - age_s,
        )
        with self._database.transaction() as connection:
            return list(connection.scalars(sa.select(JOBS.c.id).where(ended)))

    def waiting(self) -> bool:
        """Whether a job waits for a replica."""
        wanted = sa.and_(JOBS.c.kind == self._kind, JOBS.c.status == WAITING)
        with self._database.transaction() as connection:
            return (
                connection.execute(sa.select(JOBS.c.id).where(wanted).limit(1)).first() is not None
            )

    def _select(self, job_id: str) -> Any:
        return sa.select(JOBS).where(JOBS.c.kind == self._kind, JOBS.c.id == job_id)

    def _update(self, job_id: str) -> Any:
        return sa.update(JOBS).where(JOBS.c.kind == self._kind, JOBS.c.id == job_id)

    def _preview(self, job_id: str) -> tuple[Any, ...]:
        return PREVIEWS.c.kind == self._kind, PREVIEWS.c.job == job_id

    def _held(self, holder: str) -> tuple[Any, ...]:
        return JOBS.c.kind == self._kind, JOBS.c.status == RUNNING, JOBS.c.holder == holder


def _row(row: Any) -> JobRow | None:
    if row is None:
        return None
    return JobRow(
        row.id,
        json.loads(row.description),
        row.status,
        row.message,
        json.loads(row.progress),
        bool(row.cancelled),
        row.part_of,
        row.created_s,
        row.attempts,
    )
