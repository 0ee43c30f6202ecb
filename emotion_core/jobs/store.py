"""Analyses in processes of their own: they survive reruns, page changes and a reload.

A job is a folder below the work folder: `job.json` (what to do), `inputs/`, `results/`, and the
lines that `python -m emotion_core analyze --progress json` printed. Nothing about it lives in the
page, so any visit of any page can look, cancel or delete. This module draws nothing.
"""

import contextlib
import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import psutil

from emotion_core.errors import OutputError
from emotion_core.jobs.folders import JobFolders, new_job, work_after
from emotion_core.jobs.log import (
    DONE,
    FAILED,
    PROGRESS,
    STOPPED,
    JobInput,
    JobLog,
    JobState,
    asked_s,
    describe,
    input_of,
    read_json,
    run_of,
    state_of,
    take_over,
    touched_s,
    waits,
)
from emotion_core.jobs.process import (
    ANALYZE,
    JobCommand,
    adopt,
    ask_to_end,
    begin,
    end_now,
    living,
)
from emotion_core.jobs.turn import Turn, unwritable
from emotion_core.jobs.uploads import Uploads, refer_to

_log = logging.getLogger(__name__)
_CANCEL_PATIENCE_S: Final = 15.0


class JobStore(JobFolders):
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
        super().__init__(root)
        self._retention_s, self._models = retention_h * 3600, models_dir
        self._command = command
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled_at: dict[str, float] = {}
        self._logs: dict[str, JobLog] = {}
        self._problems: dict[str, str] = {}
        # What this process remembers of its jobs.
        self._lock = threading.RLock()
        # Taken before the other one.
        self._alone = Turn(root)
        self._uploads = Uploads(root / "incoming", self._alone)

    def add_input(self, name: str, content: IO[bytes]) -> JobInput:
        """Copy an upload into the work folder, piece by piece.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        return self._uploads.add(name, content)

    def refer_to(self, path: Path, allowed: Path) -> JobInput:
        """Use a file of the administrator's folder without copying it.

        Raises:
            InputError: it is outside that folder, is gone, or may not be read.
        """
        return refer_to(path, allowed)

    def start(
        self,
        inputs: Sequence[JobInput],
        arguments: Sequence[str],
        model: Mapping[str, Any],
        owner: str = "",
    ) -> str:
        """Begin an analysis, or find the owner's identical one; returns its id.

        Finished results of another visitor's identical job are taken over, but not that visitor's
        names and markers, and neither can cancel or delete the other's job.

        Args:
            inputs: the videos.
            arguments: options of the command, without paths and output folder.
            model: name and sha256 of the network; a part of what makes jobs identical.
            owner: tells visitors apart; it must not become known to others.

        Raises:
            InputError: there is no video.
            OutputError: the work folder cannot be written.
        """
        job_id, job = new_job(inputs, arguments, model, owner)
        with self._alone():
            state = self.state(job_id)
            if state is not None and (state.running or state.status == DONE):
                with contextlib.suppress(OSError):
                    (self._folder(job_id) / "job.json").touch()
                self._uploads.arrived(inputs)
                return job_id
            if state is None and self._command.skips_finished:
                self._take_over(job["work"], job_id)
            self._write_job(job_id, job)
            self._uploads.arrived(inputs)
            self.start_waiting()
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
            self._press_on(job_id)
            # Whether it lives comes first: what it printed before its end is complete then.
            alive = self._alive(job_id)
            log = self._log_of(job_id)
            log.update()
            files, ended = log.files(job["inputs"]), log.ended
            problem = self._problems.get(job_id, "")
        return state_of(folder, job, files, ended=ended, alive=alive, problem=problem)

    def states(self, job_ids: Sequence[str]) -> list[JobState]:
        """How these jobs are doing, in this order; those that are no more are left out."""
        return [state for job_id in job_ids if (state := self.state(job_id))]

    def _log_of(self, job_id: str) -> JobLog:
        """The log of the job's newest run, which another server may have begun."""
        folder, log = self._folder(job_id), self._logs.get(job_id)
        run = run_of(folder)
        if log is None or log.run != run:
            log = self._logs[job_id] = JobLog(folder / PROGRESS, run)
        return log

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
        video = input_of(read_json(self._folder(job_id) / "job.json"), folder)
        if video is None:
            return None
        more = work_after(job_id, folder, arguments, video)
        new = self._id_after(job_id, folder, key)
        with self._alone():
            state = self.state(new)
            if state is None or not state.running:
                self._write_job(new, more)
                self.start_waiting()
        return self.state(new)

    def after(self, job_id: str, folder: Path, key: str) -> JobState | None:
        """How the work begun by `start_after` is doing; None where there is none."""
        return self.state(self._id_after(job_id, folder, key))

    def restart(self, job_id: str) -> None:
        """Begin a stopped job again; videos that are finished are not read twice.

        The video at which it died is read last: should it kill the work again, the others are done.

        Raises:
            OutputError: the work folder cannot be written.
        """
        with self._alone():
            job = read_json(self._folder(job_id) / "job.json")
            if job and not self._alive(job_id):
                state = self.state(job_id)
                files = state.files if state is not None and state.status == FAILED else ()
                last = [file.name for file in files if file.message == STOPPED]
                self._write_job(job_id, job | {"last": last})
                self.start_waiting()

    def delete(self, job_id: str) -> None:
        """End a job and remove everything of it, uploads included; harmless when repeated.

        Raises:
            OutputError: the work folder cannot be written.
        """
        with self._alone():
            job = read_json(self._folder(job_id) / "job.json")
            for other in self._ids():
                if read_json(self._folder(other) / "job.json").get("part_of") == job_id:
                    self.delete(other)
            with contextlib.suppress(OSError):
                adopt(self._folder(job_id))
            process = self._process(job_id)
            if process is not None:
                end_now(process)
            with self._lock:
                self._forget(job_id)
            shutil.rmtree(self._folder(job_id), ignore_errors=True)
            # Uploads go with their last job; files of the administrator's folder stay.
            self._uploads.drop({Path(i["path"]) for i in job.get("inputs", [])} - self._used())

    def clean_up(self, now_s: float | None = None) -> int:
        """Delete jobs and forgotten uploads older than the retention; returns how many jobs."""
        if not self._root.is_dir():
            return 0
        try:
            # A job cannot be requested between the check of its age and its deletion.
            with self._alone():
                return self._clean_up(now_s)
        except OutputError:
            _log.exception("What is old could not be deleted")
            return 0

    def _clean_up(self, now_s: float | None) -> int:
        limit = (time.time() if now_s is None else now_s) - self._retention_s
        # What waits for its turn is as young as what runs.
        old = [
            j
            for j in self._ids()
            if touched_s(self._folder(j)) < limit
            and not self._alive(j)
            and not waits(self._folder(j))
        ]
        for job_id in old:
            self.delete(job_id)
        self._uploads.clean_up(self._used(), limit)
        return len(old)

    def _take_over(self, work: str, job_id: str) -> None:
        """Take over the results of another visitor's identical job, if there is one."""
        for other in self._ids():
            known = read_json(self._folder(other) / "job.json").get("work")
            state = self.state(other) if known == work else None
            if state is not None and state.status == DONE:
                try:
                    take_over(state.files, self.results_of(job_id))
                except OSError as error:
                    raise unwritable(self._root, error) from error
                return

    def _write_job(self, job_id: str, job: Mapping[str, Any]) -> None:
        folder = self._folder(job_id)
        try:
            # A concurrent reader must not take the old lines for the new ones.
            with self._lock:
                self._forget(job_id)
                describe(folder, job)
        except OSError as error:
            raise unwritable(self._root, error) from error

    def _forget(self, job_id: str) -> None:
        for known in (self._processes, self._logs, self._problems, self._cancelled_at):
            known.pop(job_id, None)

    def start_waiting(self) -> bool:
        """Start jobs in the order of their making, as far as there is room; whether some wait on.

        Raises:
            OutputError: the work folder cannot be written.
        """
        for job_id in list(self._cancelled_at):
            self._press_on(job_id)
        waiting, room = self._queue()
        if waiting and room:
            # Another server may have started some since.
            with self._alone():
                waiting, room = self._queue()
                for job_id in waiting[:room]:
                    self._launch(job_id)
        return len(waiting) > room

    def _queue(self) -> tuple[list[str], int]:
        """The jobs that wait, oldest first, and how many may begin."""
        ids = self._ids()
        running = [job_id for job_id in ids if self._alive(job_id)]
        past = {*running, *self._problems}
        waiting = [i for i in ids if i not in past and waits(self._folder(i))]
        room = max(0, self._command.most_at_once - len(running))
        return sorted(waiting, key=lambda j: asked_s(self._folder(j))), room

    def _launch(self, job_id: str) -> None:
        folder = self._folder(job_id)
        job = read_json(folder / "job.json")
        try:
            if adopt(folder):
                return
            arguments = self._command.line(job, folder / "results", self._models)
            self._processes[job_id] = self._begin(folder, arguments)
        except OSError as error:
            self._problems[job_id] = (
                f"The work could not be started: {self._root} cannot be written ({error.strerror})."
            )
        except Exception:
            # One description that makes no sense must not keep the others from starting.
            _log.exception("The job %s could not be started", job_id)
            self._problems[job_id] = "The work could not be started: its description is damaged."

    def _begin(self, folder: Path, line: Sequence[str]) -> "subprocess.Popen[bytes]":
        return begin(folder, line)

    def _process(self, job_id: str) -> psutil.Process | None:
        return living(self._folder(job_id), self._processes.get(job_id))

    def _alive(self, job_id: str) -> bool:
        return self._process(job_id) is not None

    def _press_on(self, job_id: str) -> None:
        asked = self._cancelled_at.get(job_id)
        process = self._process(job_id) if asked is not None else None
        if asked is not None and process is None:
            self._cancelled_at.pop(job_id, None)
        elif asked is not None and time.monotonic() - asked > _CANCEL_PATIENCE_S and process:
            end_now(process)
