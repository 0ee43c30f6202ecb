"""Videos: uploaded to disk, analysed in a process of their own, fetched as files."""

import hashlib
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from emotion_core.api.body import save_body
from emotion_core.api.files import file_answer, files_of
from emotion_core.api.limits import ApiLimits, Places
from emotion_core.api.refusals import Json, RefusedError
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.jobs.log import JobState
from emotion_core.jobs.store import JobStore
from emotion_core.model.bundle import load_bundle
from emotion_core.video.options import VideoOptions, described_network

_FACES: Final[dict[str, tuple[str, ...]]] = {
    "everybody": (),
    "largest": ("--largest-face",),
    "one": ("--one-person",),
}
# What may be in the query of a submission, all optional, and what it means.
QUERY: Final = {
    "name": "The file's name, whose stem names the results folder.",
    "every": "Analyse every Nth frame.",
    "rate": "Or so many frames a second.",
    "start": "Second at which to begin.",
    "end": "Second at which to end.",
    "annotate": "0: no annotated clip.",
    "faces": "everybody, largest or one.",
}


class Videos:
    """The endpoints for videos.

    Args:
        store: gives the jobs, which the pages share; called on threads.
        models_dir: folder of model folders.
        work_dir: an upload is kept here until it is complete.
        token: of this interface; whoever has another one sees none of its jobs.
        limits: of this server.
    """

    def __init__(
        self,
        store: Callable[[], JobStore],
        models_dir: Path,
        work_dir: Path,
        token: str,
        limits: ApiLimits,
    ) -> None:
        self._store, self._models_dir, self._work_dir = store, models_dir, work_dir
        self._limits = limits
        # Part of what job ids are made of, so it must not be known to others either.
        self._owner = "api:" + hashlib.sha256(token.encode()).hexdigest()
        self._places = Places(limits.uploads, "uploads")

    async def submit(self, request: Request) -> Response:
        """POST /videos."""
        name, arguments = _asked(request)
        with self._places.one():
            try:
                self._work_dir.mkdir(parents=True, exist_ok=True)
                # Without a name: nothing is left of an upload that is cut off.
                file = tempfile.TemporaryFile(dir=self._work_dir)  # noqa: SIM115
            except OSError as error:
                raise OutputError(f"The upload could not be kept: {error.strerror}.") from error
            with file:
                limits = self._limits
                await save_body(request, file, limits.upload_bytes, limits.idle_s)
                job_id = await run_in_threadpool(self._start, name, file, arguments)
        state = await run_in_threadpool(self._fetched, job_id)
        location = f"{request.url.path.rstrip('/')}/{job_id}"
        return Json(_described(state), 202, {"Location": location})

    async def jobs(self, request: Request) -> Response:
        """GET /videos."""
        del request
        return Json({"jobs": await run_in_threadpool(self._all)})

    async def job(self, request: Request) -> Response:
        """GET /videos/{job}."""
        return Json(_described(await self._known(request)))

    async def delete(self, request: Request) -> Response:
        """DELETE /videos/{job}."""
        await run_in_threadpool(self._delete, request.path_params["job"])
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """GET /videos/{job}/files/{name}."""
        state = await self._known(request)
        return file_answer(_files(state), request.path_params["name"])

    def _start(self, name: str, file: IO[bytes], arguments: list[str]) -> str:
        store = self._store()
        model = described_network(load_bundle(models_dir=self._models_dir))
        video = store.add_input(name, file)
        return store.start([video], arguments, model, self._owner)

    def _all(self) -> list[dict[str, Any]]:
        store = self._store()
        states = store.states(store.jobs_of(self._owner))
        for state in states:
            _fetch(store, state)
        return [_described(state) for state in sorted(states, key=lambda s: -s.created_s)]

    async def _known(self, request: Request) -> JobState:
        return await run_in_threadpool(self._fetched, request.path_params["job"])

    def _delete(self, job_id: str) -> None:
        self._store().delete(self._state(job_id).job_id)

    def _fetched(self, job_id: str) -> JobState:
        state = self._state(job_id)
        _fetch(self._store(), state)
        return state

    def _state(self, job_id: str) -> JobState:
        store = self._store()
        state = store.state(job_id) if job_id in store.jobs_of(self._owner) else None
        if state is None:
            raise RefusedError(404, "There is no such job (any more). GET …/videos lists them.")
        return state


def _fetch(store: JobStore, state: JobState) -> None:
    """Another replica may have made the results."""
    if not state.running:
        store.fetch(state.job_id)


def _described(state: JobState) -> dict[str, Any]:
    file = state.files[0]
    return {
        "job": state.job_id,
        "name": file.name,
        "status": state.status,
        "fraction": round(state.fraction, 4),
        "left_s": file.left_s if state.running else None,
        "message": state.message or file.message,
        "files": sorted(_files(state)),
    }


def _files(state: JobState) -> dict[str, Path]:
    """The finished files of a job: none before its end."""
    folder = state.files[0].folder
    return {} if folder is None or state.running else files_of(folder)


def _asked(request: Request) -> tuple[str, list[str]]:
    """The video's name and the options of `analyze`, from the query."""
    query = request.query_params
    if unknown := sorted(set(query) - set(QUERY)):
        raise RefusedError(
            422, f"Unknown in the query: {unknown[0][:40]}. Known: {', '.join(QUERY)}."
        )
    faces, annotate = query.get("faces", "everybody"), query.get("annotate", "1")
    if faces not in _FACES:
        raise RefusedError(422, f"faces must be one of {', '.join(_FACES)}.")
    if annotate not in ("0", "1"):
        raise RefusedError(422, "annotate must be 1 or 0.")
    numbers = {name: _number(name, query.get(name)) for name in ("every", "rate", "start", "end")}
    every = numbers["every"]
    if every is not None and not (math.isfinite(every) and every.is_integer()):
        raise RefusedError(422, "every must be a whole number.")
    try:
        whole = 1 if every is None else int(every)
        VideoOptions(whole, numbers["rate"], numbers["start"] or 0.0, numbers["end"])
    except (InputError, SettingsError) as error:
        raise RefusedError(422, str(error)) from error
    arguments = [f"--{n}={v!r}" for n, v in numbers.items() if v is not None and n != "every"]
    arguments += [] if every is None else [f"--every={int(every)}"]
    arguments += [] if annotate == "1" else ["--no-annotate"]
    return query.get("name", "video.mp4")[:200] or "video.mp4", [*arguments, *_FACES[faces]]


def _number(name: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise RefusedError(422, f"{name} must be a number, got “{text[:40]}”.") from error
