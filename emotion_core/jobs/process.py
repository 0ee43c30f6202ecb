"""The process of a job: begun apart from the server, and found again by any server."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psutil

from emotion_core.atomic_io import replace_file
from emotion_core.config import PROJECT_ROOT
from emotion_core.jobs.log import PROCESS, PROGRESS, STARTING, JobLog, read_json

# Windows ends a process at once where it is not asked this way.
_ASK_TO_END: Final[int] = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)
_LAST_WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class JobCommand:
    """The command that a store's jobs run; it must take `--out`, `--models-dir` and `--progress`.

    Attributes:
        name: `python -m emotion_core <name>`.
        input_option: precedes the inputs; "" where they need none.
        arguments: given to every job …
        follow_up: … and these instead to work on a job's finished results.
        most_at_once: more would slow down all of them, and any live stream.
        skips_finished: it skips what is already finished in its output folder.
    """

    name: str
    input_option: str = ""
    arguments: tuple[str, ...] = ()
    follow_up: tuple[str, ...] = ()
    most_at_once: int = 2
    skips_finished: bool = False

    def line(self, job: Mapping[str, Any], results: Path, models_dir: Path) -> list[str]:
        """The whole command line of a job.

        Args:
            job: job.json; `last` names inputs that come after the others, `results` another output
                folder.
            results: the output folder of all other jobs.
            models_dir: where the command finds its networks.
        """
        line = [sys.executable, "-m", "emotion_core", self.name]
        line += [self.input_option] if self.input_option else []
        inputs = sorted(job["inputs"], key=lambda i: i["name"] in job.get("last", []))
        line += [i["path"] for i in inputs]
        line += ["--out", job.get("results", str(results)), "--models-dir", str(models_dir)]
        own = self.follow_up if "results" in job else self.arguments
        return [*line, "--progress", "json", *own, *job["arguments"]]


_HERE: Final = ("--preview", "--jobs", "1")
ANALYZE: Final = JobCommand("analyze", arguments=_HERE, follow_up=_HERE, skips_finished=True)


def analyze_on(cluster: str) -> JobCommand:
    """Videos are read on a Ray cluster; what follows on their results is done here.

    Args:
        cluster: HOST:PORT of its head; "" is `ANALYZE`: all is done here.
    """
    if not cluster:
        return ANALYZE
    return replace(ANALYZE, arguments=("--engine", "ray", "--address", cluster))


def begin(
    folder: Path, line: Sequence[str], environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command line; its output and its process id go into the job's folder.

    Args:
        folder: of the job.
        line: the program and its arguments.
        environment: variables that it gets besides those of this process.

    Raises:
        OSError: the folder cannot be written; nothing runs then.
    """
    # A server that is killed in here leaves this, so that `adopt` finds what it has started.
    replace_file(folder / STARTING, json.dumps({"line": list(line)}).encode())
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with (
        (folder / PROGRESS).open("wb") as out,
        (folder / "errors.txt").open("wb") as err,
    ):
        process = subprocess.Popen(
            line,
            cwd=PROJECT_ROOT,
            env={**os.environ, **environment} if environment else None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            creationflags=flags,
        )
    known: dict[str, float] = {"pid": process.pid}
    with contextlib.suppress(psutil.Error, OSError):
        handle = psutil.Process(process.pid)
        # A live stream on the same computer comes first.
        handle.nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 5))
        known["born_s"] = handle.create_time()
    try:
        _record(folder, known)
    except OSError:
        # No other server could find it, and it would be begun again and again.
        process.kill()
        process.wait()
        raise
    return process


def adopt(folder: Path) -> bool:
    """Take up the process of a job whose server was killed before it noted the process id.

    Returns whether there is or was one.

    Call it only where no server can be starting the job at this moment.

    Raises:
        OSError: there is one, but the folder cannot be written.
    """
    line = read_json(folder / STARTING).get("line")
    if not line or (folder / PROCESS).exists():
        return False
    log = JobLog(folder / PROGRESS)
    log.update()
    if log.ended:
        # No page was open; it has no number any more.
        _record(folder, {"pid": 0, "born_s": 0.0})
        return True
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cmdline() == line and process.status() != psutil.STATUS_ZOMBIE:
                _record(folder, {"pid": process.pid, "born_s": process.create_time()})
                return True
    return False


def _record(folder: Path, known: Mapping[str, float]) -> None:
    replace_file(folder / PROCESS, json.dumps(known).encode())
    (folder / STARTING).unlink(missing_ok=True)


def living(folder: Path, child: "subprocess.Popen[bytes] | None") -> psutil.Process | None:
    """The living process of a job, also one that an earlier server started.

    Args:
        folder: of the job.
        child: of this server, where it is one.
    """
    known = read_json(folder / PROCESS)
    if not known:
        return None
    # Another server may have begun the job again since.
    if child is not None and child.pid == known["pid"] and child.poll() is not None:
        return None
    try:
        process = psutil.Process(known["pid"])
        # Another program may have got the number of a dead one.
        same = abs(process.create_time() - known.get("born_s", 0)) < 2
        dead = process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if same and not dead else None


def ask_to_end(process: psutil.Process) -> None:
    """Let it finish what it writes; harmless where it is gone."""
    with contextlib.suppress(psutil.Error):
        process.send_signal(_ASK_TO_END)


def end_now(process: psutil.Process) -> None:
    """Kill it, and wait for its end; harmless where it is gone."""
    with contextlib.suppress(psutil.Error):
        process.kill()
        process.wait(_LAST_WAIT_S)
