"""Jobs under test: how they are given videos, waited for and looked at."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion_core.jobs.log import FileState, JobInput, JobState
from emotion_core.jobs.store import JobStore

MODEL = {"name": "default", "sha256": "x"}


FAST = ["--no-annotate", "--every", "5"]


def upload(store: JobStore, path: Path, name: str | None = None) -> JobInput:
    with path.open("rb") as file:
        return store.add_input(name or path.name, file)


def state_of(store: JobStore, job_id: str) -> JobState:
    state = store.state(job_id)
    assert state is not None
    return state


def folder_of(file: FileState) -> Path:
    assert file.folder is not None
    return file.folder


def wait(
    store: JobStore, job_id: str, until: Callable[[JobState], bool], seconds: float = 90
) -> JobState:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = state_of(store, job_id)
        if until(state):
            return state
        time.sleep(0.1)
    pytest.fail(f"waited {seconds} s in vain; last seen: {state}")


def ended(state: JobState) -> bool:
    return not state.running


def makes_progress(state: JobState) -> bool:
    return state.current is not None and state.current.fraction > 0


def files_below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]
