"""What tests of imported event files share: recordings, and writing a file to read it."""

from pathlib import Path
from typing import Any

from study_folders import recording

from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files import Imported, import_events

EVENT, STIMULUS, BASELINE = EventKind.EVENT, EventKind.STIMULUS, EventKind.BASELINE
RECORDINGS = (
    recording("P01_film", file="videos/P01 film.mp4", participant="P01"),
    recording("P02_film", file="videos/P02.mp4", participant="P02"),
    recording("P02_again", file="videos/P02b.mp4", participant="P02"),
)


def imported(path: Path, data: str | bytes, **options: Any) -> Imported:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return import_events(path, **options)


def told(found: Imported) -> list[tuple[str, str]]:
    return [(p.where, p.message) for p in found.problems]
