"""Two servers on one work folder, and one of them is killed: every job must be done exactly once.

python -m benchmarks.torture queue [--short]

Jobs that take moments wait in one folder; two processes start them as the pages' dispatcher does.
At random times one of the two is ended by SIGKILL and another begins in its place. A ledger tells
how often each job began and ended. Right is once; a job that was interrupted may begin again, or be
shown as failed. Writes results/torture_queue.json.
"""

import argparse
import io
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.common import save
from emotion_core.jobs.dispatcher import keep_starting
from emotion_core.jobs.log import DONE, FAILED
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore

_JOBS: Final = 50
_KILLS: Final = 10
_MOST_AT_ONCE: Final = 2
_PATIENCE_S: Final = 600.0
# A line is written at once, so that those of two processes never mix.
_WORK: Final = """
import os, random, sys, time
ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(ledger, f"begin {sys.argv[2]}\\n".encode())
time.sleep(random.uniform(0.02, 0.4))
os.write(ledger, f"end {sys.argv[2]}\\n".encode())
print('{"event": "end"}')
"""


@dataclass(frozen=True, slots=True)
class _Stub(JobCommand):
    """A job that writes into a ledger and takes a moment."""

    def line(self, job: Mapping[str, Any], results: Path, models_dir: Path) -> list[str]:
        del job, models_dir
        ledger = results.parents[2] / "ledger.txt"
        return [sys.executable, "-c", _WORK, str(ledger), results.parent.name]


def main(argv: Sequence[str] | None = None) -> int:
    """Queue, kill and count; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="12 jobs and two kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        serve(options.serve)
        return 0
    jobs, kills = (12, 2) if options.short else (_JOBS, _KILLS)
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        figures = torture(Path(folder), jobs, kills, options.seed)
    save("torture_queue", figures)
    return int(figures["lost"] + figures["done_more_than_once"] > 0)


def open_store(root: Path, most_at_once: int = _MOST_AT_ONCE) -> JobStore:
    """The store of a work folder, with jobs that take a moment."""
    return JobStore(root, 24.0, root / "models", _Stub("stub", most_at_once=most_at_once))


def serve(root: Path) -> None:
    """Start waiting jobs until killed, as a server does."""
    # The thread ends with its store: this name keeps the store until the process is killed.
    store = open_store(root)
    keep_starting(store).join()


def torture(root: Path, jobs: int, kills: int, seed: int = 0) -> dict[str, Any]:
    """Do jobs by two servers, of which one is killed again and again.

    Args:
        root: the work folder; empty.
        jobs: how many wait at the beginning.
        kills: how often a server is killed.
        seed: of the times of the kills.

    Returns:
        Figures: jobs done, lost, interrupted, begun again, and done more than once.
    """
    # No room for any: they are queued here and started by the servers.
    queue = open_store(root, most_at_once=0)
    ids = [
        queue.start([queue.add_input("a.mp4", io.BytesIO(f"{i}".encode()))], [], {})
        for i in range(jobs)
    ]
    started, chance = time.monotonic(), random.Random(seed)
    servers = [_server(root), _server(root)]
    try:
        for kill in range(kills):
            time.sleep(chance.uniform(0.2, 1.5))
            servers[kill % 2].kill()
            servers[kill % 2].wait()
            servers[kill % 2] = _server(root)
        ended = _ended(queue, ids)
    finally:
        for server in servers:
            server.kill()
            server.wait()
    return _figures(root, queue, ids, kills) | {
        "all_ended": ended,
        "seconds": round(time.monotonic() - started, 1),
    }


def _server(root: Path) -> "subprocess.Popen[bytes]":
    folder = Path(__file__).resolve().parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.torture_queue", "--serve", str(root)], cwd=folder
    )


def _ended(queue: JobStore, ids: list[str]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        states = [queue.state(job_id) for job_id in ids]
        if not any(state is not None and state.running for state in states):
            return True
        time.sleep(0.5)
    return False


def _figures(root: Path, queue: JobStore, ids: list[str], kills: int) -> dict[str, Any]:
    lines = (root / "ledger.txt").read_text("utf-8").splitlines()
    counts = Counter(lines)
    begun = {job_id: counts[f"begin {job_id}"] for job_id in ids}
    done = {job_id: counts[f"end {job_id}"] for job_id in ids}
    status = {job_id: state.status for job_id in ids if (state := queue.state(job_id))}
    once = sum(n == 1 for n in done.values())
    twice = sum(n > 1 for n in done.values())
    reported = sum(word == FAILED for word in status.values())
    lost = sum(
        status.get(i) not in {DONE, FAILED} or (not done[i] and status[i] == DONE) for i in ids
    )
    return {
        "verdict": f"{once} of {len(ids)} jobs done once, {twice} more than once, {reported} "
        f"reported as interrupted, {lost} lost; {kills} kills",
        "jobs": len(ids),
        "kills": kills,
        "done_once": once,
        "done_more_than_once": twice,
        "begun_again": sum(n > 1 for n in begun.values()),
        "reported_as_interrupted": reported,
        "lost": lost,
    }


if __name__ == "__main__":
    sys.exit(main())
