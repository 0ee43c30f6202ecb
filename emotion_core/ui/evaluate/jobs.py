"""Evaluations of a visitor's own faces in the background, and which of them are this visitor's."""

import hashlib
import itertools
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.atomic_io import parse_json
from emotion_core.datasets.archives import MOST_FILES
from emotion_core.errors import InputError
from emotion_core.jobs.log import JobInput, JobState, read_json
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.results.streams import zip_pieces
from emotion_core.ui.common.adaptation import as_file
from emotion_core.ui.common.text import escape
from emotion_core.ui.common.visitor_jobs import VisitorJobs, delete_job, kept_store, visitor
from emotion_core.video.options import described_network

if TYPE_CHECKING:
    from emotion_core.model.adaptation import Adaptation
    from emotion_core.model.bundle import ModelBundle

_COMMAND: Final = JobCommand("evaluate", input_option="--data", most_at_once=1)
_MOST_LISTED: Final = 200


@st.cache_resource(show_spinner=False)
def evaluate_store() -> JobStore:
    """Shared by all visitors."""
    return kept_store("evaluations", _COMMAND)


EVALUATIONS = VisitorJobs(evaluate_store, "evaluate", "evaluation", "evaluation")


def start_evaluation(
    data: JobInput,
    bundle: "ModelBundle",
    *,
    robustness: bool,
    adaptation: "Adaptation | None" = None,
) -> str:
    """Begin to evaluate a network on labelled faces, or find the identical evaluation.

    Args:
        data: of `keep_upload` or `refer_to`.
        bundle: the network.
        robustness: also on damaged faces.
        adaptation: corrects the network's answers before they are scored.

    Raises:
        OutputError: the work folder cannot be written.
    """
    store = evaluate_store()
    store.clean_up()
    arguments = ["--model", bundle.path.name, *([] if robustness else ["--no-robustness"])]
    if adaptation is not None:
        arguments += ["--adaptation", as_file(adaptation)]
    model = described_network(bundle)
    return store.start([data], arguments, model, visitor())


def keep_upload(name: str, content: IO[bytes]) -> JobInput:
    """Copy an upload into the work folder.

    Raises:
        OutputError: the disk is full or cannot be written.
    """
    return evaluate_store().add_input(name, content)


def data_sets_in(folder: Path) -> list[str]:
    """Names of what may be evaluated in the administrator's folder: zips, CSVs and folders."""
    found = (
        p.name
        for p in sorted(folder.iterdir())
        if not p.name.startswith(".") and (p.is_dir() or p.suffix.lower() in (".zip", ".csv"))
    )
    return [name for _, name in zip(range(_MOST_LISTED), found, strict=False)]


def refer_to(name: str, allowed: Path) -> JobInput:
    """A data set of the administrator's folder, used without copying it.

    Raises:
        InputError: it is outside that folder, or is gone.
    """
    path = (allowed / name).resolve()
    if not path.is_dir():
        return evaluate_store().refer_to(path, allowed)
    if not path.is_relative_to(allowed.resolve()):
        raise InputError(f"{name} is no folder of the allowed folder.")
    try:
        # A link that leads nowhere is the evaluation's to tell of, as are too many files.
        files = sorted(islice(path.rglob("*"), MOST_FILES + 1))
        stats = [(str(p), (s := p.lstat()).st_size, s.st_mtime_ns) for p in files]
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from error
    return JobInput(name, str(path), hashlib.sha256(repr(stats).encode()).hexdigest())


def came_by_address() -> bool:
    """Whether the address asks for an evaluation."""
    return EVALUATIONS.parameter in st.query_params


def zip_of(folder: Path) -> Iterator[bytes]:
    """A zip of all files of a results folder, in pieces.

    Raises:
        OSError: a file cannot be read.
    """
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return zip_pieces({file.relative_to(folder.parent).as_posix(): file for file in files})


def data_of(state: JobState) -> Path:
    """Path of the faces of an evaluation."""
    job = read_json(evaluate_store().results_of(state.job_id).parent / "job.json")
    return Path(job["inputs"][0]["path"])


def delete_evaluation(job_id: str) -> None:
    """Remove an evaluation, the upload, and what this process remembers of its faces."""
    from emotion_core.ui.model_page.face_grid import forget_faces

    forget_faces()
    delete_job(evaluate_store(), job_id, "evaluation")
    EVALUATIONS.show(None)


def options_of(state: JobState) -> dict[str, Any]:
    """The model's name, that of the adaptation ("" without one), and whether damaged faces were
    asked for."""
    arguments = list(state.options.get("arguments", []))
    given = dict(itertools.pairwise(arguments))
    adaptation = parse_json(given["--adaptation"])["name"] if "--adaptation" in given else ""
    robustness = "--no-robustness" not in arguments
    return {"model": arguments[1], "adaptation": adaptation, "robustness": robustness}


def network_of(state: JobState) -> str:
    """The model and, where one was chosen, the adaptation, as Markdown."""
    options = options_of(state)
    adaptation = options["adaptation"]
    return options["model"] + (f" and adaptation “{escape(adaptation)}”" if adaptation else "")
