"""What a job's process printed and left behind, as states that a page can show. Draws nothing."""

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.results.edits_file import is_edits_file
from emotion_core.results.paths import (
    EDITED_CLIPS,
    EDITS,
    PREVIEW,
    read_summary,
    remove_leftovers,
)

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
WAITING: Final = "waiting"
# In a job's folder: the process that was started, what it prints, and the command line about to
# be started.
PROCESS: Final = "process.json"
PROGRESS: Final = "progress.jsonl"
STARTING: Final = "starting.json"
# What a visitor has made of a video's results.
_EDITED: Final = f"results/*/{EDITS}"


@dataclass(frozen=True, slots=True)
class JobInput:
    """A video of a job: its name as the user knows it, its path, and its SHA-256 hash."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FileState:
    """How one video of a job is doing; `folder` once there is one."""

    name: str
    status: str = WAITING
    message: str = ""
    fraction: float = 0.0
    fps: float = 0.0
    left_s: float | None = None
    folder: Path | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job is doing: status, one entry a video, and a message where something went wrong."""

    job_id: str
    status: str
    files: tuple[FileState, ...]
    message: str = ""
    created_s: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """Share of the whole job that is done, 0 to 1; every video counts the same."""
        ended = {DONE, FAILED, CANCELLED, "skipped"}
        shares = [1.0 if f.status in ended else f.fraction for f in self.files]
        return sum(shares) / len(shares) if shares else 1.0

    @property
    def running(self) -> bool:
        """Whether there is something to wait for."""
        return self.status in (RUNNING, WAITING)

    @property
    def current(self) -> FileState | None:
        """The video that is being read now."""
        return next((f for f in self.files if f.status == RUNNING), None)


def run_of(folder: Path) -> tuple[float, float] | None:
    """What tells one run of a job from the next, whichever server began it; None before the first.

    A process id may be reused.
    """
    known = read_json(folder / PROCESS)
    return (known["pid"], known.get("born_s", 0)) if known else None


