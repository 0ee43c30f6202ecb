"""Replicas under test: stores that share a database and an object store, here or in a process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emotion_core.config import PROJECT_ROOT
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.process import ANALYZE, JobCommand
from emotion_core.jobs.shared_store import SharedJobStore
from emotion_core.sharing.shared import Shared

LEASE_S = 3.0
# A database that does not answer.
NOBODY = "postgresql://lab:very-secret@127.0.0.1:9/lab"
MODELS = PROJECT_ROOT / "models"
# What every job's process does first: a job without a server ends itself.
WATCHED = "from emotion_core.jobs.lease import watch_lease; watch_lease()\n"
# What an analysis prints at its own end.
END = 'print(\'{"event": "end"}\', flush=True)\n'


class Code(JobCommand):
    """Runs the first of a job's arguments as Python; its results folder is `sys.argv[1]`."""

    __slots__ = ()

    def line(self, job: Mapping[str, Any], results: Path, models_dir: Path) -> list[str]:
        del models_dir
        given = [str(job.get("results", results)), *(i["path"] for i in job["inputs"])]
        return [sys.executable, "-c", WATCHED + job["arguments"][0], *given]


CODE = Code("code", skips_finished=True)
COMMANDS = {"code": CODE, "analyze": ANALYZE}


def replica(
    root: Path, database: str, bucket: str, command: JobCommand = CODE, lease_s: float = LEASE_S
) -> SharedJobStore:
    """One replica of an installation; it takes jobs once `keep_starting` is called for it."""
    shared = Shared(database, bucket)
    return SharedJobStore(
        root, 24.0, MODELS, command, shared=shared, kind="videos", lease_s=lease_s
    )


def use_replicas(patch: pytest.MonkeyPatch, work: Path, database: str, bucket: str) -> None:
    """Let the pages that the test opens be one of these replicas."""
    patch.setenv("EMOTION_LAB_WORK_DIR", str(work))
    patch.setenv("EMOTION_LAB_DATABASE", database)
    patch.setenv("EMOTION_LAB_STORE", bucket)


@dataclass
class OtherProcess:
    """A replica in a process of its own, which takes jobs."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, root: Path, database: str, bucket: str, command: str = "code") -> "OtherProcess":
        line = [sys.executable, __file__, str(root), database, bucket, command]
        pipe, env = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
        process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, env=env)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return cls(process)

    def kill(self) -> None:
        """As a machine that loses its power, but for the jobs' own processes."""
        self.process.kill()
        self.process.communicate()


if __name__ == "__main__":
    other = replica(Path(sys.argv[1]), sys.argv[2], sys.argv[3], COMMANDS[sys.argv[4]])
    keep_starting(other)
    print("ready", flush=True)
    # Until the test ends it, or the test itself has ended.
    sys.stdin.read()
