"""Jobs in the words of the shared database: paths below the store's folder, states as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emotion_core.jobs.log import STOPPED, WAITING, FileState, JobInput, JobState
from emotion_core.sharing.job_index import JobRow


def below(path: str | Path, root: Path) -> str | None:
    """A path as every replica knows it; None for one outside of the store's folder."""
    path = Path(path)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def portable(job: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """A description whose paths below the store's folder are relative to it."""
    moved = dict(job)
    moved["inputs"] = [i | {"path": below(i["path"], root) or i["path"]} for i in job["inputs"]]
    if "results" in job:
        moved["results"] = below(job["results"], root)
    return moved


def local(job: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The same with the paths of this computer."""
    moved = dict(job)
    # An absolute path stays as it is.
    moved["inputs"] = [i | {"path": str(root / i["path"])} for i in job["inputs"]]
    if "results" in job:
        moved["results"] = str(root / job["results"])
    return moved


def uploads_of(job: Mapping[str, Any]) -> list[str]:
    """The paths of a portable description's uploads."""
    return sorted({i["path"] for i in job["inputs"] if not Path(i["path"]).is_absolute()})


def paths_of(inputs: list[JobInput], root: Path) -> list[str]:
    """The paths of those inputs that are uploads, as every replica knows them."""
    return sorted({p for i in inputs if (p := below(i.path, root)) is not None})


def progress_of(state: JobState, root: Path) -> list[dict[str, Any]]:
    """One entry a video, for the database."""
    return [
        {
            "name": f.name,
            "status": f.status,
            "message": f.message,
            "fraction": f.fraction,
            "fps": f.fps,
            "left_s": f.left_s,
            "folder": below(f.folder, root) if f.folder else None,
            "step": f.step,
        }
        for f in state.files
    ]


def state_of_row(row: JobRow, root: Path) -> JobState:
    """A job's state with the paths of this computer, whichever replica runs it."""
    names = [i["name"] for i in row.description["inputs"]]
    files = tuple(_file(entry, root) for entry in row.progress)
    # Before its first report nothing is known of its videos.
    files = files if len(files) == len(names) else tuple(FileState(name) for name in names)
    message = row.message
    if row.status == WAITING and not message:
        message = "Waiting for other analyses to end."
    options = {"arguments": row.description["arguments"]}
    return JobState(row.job_id, row.status, files, message, row.created_s, options)


def _file(entry: Mapping[str, Any], root: Path) -> FileState:
    folder = entry["folder"]
    return FileState(
        entry["name"],
        entry["status"],
        entry["message"],
        entry["fraction"],
        entry["fps"],
        entry["left_s"],
        root / folder if folder else None,
        entry["step"],
    )


def stopped(row: JobRow) -> list[str]:
    """The videos at which a job's process or its replica died: they are read last the next time."""
    return [e["name"] for e in row.progress if e["status"] == "running" or e["message"] == STOPPED]
