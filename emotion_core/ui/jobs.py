"""Analyses in processes of their own: they survive reruns, page changes and a reload.

A job is a folder below the work folder: `job.json` (what to do), `inputs/`, `results/`, and the
lines that `python -m emotion_core analyze --progress json` printed. Nothing about it lives in the
page, so any visit of any page can look, cancel or delete. This module draws nothing.
"""

import contextlib
import hashlib
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

import psutil

from emotion_core.analysis.edits import FILE as EDITS
from emotion_core.analysis.folders import file_hash, read_summary, remove_leftovers, safe_name
from emotion_core.errors import InputError, OutputError
from emotion_core.ui.job_log import (
    CANCELLED,
    DONE,
    FAILED,
    STOPPED,
    JobInput,
    JobLog,
    JobState,
    after_death,
    job_status,
    read_json,
    take_over,
)
from emotion_core.ui.job_process import ANALYZE, JobCommand, ask_to_end, begin, end_now, living

_CANCEL_PATIENCE_S: Final = 15.0
_PIECE: Final = 1 << 20
# What a visitor has made of a video's results.
_EDITED: Final = f"results/*/{EDITS}"
# A job's folder that was touched within this time is still being filled.
_YOUNG_S: Final = 120.0


class JobStore:
    """All jobs of one work folder; its methods may be called from any thread.

    Args:
        root: the folder of jobs; made where it is missing.
        retention_h: hours after which a job is deleted.
        models_dir: where the command finds its networks.
        command: what the jobs run.
    """

    def __init__(
        self, root: Path, retention_h: float, models_dir: Path, command: JobCommand = ANALYZE
    ) -> None:
        self._root, self._retention_s, self._models = root, retention_h * 3600, models_dir
        self._command = command
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled_at: dict[str, float] = {}
        self._logs: dict[str, JobLog] = {}
        self._problems: dict[str, str] = {}
        self._lock = threading.RLock()

    def add_input(self, name: str, content: IO[bytes]) -> JobInput:
        """Copy an upload into the work folder, piece by piece.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        suffix = safe_name(Path(name).suffix.lstrip("."))[:8]
        part = self._root / "incoming" / f".{time.monotonic_ns()}.part"
        digest = hashlib.sha256()
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                content.seek(0)
                while piece := content.read(_PIECE):
                    digest.update(piece)
                    file.write(piece)
            # The hash in the path: the same bytes are kept once, equal names do not collide.
            path = self._root / "incoming" / digest.hexdigest()[:16] / safe_name(Path(name).stem)
            path = path.with_name(f"{path.name}.{suffix}")
            path.parent.mkdir(exist_ok=True)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise OutputError(f"{name} could not be kept: {error.strerror}.") from error
        return JobInput(name, str(path), digest.hexdigest())

    def refer_to(self, path: Path, allowed: Path) -> JobInput:
        """Use a file of the administrator's folder where it lies.

        Raises:
            InputError: it lies elsewhere, is gone, or may not be read.
        """
        real = path.resolve()
        if not real.is_relative_to(allowed.resolve()) or not real.is_file():
            raise InputError(f"{path.name} is no file of the allowed folder.")
        try:
            return JobInput(path.name, str(real), file_hash(real))
        except OSError as error:
            raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error

    def start(
        self,
        inputs: Sequence[JobInput],
        arguments: Sequence[str],
        model: Mapping[str, str],
        owner: str = "",
    ) -> str:
        """Begin an analysis, or find the owner's identical one; returns its id.

        What somebody else's identical one has finished is taken over, but not what they have made
        of it: names and markers stay theirs, and so do cancelling and deleting.

        Args:
            inputs: the videos.
            arguments: options of the command, without paths and output folder.
            model: name and sha256 of the network; a part of what makes jobs identical.
            owner: tells visitors apart; nobody else may know it.

        Raises:
            InputError: there is no video.
            OutputError: the work folder cannot be written.
        """
        if not inputs:
            raise InputError("Choose at least one video.")
        known = [sorted((i.sha256, i.name) for i in inputs), list(arguments), dict(model)]
        work = _digest(known)
        job_id = _digest([work, owner])
        with self._lock:
            state = self.state(job_id)
            if state is not None and (state.running or state.status == DONE):
                self._touch(job_id)
                return job_id
            job = {
                "created_s": time.time(),
                "arguments": list(arguments),
                "model": dict(model),
                "inputs": [asdict(i) for i in inputs],
                "work": work,
                "owner": _digest([owner]),
            }
            if state is None and self._command.skips_finished:
                self._take_over(work, job_id)
            self._write_job(job_id, job)
            self._launch_waiting()
            if job_id in self._problems:
                raise OutputError(self._problems[job_id])
        return job_id

    def state(self, job_id: str) -> JobState | None:
        """How a job is doing; None where there is none (any more)."""
        folder = self._folder(job_id)
        job = read_json(folder / "job.json")
        if not job:
            return None
        with self._lock:
            self._launch_waiting()
            self._press_on(job_id)
            # Whether it lives comes first: what it printed before its end is complete then.
            alive = self._alive(job_id)
            log = self._logs.setdefault(job_id, JobLog(folder / "progress.jsonl"))
            log.update()
            files, ended = log.files(job["inputs"]), log.ended
        status, message = job_status(folder, files, ended, alive)
        if not alive and job_id in self._problems:
            status, message = FAILED, self._problems[job_id]
        if status in (FAILED, CANCELLED) and not alive:
            files = tuple(after_death(f, status) for f in files)
            for file in files:
                # In the folder of one that is done, more work may be going on.
                if file.status != DONE and file.folder is not None and file.folder.is_dir():
                    remove_leftovers(file.folder)
        return JobState(
            job_id, status, files, message, job["created_s"], {"arguments": job["arguments"]}
        )

    def jobs_of(self, owner: str) -> list[str]:
        """The ids of the jobs that this owner started."""
        wanted = _digest([owner])
        jobs = ((i, read_json(self._folder(i) / "job.json")) for i in self._ids())
        return [job_id for job_id, job in jobs if job.get("owner") == wanted]

    def cancel(self, job_id: str) -> None:
        """Ask for an end; what is done is kept. A process that does not listen is killed later."""
        with self._lock:
            with contextlib.suppress(OSError):
                (self._folder(job_id) / "cancelled").touch()
            process = self._process(job_id)
            if process is not None:
                self._cancelled_at.setdefault(job_id, time.monotonic())
                ask_to_end(process)

    def start_after(
        self, job_id: str, folder: Path, arguments: Sequence[str], key: str
    ) -> JobState | None:
        """Begin more work on one video's finished results; the job that made them stays as it is.

        Args:
            job_id: of that job; what is begun here is deleted with it.
            folder: the video's results, in which the work is done.
            arguments: options of the command, without paths and output folder.
            key: tells different work on the same results apart; see `after`.

        Returns:
            None where the video is not there any more.

        Raises:
            OutputError: the work folder cannot be written.
        """
        job = read_json(self._folder(job_id) / "job.json")
        sha256 = (read_summary(folder).get("source") or {}).get("sha256")
        inputs = [i for i in job.get("inputs", []) if i["sha256"] == sha256]
        if not inputs or not Path(inputs[0]["path"]).is_file():
            return None
        more = {
            "created_s": time.time(),
            "arguments": list(arguments),
            "inputs": inputs[:1],
            "results": str(folder.parent),
            "part_of": job_id,
        }
        new = self._id_after(job_id, folder, key)
        with self._lock:
            state = self.state(new)
            if state is None or not state.running:
                self._write_job(new, more)
                self._launch_waiting()
        return self.state(new)

    def after(self, job_id: str, folder: Path, key: str) -> JobState | None:
        """How the work begun by `start_after` is doing; None where there is none."""
        return self.state(self._id_after(job_id, folder, key))

    def _id_after(self, job_id: str, folder: Path, key: str) -> str:
        return _digest([job_id, folder.name, key])

    def restart(self, job_id: str) -> None:
        """Begin a stopped job again; videos that are finished are not read twice.

        The video at which it died is read last: should it kill the work again, the others are done.

        Raises:
            OutputError: the work folder cannot be written.
        """
        with self._lock:
            job = read_json(self._folder(job_id) / "job.json")
            if job and not self._alive(job_id):
                state = self.state(job_id)
                files = state.files if state is not None and state.status == FAILED else ()
                last = [file.name for file in files if file.message == STOPPED]
                self._write_job(job_id, job | {"last": last})
                self._launch_waiting()

    def delete(self, job_id: str) -> None:
        """End a job and remove everything of it, uploads included; harmless when repeated."""
        with self._lock:
            job = read_json(self._folder(job_id) / "job.json")
            for other in self._ids():
                if read_json(self._folder(other) / "job.json").get("part_of") == job_id:
                    self.delete(other)
            process = self._process(job_id)
            if process is not None:
                end_now(process)
            self._processes.pop(job_id, None)
            self._logs.pop(job_id, None)
            self._problems.pop(job_id, None)
            shutil.rmtree(self._folder(job_id), ignore_errors=True)
            self._drop_inputs(job.get("inputs", []))

    def clean_up(self, now_s: float | None = None) -> int:
        """Delete jobs and forgotten uploads older than the retention; returns how many jobs."""
        limit = (time.time() if now_s is None else now_s) - self._retention_s
        # What waits for its turn is as young as what runs.
        old = [
            j
            for j in self._ids()
            if self._touched_s(j) < limit and not self._alive(j) and not _waits(self._folder(j))
        ]
        for job_id in old:
            self.delete(job_id)
        used = {path.parent for path in self._used()}
        limit = min(limit, time.time() - _YOUNG_S)
        for upload in (self._root / "incoming").glob("*"):
            with contextlib.suppress(OSError):
                if upload not in used and upload.stat().st_mtime < limit:
                    shutil.rmtree(upload) if upload.is_dir() else upload.unlink()
        return len(old)

    def results_of(self, job_id: str) -> Path:
        """The folder that holds a results folder for each video."""
        return self._folder(job_id) / "results"

    def _folder(self, job_id: str) -> Path:
        # Ids come from the address bar: they must not lead anywhere else.
        if not (job_id.isalnum() and job_id.isascii()):
            return self._root / "jobs" / "none"
        return self._root / "jobs" / job_id

    def _ids(self) -> list[str]:
        return [p.parent.name for p in (self._root / "jobs").glob("*/job.json")]

    def _touched_s(self, job_id: str) -> float:
        """When a job was last begun or asked for, worked, or was worked upon."""
        folder = self._folder(job_id)
        times = []
        for file in (folder / "job.json", folder / "progress.jsonl", *folder.glob(_EDITED)):
            with contextlib.suppress(OSError):
                times.append(file.stat().st_mtime)
        return max(times, default=time.time())

    def _touch(self, job_id: str) -> None:
        with contextlib.suppress(OSError):
            (self._folder(job_id) / "job.json").touch()

    def _take_over(self, work: str, job_id: str) -> None:
        """Fetch what an identical job of somebody else has finished, if there is one."""
        for other in self._ids():
            known = read_json(self._folder(other) / "job.json").get("work")
            state = self.state(other) if known == work else None
            if state is not None and state.status == DONE:
                try:
                    take_over(state.files, self.results_of(job_id))
                except OSError as error:
                    raise self._unwritable(error) from error
                return

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"The work folder {self._root} cannot be written: {error.strerror}.")

    def _write_job(self, job_id: str, job: Mapping[str, Any]) -> None:
        folder = self._folder(job_id)
        self._logs.pop(job_id, None)
        self._problems.pop(job_id, None)
        try:
            (folder / "results").mkdir(parents=True, exist_ok=True)
            for name in ("progress.jsonl", "errors.txt", "cancelled", "process.json"):
                (folder / name).unlink(missing_ok=True)
            part = folder / "job.json.part"
            part.write_text(json.dumps(job), "utf-8")
            part.replace(folder / "job.json")
        except OSError as error:
            raise self._unwritable(error) from error

    def _drop_inputs(self, inputs: Sequence[Mapping[str, str]]) -> None:
        """Uploads go with their last job; files of the administrator's folder stay."""
        used = self._used()
        for item in inputs:
            path = Path(item["path"])
            if path.is_relative_to(self._root) and path not in used:
                # The same bytes under another name lie beside it, and may be somebody else's.
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                    path.parent.rmdir()

    def _used(self) -> set[Path]:
        """The videos of all jobs."""
        jobs = (read_json(self._folder(j) / "job.json") for j in self._ids())
        return {Path(i["path"]) for job in jobs for i in job.get("inputs", [])}

    def _launch_waiting(self) -> None:
        """Start jobs in the order of their making, as far as there is room."""
        waiting = []
        running = 0
        for job_id in self._ids():
            folder = self._folder(job_id)
            if self._alive(job_id):
                running += 1
            elif job_id not in self._problems and _waits(folder):
                waiting.append(job_id)
        room = max(0, self._command.most_at_once - running)
        for job_id in sorted(waiting, key=self._touched_s)[:room]:
            self._launch(job_id)

    def _launch(self, job_id: str) -> None:
        folder = self._folder(job_id)
        job = read_json(folder / "job.json")
        try:
            arguments = self._command.line(job, folder / "results", self._models)
            self._processes[job_id] = begin(folder, arguments)
        except OSError as error:
            self._problems[job_id] = (
                f"The work could not be started: {self._root} cannot be written ({error.strerror})."
            )

    def _process(self, job_id: str) -> psutil.Process | None:
        return living(self._folder(job_id), self._processes.get(job_id))

    def _alive(self, job_id: str) -> bool:
        return self._process(job_id) is not None

    def _press_on(self, job_id: str) -> None:
        asked = self._cancelled_at.get(job_id)
        process = self._process(job_id) if asked is not None else None
        if asked is not None and process is None:
            self._cancelled_at.pop(job_id)
        elif asked is not None and time.monotonic() - asked > _CANCEL_PATIENCE_S and process:
            end_now(process)


def _digest(values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]


def _waits(folder: Path) -> bool:
    """Whether a job was never begun; a damaged description is nobody's job any more."""
    marks = ("process.json", "cancelled")
    return not any((folder / m).exists() for m in marks) and bool(read_json(folder / "job.json"))
