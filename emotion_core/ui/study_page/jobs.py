"""Work on a study in processes of their own: analysing its videos, and computing its results."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.jobs.log import JobInput, JobState
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.ui.common.visitor_jobs import own_store

ANALYZE, RUN = "analyze", "run"


class _StudyCommand(JobCommand):
    """`python -m emotion_core study ACTION DIR`; action and folder are the first arguments."""

    __slots__ = ()

    def line(self, job: Mapping[str, Any], results: Path, models_dir: Path) -> list[str]:
        """The whole command line of a job; its results go into the study."""
        del results
        line = [sys.executable, "-m", "emotion_core", self.name, *job["arguments"]]
        return [*line, "--models-dir", str(models_dir), "--progress", "json"]


_COMMAND: Final = _StudyCommand("study")


@st.cache_resource(show_spinner=False)
def study_jobs() -> JobStore:
    """Shared by all visitors."""
    return own_store("study_jobs", _COMMAND)


def start_analysis(
    token: str, study: Study, recordings: Sequence[Recording], frames: Sequence[str] = ()
) -> None:
    """Begin to analyse the videos of recordings, in the order of the queue.

    Args:
        token: of the study.
        study: the study.
        recordings: whose videos to analyse.
        frames: options of the command that choose frames and network, as of `choose_frames` and
            `network_options`.

    Raises:
        OutputError: the work folder cannot be written.
    """
    sources = [(r.recording, study.source_of(r)) for r in recordings]
    # The file's name: what is told about it begins with that.
    inputs = [JobInput(path.name, str(path), name) for name, path in sources]
    # These only: another job may be analysing others at this moment. One at a time: visitors share
    # the computer.
    chosen = [word for name, _ in sources for word in ("--recording", name)]
    options = ["--jobs", "1", "--preview", *frames, *chosen]
    _start(token, ANALYZE, inputs, [ANALYZE, str(study.folder), *options])


def start_run(token: str, study: Study) -> None:
    """Begin to compute the results of a study.

    Raises:
        OutputError: the work folder cannot be written.
    """
    inputs = [JobInput(study.name, str(study.folder), token)]
    _start(token, RUN, inputs, [RUN, str(study.folder)])


def _start(token: str, action: str, inputs: list[JobInput], arguments: list[str]) -> None:
    forget_ended(token, action)
    # The same work is wanted again whenever something has changed.
    study_jobs().start(inputs, arguments, {"asked": secrets.token_hex(8)}, owner=token)


def job_of(token: str, action: str) -> JobState | None:
    """The newest work of this kind on a study; None where there was none."""
    found = _jobs(token, action)
    return max(found, key=lambda state: (state.running, state.created_s)) if found else None


def forget_ended(token: str, action: str) -> None:
    """Forget earlier work of this kind; its results are part of the study."""
    for state in _jobs(token, action):
        if not state.running:
            study_jobs().delete(state.job_id)


def end_all(token: str) -> None:
    """End and forget all work on a study, before it is deleted.

    Raises:
        OutputError: the work folder cannot be written.
    """
    store = study_jobs()
    for job_id in store.jobs_of(token):
        store.delete(job_id)


def _jobs(token: str, action: str) -> list[JobState]:
    store = study_jobs()
    states = store.states(store.jobs_of(token))
    return [s for s in states if next(iter(s.options.get("arguments", [])), "") == action]
