"""Whether the results of a study are those of its present recordings, events and settings."""

import hashlib
from pathlib import Path
from typing import Final

from emotion_core.atomic_io import replace_file
from emotion_core.errors import EmotionCoreError
from emotion_core.results.paths import EDITS, FACES
from emotion_core.study.coding.store import FILE, CodingStore
from emotion_core.study.events import EVENTS
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.other_signals import other_files
from emotion_core.study.recordings import RECORDINGS
from emotion_core.study.study_file import STUDY, text_of_results

LONG_TABLE: Final = "long.csv"
REPORT: Final = "report.html"
_MARK: Final = ".inputs"
_FILES: Final = (STUDY, RECORDINGS, EVENTS)


def inputs_digest(study: Study) -> str:
    """Differs where anything that results depend on has changed, hexadecimal.

    Tables of faces count by size and time of change: reading a gigabyte of them takes too long.
    """
    digest = hashlib.sha256()
    for name in _FILES:
        path = study.folder / name
        data = path.read_bytes() if path.is_file() else b""
        digest.update(_of_results(data) if name == STUDY else data)
    digest.update(_finished_clips(study).encode())
    for recording in study.recordings:
        folder = study.results_folder(recording)
        states = [_state(folder / name) for name in (FACES, EDITS)] if folder else []
        states += [_state(path) for path in other_files(study, recording)]
        digest.update(repr((recording.recording, states)).encode())
    return digest.hexdigest()


def _finished_clips(study: Study) -> str:
    """Who has finished which clips, and with which keys: the report tells how well coders agree.

    Keys of clips that are not finished change nothing in it.
    """
    if not (study.folder / FILE).is_file():
        return ""
    try:
        return CodingStore(study.folder).state_of_done()
    except EmotionCoreError as error:
        return str(error)


def _of_results(data: bytes) -> bytes:
    try:
        return text_of_results(data.decode()).encode()
    except UnicodeDecodeError:
        return data


def _state(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def mark_current(study: Study, digest: str) -> None:
    """Note that the results are those of the inputs with this digest.

    Raises:
        OSError: the folder cannot be written.
    """
    replace_file(study.folder / RESULTS / _MARK, digest.encode())


def has_results(study: Study) -> bool:
    """Whether there are tables to show, of whatever age."""
    return (study.folder / RESULTS / LONG_TABLE).is_file()


def is_current(study: Study) -> bool:
    """Whether nothing has changed since the results were computed."""
    try:
        known = (study.folder / RESULTS / _MARK).read_text("ascii")
    except (OSError, ValueError):
        return False
    return has_results(study) and known == inputs_digest(study)
