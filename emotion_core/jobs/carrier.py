"""A job that this replica took from the queue: fetched, run here, shared with the others."""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from emotion_core.errors import StoreError
from emotion_core.jobs.lease import renew_file
from emotion_core.jobs.log import DONE, FAILED, RUNNING, WAITING, JobState, is_private
from emotion_core.jobs.replica import ReplicaStore
from emotion_core.jobs.shared_state import local, progress_of, stopped, uploads_of
from emotion_core.results.paths import EDITS, PREVIEW
from emotion_core.sharing.job_index import MOST_ATTEMPTS, JobRow

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 0.5
_AGAIN_S: Final = 5.0
_SHOW_EVERY_S: Final = 2.0


class _LostError(Exception):
    """The job was deleted, or another replica has it."""


class Carrier:
    """Carries a job through: two threads, one that works and one that renews the lease.

    Args:
        store: of this replica.
        row: the job as it was taken.

    Attributes:
        launched: its process was begun.
    """

    def __init__(self, store: ReplicaStore, row: JobRow) -> None:
        self._store, self._row, self._id = store, row, row.job_id
        self.launched = False
        self._lost, self._over = threading.Event(), threading.Event()
        self._renewed_s = time.time()
        self._published: set[Path] = set()
        self._shown_s = 0.0
        # The edits.json of each results folder that the others have.
        self._edits: dict[Path, bytes] = {}

    def start(self, held: "dict[str, Carrier]", then: Callable[[], object]) -> None:
        """Begin; the job is among those held until its end, after which `then` is called."""
        held[self._id] = self
        renew = threading.Thread(target=self._renew, name="renew-lease", daemon=True)
        renew.start()
        work = threading.Thread(target=self._work, args=(held, then), name="carry-job", daemon=True)
        work.start()

    def lose(self) -> None:
        """It is not this replica's any more."""
        self._lost.set()

    def _renew(self) -> None:
        """A sign of life for the database, and one for the job's process."""
        store = self._store
        while not self._over.wait(store.lease_s / 6):
            asked_s = time.time()
            try:
                held = store.index.renew(store.replica, store.lease_s)
            except StoreError as error:
                _log.warning("The lease of a job could not be renewed: %s", error)
                continue
            if self._id not in held:
                self.lose()
                store.end_here(self._id)
                return
            self._sign_of_life(asked_s)

    def _sign_of_life(self, at_s: float) -> None:
        self._renewed_s = at_s
        with contextlib.suppress(OSError):
            renew_file(self._store.lease_file(self._id), at_s)

    def _work(self, held: "dict[str, Carrier]", then: Callable[[], object]) -> None:
        try:
            self._patiently(self._prepare, 4 * self._store.lease_s)
            self._store.launch_here(self._id)
            self.launched = True
            state = self._follow()
            self._patiently(lambda: self._end(state))
        except _LostError:
            _log.info("The job %s is another replica's now, or was deleted", self._id)
            self._store.end_here(self._id)
        except (StoreError, OSError) as error:
            self._give_back(str(error))
        except Exception:
            _log.exception("The job %s could not be run", self._id)
            self._give_back("The work could not be started: its description is damaged.", FAILED)
        finally:
            self._over.set()
            held.pop(self._id, None)
            then()

    def _prepare(self) -> None:
        """Bring everything here that the job needs: uploads, and what was finished before."""
        store, row = self._store, self._row
        owner = store.index.get(row.part_of) if row.part_of else row
        if owner is None:
            raise _LostError
        store.fetch_copy(owner.job_id)
        for path in uploads_of(row.description):
            store.uploads.fetch(path)
        job = local(row.description, store.root)
        store.write_here(self._id, job | {"last": stopped(row) or job.get("last", [])})
        self._edits = self._edits_here()
        self._sign_of_life(self._renewed_s)

    def _edits_here(self) -> dict[Path, bytes]:
        found = self._store.results_of(self._id).glob(f"*/{EDITS}")
        return {file.parent: file.read_bytes() for file in found}

    def _follow(self) -> JobState:
        """Tell the others what the process does, until it ends."""
        pause_s = _LOOK_EVERY_S / 8
        while True:
            if self._lost.is_set():
                raise _LostError
            state = self._store.state_here(self._id)
            if state is None:
                raise _LostError
            if not state.running:
                return state
            with contextlib.suppress(StoreError):
                self._share_finished(state)
                if self._tell(state, RUNNING):
                    self._store.cancel_here(self._id)
                self._show_preview(state)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LOOK_EVERY_S)

    def _share_finished(self, state: JobState) -> None:
        """Share the results of each video as soon as it is finished: they are not made twice."""
        if self._row.part_of:
            return
        for file in state.files:
            if file.status == DONE and file.folder and file.folder not in self._published:
                self._publish(f"results/{file.folder.name}/")
                self._published.add(file.folder)

    def _tell(self, state: JobState, status: str) -> bool:
        """Tell the others; returns whether somebody wants it cancelled."""
        store, progress = self._store, progress_of(state, self._store.root)
        cancelled = store.index.report(self._id, store.replica, progress, state.message, status)
        if cancelled is None:
            raise _LostError
        return cancelled and not store.is_cancelled_here(self._id)

    def _show_preview(self, state: JobState) -> None:
        """Let other replicas' pages see the newest frame, now and then."""
        folder = state.current.folder if state.current else None
        if folder is None or time.monotonic() < self._shown_s + _SHOW_EVERY_S:
            return
        self._shown_s = time.monotonic()
        with contextlib.suppress(OSError):
            picture = (folder / PREVIEW).read_bytes()
            self._store.index.show(self._id, self._store.replica, picture)

    def _end(self, state: JobState) -> None:
        """Share what there is, and tell how the job ended."""
        if self._store.was_left_here(self._id):
            raise StoreError("The shared database did not answer for too long.")
        self._publish(self._below())
        self._tell(state, state.status)

    def _patiently(self, step: Callable[[], None], patience_s: float = math.inf) -> None:
        """Repeat a step while the object store is away; what is done waits here meanwhile."""
        began_s = time.monotonic()
        while True:
            try:
                step()
                return
            except StoreError as error:
                _log.warning("The job %s waits for the shared store: %s", self._id, error)
                held = time.time() - self._renewed_s < self._store.lease_s * 2 / 3
                if not held or time.monotonic() - began_s > patience_s:
                    raise
            if self._lost.wait(min(_AGAIN_S, self._store.lease_s / 6)):
                raise _LostError

    def _below(self) -> str:
        folder = self._row.description.get("folder")
        return f"results/{folder}/" if self._row.part_of and folder else "results/"

    def _publish(self, below: str) -> None:
        store, owner = self._store, self._row.part_of or self._id
        folder = store.results_of(owner).parent
        files = [f for f in (folder / below).rglob("*") if f.is_file() and not is_private(f)]

        edits = self._edits_here()

        def also(connection: Any) -> None:
            if not store.index.holds(connection, self._id, store.replica):
                raise _LostError
            # What the analysis has not changed, a person may have changed meanwhile.
            for results in (r for r, content in edits.items() if content != self._edits.get(r)):
                store.edits.put(connection, owner, results)

        with store.copying(owner) as copy:
            copy.publish(files, also, below)
        self._edits = edits

    def _give_back(self, message: str, status: str = WAITING) -> None:
        """Let another replica try, unless several have."""
        store = self._store
        store.end_here(self._id)
        if self._row.attempts + 1 >= MOST_ATTEMPTS:
            status = FAILED
        with contextlib.suppress(StoreError):
            progress = self._row.progress
            if state := store.state_here(self._id) if self.launched else None:
                progress = progress_of(state, store.root)
            store.index.report(self._id, store.replica, progress, message, status)
