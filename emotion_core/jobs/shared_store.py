"""Jobs that several replicas share: a queue in a database, files in an object store.

Each replica has a folder of its own, laid out as that of a `JobStore`: it runs the jobs that it
took from the queue there, and keeps copies of what others made. A job belongs to one replica for as
long as that replica renews its lease; after that, another one may take it.
"""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from emotion_core.atomic_io import replace_file
from emotion_core.errors import OutputError, StoreError
from emotion_core.jobs.carrier import Carrier
from emotion_core.jobs.folders import new_job, work_after
from emotion_core.jobs.log import (
    DONE,
    RUNNING,
    WAITING,
    JobInput,
    JobState,
    digest_of,
    read_json,
    source_of,
)
from emotion_core.jobs.replica import ReplicaStore
from emotion_core.jobs.shared_state import below, paths_of, portable, state_of_row, stopped
from emotion_core.results.paths import EDITED_CLIPS, PREVIEW
from emotion_core.sharing.job_index import JobRow

_log = logging.getLogger(__name__)
_TIDY_EVERY_S: Final = 3.0
_CLEAN_EVERY_S: Final = 10.0
# A little less than a page waits between two looks.
_SEE_EVERY_S: Final = 0.9
_STORING: Final = "Storing the results …"
_FETCHING: Final = "Fetching the video …"


