"""What became of one video, as a plain dictionary: file, status, message, problem, folder."""

import traceback
from typing import Final

from emotion_core.batch.locations import Location
from emotion_core.errors import EmotionCoreError
from emotion_core.progress import Event

DONE, SKIPPED, FAILED, CANCELLED = "done", "skipped", "failed", "cancelled"
FAILURES: Final = (FAILED, CANCELLED)
_SHORT: Final = ("file", "status", "message", "problem", "folder")


def failed(path: Location, message: str) -> Event:
    """The outcome of a video without usable results."""
    return {
        "file": str(path),
        "status": FAILED,
        "message": message,
        "problem": message,
        "folder": None,
    }


def not_begun(path: Location) -> Event:
    """The outcome of a video whose turn did not come before the run was stopped."""
    message = f"{path.name}: not begun, the run was stopped."
    return failed(path, message) | {"status": CANCELLED}


def analysed(path: Location, folder: Location, status: str, summary: Event) -> Event:
    """The outcome of a video with results: what was damaged, and the whole summary."""
    message = {
        SKIPPED: "finished before with the same settings; --force analyses it again",
        CANCELLED: "stopped; what was done is kept",
    }.get(status, "")
    problem = ""
    said = [_damage(summary)] if summary.get("frames_failed") or summary.get("cut_short") else []
    said += [sound] if (sound := (summary.get("clip") or {}).get("sound_problem")) else []
    if old := (summary.get("clip") or {}).get("identities_problem"):
        said += [f"the clip shows the identities from before returns were recognised ({old})"]
    if said:
        problem = f"{path.name}: {'; '.join(said)}."
    return {
        "file": str(path),
        "status": status,
        "message": f"{problem} {message}".strip(),
        "problem": problem,
        "folder": str(folder),
        "summary": summary,
    }


def _damage(summary: Event) -> str:
    """What could not be read of a video, in words."""
    count, problem = summary["frames_failed"], summary["first_problem"]
    if not count:
        return str(problem)
    return f"{count} frame{'s' if count > 1 else ''} could not be decoded ({problem})"


def short(outcome: Event) -> Event:
    """The outcome without the summary, as an event tells it."""
    return {key: outcome[key] for key in _SHORT}


def failure(path: Location, error: Exception) -> Event:
    """The outcome of a video whose reading raised an error; the message names the video."""
    if isinstance(error, EmotionCoreError):
        message = str(error)
        return failed(path, message if path.name in message else f"{path.name}: {message}")
    if isinstance(error, MemoryError):
        return failed(path, f"{path.name}: the memory is used up; close other programs.")
    if isinstance(error, OSError):
        return failed(path, f"{path.name}: {error.strerror or error}.")
    # The person who fixes it needs to know where.
    traceback.print_exception(error)
    return failed(path, f"{path.name}: it could not be read to its end ({error!r}).")
