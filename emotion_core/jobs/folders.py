"""The folders of a work folder's jobs: where each is, and what their descriptions say."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emotion_core.errors import InputError
from emotion_core.jobs.log import JobInput, digest_of, input_of, read_json


class JobFolders:
    """Finds the jobs below a work folder.

    Args:
        root: the work folder; a job is `jobs/<id>` below it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def jobs_of(self, owner: str) -> list[str]:
        """The ids of the jobs that this owner started."""
        wanted = digest_of([owner])
        jobs = ((i, read_json(self._folder(i) / "job.json")) for i in self._ids())
        return [job_id for job_id, job in jobs if job.get("owner") == wanted]

    def video_of(self, job_id: str, folder: Path) -> Path | None:
        """The video that a job's results in a folder were made from; None where it is gone."""
        video = input_of(read_json(self._folder(job_id) / "job.json"), folder)
        return Path(video["path"]) if video else None

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

    def fetch(self, job_id: str) -> list[str]:
        """Bring the results of an ended job to this computer, where another one made them.

        Returns:
            Names of the files that are lost; none where a job is a folder of this computer.

        Raises:
            OutputError: they cannot be fetched now.
        """
        del job_id
        return []

    def _id_after(self, job_id: str, folder: Path, key: str) -> str:
        return digest_of([job_id, folder.name, key])

    def _used(self) -> set[Path]:
        """The videos of all jobs."""
        jobs = (read_json(self._folder(j) / "job.json") for j in self._ids())
        return {Path(i["path"]) for job in jobs for i in job.get("inputs", [])}


def new_job(
    inputs: Sequence[JobInput], arguments: Sequence[str], model: Mapping[str, Any], owner: str
) -> tuple[str, dict[str, Any]]:
    """The id and the description of a job; see `JobStore.start`.

    Raises:
        InputError: there is no video.
    """
    if not inputs:
        raise InputError("Choose at least one video.")
    known = [sorted((i.sha256, i.name) for i in inputs), list(arguments), dict(model)]
    work = digest_of(known)
    return digest_of([work, owner]), {
        "created_s": time.time(),
        "arguments": list(arguments),
        "model": dict(model),
        "inputs": [asdict(i) for i in inputs],
        "work": work,
        "owner": digest_of([owner]),
    }


def work_after(
    job_id: str, folder: Path, arguments: Sequence[str], video: Mapping[str, Any]
) -> dict[str, Any]:
    """The description of a job on the results of another; see `JobStore.start_after`."""
    return {
        "created_s": time.time(),
        "arguments": list(arguments),
        "inputs": [dict(video)],
        "results": str(folder.parent),
        "part_of": job_id,
    }