class SharedJobStore(ReplicaStore):
    """As `JobStore`, for all replicas of an installation together.

    Methods may raise a StoreError where the database or the object store cannot be used.

    Args: as of `ReplicaStore`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held: dict[str, Carrier] = {}
        self._seen: dict[str, JobState] = {}
        self._tidied_s = self._cleaned_s = -_CLEAN_EVERY_S
        self._problem = ""
        self._taking = threading.Lock()

    def add_input(self, name: str, content: IO[bytes]) -> JobInput:
        """Copy an upload into the object store, by way of this computer.

        Raises:
            OutputError: it cannot be kept.
        """
        with self.uploads.arriving():
            given = super().add_input(name, content)
            self.uploads.add(given)
        return given

    def start(
        self,
        inputs: Sequence[JobInput],
        arguments: Sequence[str],
        model: Mapping[str, Any],
        owner: str = "",
    ) -> str:
        """Put an analysis into the queue, or find the owner's identical one; returns its id.

        Args, errors: as of `JobStore.start`.
        """
        job_id, job = new_job(inputs, arguments, model, owner)
        paths = paths_of(list(inputs), self._root)
        with self._database.transaction() as connection:
            row = self.index.locked(connection, job_id)
            if row is not None and row.status in (WAITING, RUNNING, DONE):
                self.index.touch(connection, job_id)
            else:
                if row is None and self._command.skips_finished:
                    self._share_results(connection, job["work"], job_id)
                self.index.put(connection, job_id, portable(job, self._root), paths)
            # Last, as in `delete`: in another order each could wait for the other.
            self.uploads.arrived(connection, paths)
        self._start_soon()
        return job_id

    def state(self, job_id: str) -> JobState | None:
        """How a job is doing; None where there is none (any more).

        While the database does not answer, what was last known.
        """
        return next(iter(self.states([job_id])), None)

    def states(self, job_ids: Sequence[str]) -> list[JobState]:
        """The same for several jobs, of which the database is asked once."""
        if not job_ids:
            return []
        try:
            rows = self.index.several(job_ids)
        except StoreError:
            if all(job_id in self._seen for job_id in job_ids):
                return [self._seen[job_id] for job_id in job_ids]
            raise
        for gone in set(job_ids) - rows.keys():
            self._drop_copy(gone)
        states = [self._with_more(rows[job_id]) for job_id in job_ids if job_id in rows]
        self._seen |= {state.job_id: state for state in states}
        return states

    def _with_more(self, row: JobRow) -> JobState:
        """What this computer knows better, where it runs the job."""
        state, carrier = state_of_row(row, self._root), self._held.get(row.job_id)
        if row.status != RUNNING:
            return state
        if carrier is None:
            self._see(state)
            return state
        here = super().state(row.job_id) if carrier.launched else None
        if here is None:
            return replace(state, message=state.message or _FETCHING)
        return here if here.running else replace(here, status=RUNNING, message=_STORING)

    def _see(self, state: JobState) -> None:
        """Bring the newest frame of a job that another replica runs to this computer."""
        if state.current is None or state.current.folder is None:
            return
        file = state.current.folder / PREVIEW
        with contextlib.suppress(StoreError, OSError):
            # Another page, or another part of this one, may have asked for it a moment ago.
            if file.is_file() and time.time() - file.stat().st_mtime < _SEE_EVERY_S:
                return
            if picture := self.index.preview(state.job_id):
                file.parent.mkdir(parents=True, exist_ok=True)
                replace_file(file, picture)

    def jobs_of(self, owner: str) -> list[str]:
        """The ids of the jobs that this owner started."""
        return self.index.ids(owner=digest_of([owner]))

    def cancel(self, job_id: str) -> None:
        """Ask for an end; what is done is kept. Its replica hears of it within a second."""
        self.index.cancel(job_id)

    def start_after(
        self, job_id: str, folder: Path, arguments: Sequence[str], key: str
    ) -> JobState | None:
        """Put more work on one video's finished results into the queue.

        Args, return value, errors: as of `JobStore.start_after`.
        """
        new = self._id_after(job_id, folder, key)
        with self._database.transaction() as connection:
            row = self.index.locked(connection, job_id)
            video = source_of(row.description, folder) if row else None
            if video is None:
                return None
            known = self.index.locked(connection, new)
            if known is None or known.status not in (WAITING, RUNNING):
                job = work_after(job_id, folder, arguments, video)
                more = portable(job, self._root) | {"folder": folder.name}
                self.index.put(connection, new, more)
        self._start_soon()
        return self.state(new)

    def video_of(self, job_id: str, folder: Path) -> Path | None:
        """The video that a job's results in a folder were made from; None where it is gone."""
        # Where the results are, the description is, too.
        job = read_json(self._folder(job_id) / "job.json")
        video = source_of(job, folder)
        if video is not None and (path := below(video["path"], self._root)) is not None:
            self.uploads.fetch(path)
        return super().video_of(job_id, folder)

    def restart(self, job_id: str) -> None:
        """Put a stopped job into the queue again; videos that are finished are not read twice."""
        with self._database.transaction() as connection:
            row = self.index.locked(connection, job_id)
            if row is not None and row.status not in (WAITING, RUNNING):
                job = row.description | {"last": stopped(row)}
                self.index.put(connection, job_id, job)
        self._start_soon()

    def delete(self, job_id: str) -> None:
        """End a job and remove everything of it, uploads included, on all replicas.

        Other replicas remove their copies within seconds.
        """
        with self._database.transaction() as connection:
            ids, paths = self.index.remove(connection, job_id)
            for each in ids:
                self.files.drop(connection, each)
            unused = self.uploads.drop(connection, paths)
        for each in {*ids, job_id}:
            self._drop_copy(each)
        self.uploads.drop_here(unused)
        self.files.sweep()

    def clean_up(self, now_s: float | None = None) -> int:
        """Delete jobs and forgotten uploads older than the retention; returns how many jobs."""
        if now_s is None and time.monotonic() < self._cleaned_s + _CLEAN_EVERY_S:
            # Pages ask each time they are drawn.
            return 0
        self._cleaned_s = time.monotonic()
        age_s = self._retention_s - (now_s - time.time() if now_s is not None else 0.0)
        try:
            old = self.index.old(age_s)
            for job_id in old:
                self.delete(job_id)
            with self._database.transaction() as connection:
                unused = self.uploads.drop(connection, None)
            self.uploads.drop_here(unused)
            self.files.sweep()
        except OutputError as error:
            _log.warning("What is old could not be deleted: %s", error)
            return 0
        return len(old)

    def fetch(self, job_id: str) -> list[str]:
        """Bring the results of an ended job to this computer; returns the names of lost files."""
        if job_id in self._held:
            return []
        try:
            return self.fetch_copy(job_id)
        except OSError as error:
            raise OutputError(
                f"The results could not be copied to this computer: {error.strerror}."
            ) from error

    def start_waiting(self) -> bool:
        """Take jobs from the queue, as far as there is room here; whether some wait or run."""
        try:
            self._tidy()
            with self._taking:
                self._take()
            waits = bool(self._held) or self.index.waiting()
            self._problem = ""
        except StoreError as error:
            if str(error) != self._problem:
                _log.warning("No job can be taken from the queue: %s", error)
            self._problem = str(error)
            return False
        return waits

    def _take(self) -> None:
        while len(self._held) < self._command.most_at_once:
            row = self.index.take(self.replica, self.lease_s)
            if row is None:
                return
            Carrier(self, row).start(self._held, self._start_soon)

    def _start_soon(self) -> None:
        """The queue takes a moment: a page need not wait for it, nor fail with it."""
        threading.Thread(target=self.start_waiting, name="start-jobs-now", daemon=True).start()

    def _tidy(self) -> None:
        """Delete the copies of what other replicas have deleted."""
        if time.monotonic() < self._tidied_s + _TIDY_EVERY_S:
            return
        self._tidied_s = time.monotonic()
        # Folders first: a job that is new now has a row before it has a folder.
        here = {folder.name for folder in (self._root / "jobs").glob("*")} | set(self._seen)
        for job_id in here - set(self.index.ids()) if here else ():
            self._drop_copy(job_id)
        self.uploads.tidy()

    def _drop_copy(self, job_id: str) -> None:
        """End a deleted job's process on this computer, and remove what is here of it."""
        self._seen.pop(job_id, None)
        self._copying.pop(job_id, None)
        folder = self._folder(job_id)
        if not folder.exists():
            return
        if carrier := self._held.get(job_id):
            carrier.lose()
        self.end_here(job_id)
        shutil.rmtree(folder, ignore_errors=True)

    def _share_results(self, connection: Any, work: str, job_id: str) -> None:
        """Take over the results of another visitor's identical job, if there is one."""
        done = self.index.finished(connection, work)
        if done is not None:
            self.files.share(connection, done, job_id, _is_of_the_analysis)


def _is_of_the_analysis(path: str) -> bool:
    """Not what a person has made of its results."""
    return not PurePosixPath(path).match(EDITED_CLIPS)
