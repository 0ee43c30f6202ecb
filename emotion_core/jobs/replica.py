"""What one replica does on its own computer with jobs that all replicas share."""

import contextlib
import json
import secrets
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import replace_file
from emotion_core.jobs.lease import EXIT_STATUS, lease_environment
from emotion_core.jobs.log import JobState
from emotion_core.jobs.process import ANALYZE, JobCommand, begin, end_now
from emotion_core.jobs.shared_state import below, local
from emotion_core.jobs.shared_uploads import SharedUploads
from emotion_core.jobs.store import JobStore
from emotion_core.results.edits_file import share_edits
from emotion_core.results.paths import PREVIEW
from emotion_core.sharing.edits import SharedEdits
from emotion_core.sharing.job_index import JobIndex
from emotion_core.sharing.local_copy import LocalCopy
from emotion_core.sharing.shared import Shared

_LEASE: Final = "lease"


class ReplicaStore(JobStore):
    """A replica's folder of jobs: copies of what others made, and the jobs that run here.

    Args:
        root: a folder of this computer that no other replica uses.
        retention_h: hours after which a job is deleted.
        models_dir: where the command finds its networks.
        command: what the jobs run.
        shared: of all replicas.
        kind: of the jobs; replicas share those of the same kind.
        lease_s: a job whose replica gave no sign of life for so long is taken up by another one.

    Attributes:
        replica: tells this replica from the others.
        lease_s: as given.
        index: the jobs of all replicas.
        files: their files.
        edits: what people made of their results.
        uploads: their videos.
    """

    def __init__(
        self,
        root: Path,
        retention_h: float,
        models_dir: Path,
        command: JobCommand = ANALYZE,
        *,
        shared: Shared,
        kind: str,
        lease_s: float = 30.0,
    ) -> None:
        super().__init__(root.resolve(), retention_h, models_dir, command)
        self.replica, self.lease_s = secrets.token_hex(8), lease_s
        self.index = JobIndex(shared.database, kind)
        self.files = shared.files(kind)
        self.edits = SharedEdits(shared.database, kind, partial(_place, self._root))
        self._database = shared.database
        self.uploads = SharedUploads(shared.database, self.files, kind, self._root)
        self._copying: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        share_edits(self._root, self.edits)

    def fetch_copy(self, job_id: str) -> list[str]:
        """Bring the results of a job to this computer; returns the names of lost files.

        Raises:
            OSError: this computer's folder cannot be written.
        """
        with self.copying(job_id) as copy:
            lost = copy.fetch("results/")
        file = self._folder(job_id) / "job.json"
        if not file.exists() and (row := self.index.get(job_id)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, json.dumps(local(row.description, self._root)).encode())
        for folder in self.results_of(job_id).glob("*"):
            # Of a job that ran elsewhere.
            (folder / PREVIEW).unlink(missing_ok=True)
        self.edits.refresh_all(job_id, self.results_of(job_id))
        return [Path(path).name for path in lost]

    @property
    def root(self) -> Path:
        """The folder of this replica."""
        return self._root

    def lease_file(self, job_id: str) -> Path:
        """What the job's process watches: see `jobs.lease`."""
        return self._folder(job_id) / _LEASE

    def write_here(self, job_id: str, job: Mapping[str, Any]) -> None:
        """Write a job's description on this computer, and forget an earlier run."""
        self._write_job(job_id, job)

    def launch_here(self, job_id: str) -> None:
        """Start the job's process on this computer."""
        self._launch(job_id)

    def state_here(self, job_id: str) -> JobState | None:
        """What this computer knows of a job that runs, or ran, here."""
        return super().state(job_id)

    def cancel_here(self, job_id: str) -> None:
        """Ask the job's process on this computer to end."""
        super().cancel(job_id)

    def is_cancelled_here(self, job_id: str) -> bool:
        """Whether that was asked already."""
        return (self._folder(job_id) / "cancelled").exists()

    def end_here(self, job_id: str) -> None:
        """Kill the job's process on this computer, if there is one."""
        if process := self._process(job_id):
            end_now(process)

    def was_left_here(self, job_id: str) -> bool:
        """Whether the job's process ended itself, because its lease was not renewed in time."""
        child = self._processes.get(job_id)
        return child is not None and child.poll() == EXIT_STATUS

    @contextlib.contextmanager
    def copying(self, job_id: str) -> Iterator[LocalCopy]:
        """The copy of a job's files here, for one thread at a time."""
        with self._copying[job_id]:
            yield LocalCopy(self._folder(job_id), self.files, job_id)

    def _begin(self, folder: Path, line: Sequence[str]) -> "subprocess.Popen[bytes]":
        # A little earlier than another replica may begin.
        watched = lease_environment(folder / _LEASE, self.lease_s * 2 / 3)
        return begin(folder, line, watched)


def _place(root: Path, folder: Path) -> tuple[str, str] | None:
    """The job and the name of a results folder that is shared; None for any other folder."""
    parts = (below(folder, root) or "").split("/")
    if len(parts) != 4 or parts[0] != "jobs" or parts[2] != "results":
        return None
    return (parts[1], parts[3]) if LocalCopy.is_one(root / "jobs" / parts[1]) else None