class JobLog:
    """Reads the lines of `--progress json` of one run, each once, however often a page asks.

    Attributes:
        run: of `run_of`.
        ended: the command came to its own end.
    """

    def __init__(self, path: Path, run: tuple[float, float] | None = None) -> None:
        self.run = run
        self._path, self._offset = path, 0
        self._latest: dict[str, dict[str, Any]] = {}
        self.ended = False

    def update(self) -> None:
        """Take in what was printed since the last call; a line being written waits."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError:
            return
        whole = text.rfind(b"\n") + 1
        self._offset += whole
        for line in text[:whole].splitlines():
            with contextlib.suppress(ValueError):
                self._take(parse_json(line))

    def _take(self, event: Any) -> None:
        if not isinstance(event, dict):
            return
        self.ended = self.ended or event.get("event") == "end"
        if "file" in event:
            self._latest.setdefault(event["file"], {}).update(event)

    def files(self, inputs: Sequence[Mapping[str, str]]) -> tuple[FileState, ...]:
        """One state for each input, in order."""
        return tuple(_file_state(i["name"], self._latest.get(i["path"])) for i in inputs)


def source_of(job: Mapping[str, Any], folder: Path) -> dict[str, Any] | None:
    """The input of a job that results in a folder were made from, whether it is here or not."""
    sha256 = (read_summary(folder).get("source") or {}).get("sha256")
    found = (dict(i) for i in job.get("inputs", []) if i["sha256"] == sha256)
    return next(found, None)


def input_of(job: Mapping[str, Any], folder: Path) -> dict[str, Any] | None:
    """The video of a job that results in a folder were made from; None where it is gone."""
    video = source_of(job, folder)
    return video if video and Path(video["path"]).is_file() else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; {} where there is none that can be read."""
    try:
        data = parse_json(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _file_state(name: str, seen: Mapping[str, Any] | None) -> FileState:
    if seen is None:
        return FileState(name)
    folder = seen.get("folder")
    status = seen.get("status", RUNNING)
    return FileState(
        name,
        DONE if status == "skipped" else status,
        # The person who started it again knows that it was finished before.
        seen.get("problem" if status == "skipped" else "message", ""),
        float(seen.get("fraction", 0.0)),
        float(seen.get("fps", 0.0)),
        seen.get("left_s"),
        Path(folder) if folder else None,
        str(seen.get("step", "")),
    )


def job_status(
    folder: Path,
    files: Sequence[FileState],
    ended: bool,
    alive: bool,
) -> tuple[str, str]:
    """The job's status from what its process printed and whether it lives."""
    cancelled = (folder / "cancelled").exists()
    if alive:
        return RUNNING, "Ending, and keeping what is done …" if cancelled else ""
    if cancelled:
        return CANCELLED, "Cancelled; what was done is kept."
    if not ended and not (folder / PROCESS).exists():
        return WAITING, "Waiting for other analyses to end."
    if not ended:
        return FAILED, _death_words(folder)
    if all(f.status == FAILED for f in files):
        return FAILED, "None of the videos could be read."
    return DONE, ""


def state_of(
    folder: Path,
    job: Mapping[str, Any],
    files: tuple[FileState, ...],
    *,
    ended: bool,
    alive: bool,
    problem: str,
) -> JobState:
    """A job's state; what a dead process left unfinished in its results is deleted.

    Args:
        folder: of the job.
        job: job.json.
        files: as its log has them.
        ended: the command came to its own end.
        alive: its process lives.
        problem: why it could not be started, "" where it could.
    """
    status, message = job_status(folder, files, ended, alive)
    if problem and not alive:
        status, message = FAILED, problem
    if status in (FAILED, CANCELLED) and not alive:
        files = tuple(after_death(f, status) for f in files)
        for file in files:
            # In the folder of one that is done, more work may be going on.
            if file.status != DONE and file.folder is not None and file.folder.is_dir():
                remove_leftovers(file.folder)
    return JobState(
        folder.name, status, files, message, job["created_s"], {"arguments": job["arguments"]}
    )


def digest_of(values: Sequence[Any]) -> str:
    """A short name for what these values are, the same in every process."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]


def describe(folder: Path, job: Mapping[str, Any]) -> None:
    """Write a job's description into its folder, and take away what an earlier run left there.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / "results").mkdir(parents=True, exist_ok=True)
    for name in (PROGRESS, "errors.txt", "cancelled", PROCESS, STARTING):
        (folder / name).unlink(missing_ok=True)
    replace_file(folder / "job.json", json.dumps(job).encode())


def touched_s(folder: Path) -> float:
    """When a job was last begun or asked for, worked, or was worked upon."""
    times = []
    for file in (folder / "job.json", folder / PROGRESS, *folder.glob(_EDITED)):
        with contextlib.suppress(OSError):
            times.append(file.stat().st_mtime)
    return max(times, default=time.time())


def asked_s(folder: Path) -> float:
    """When a job was made, seconds since the epoch; asking for it again leaves its turn."""
    made = read_json(folder / "job.json").get("created_s")
    return float(made) if isinstance(made, int | float) else time.time()


def waits(folder: Path) -> bool:
    """Whether a job was never begun; a job with a damaged description belongs to no user."""
    marks = (PROCESS, "cancelled")
    return not any((folder / m).exists() for m in marks) and bool(read_json(folder / "job.json"))


def _death_words(folder: Path) -> str:
    """What the command said last, or that it was killed."""
    try:
        lines = (folder / "errors.txt").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if said:
        return said[-1]
    return (
        "The analysis ended unexpectedly: the system stopped it (often because memory ran out), or "
        "a damaged file made a decoder fail. What was done is kept; start again to go on."
    )


def problem_of(state: JobState) -> str:
    """Why a job of one input failed: what its command said of the input, else of itself."""
    said = state.files[0].message if state.files else ""
    return state.message if said in ("", *_AFTER_DEATH.values()) else said


STOPPED: Final = "stopped half way"
_AFTER_DEATH: Final = {RUNNING: STOPPED, WAITING: "not begun"}


def after_death(state: FileState, status: str) -> FileState:
    """A file that no process works on is not running."""
    if state.status not in (RUNNING, WAITING):
        return state
    words = _AFTER_DEATH[state.status]
    return FileState(state.name, status, words, state.fraction, folder=state.folder)


def is_private(file: Path) -> bool:
    """Whether a file of results is not for others: locks, half-written files, previews, edits."""
    return file.name.startswith(".") or file.name == PREVIEW or is_edits_file(file)


def take_over(files: Sequence[FileState], results: Path) -> None:
    """Give another job's folder of results what is finished here, without what people made of it.

    Nothing is copied where the disk can name a file twice: finished files are never changed.
    """
    for folder in (f.folder for f in files if f.status == DONE and f.folder):
        for file in folder.rglob("*"):
            if not file.is_file() or is_private(file) or file.match(EDITED_CLIPS):
                continue
            target = results / folder.name / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(file)
            except OSError:
                shutil.copyfile(file, target)
