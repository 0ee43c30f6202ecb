"""Names of results folders: safe on every system, stable from run to run, never outside."""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from emotion_core.atomic_io import parse_json
from emotion_core.errors import OutputError

SUMMARY: Final = "summary.json"
FACES: Final = "faces.csv"
EDITS: Final = "edits.json"
CLIP: Final = "annotated.mp4"
# Redrawn with a visitor's edits; the star is a digest of them.
EDITED_CLIPS: Final = "edited_*.mp4"
PREVIEW: Final = "preview.jpg"
_LOCK: Final = ".lock"
MOMENTS: Final = "moments"
# A long video that is read in pieces: what is finished of it, until the pieces are joined.
PIECES: Final = ".pieces"
# What came over the Lab Streaming Layer while a live stream was recorded.
LSL_MARKERS: Final = "lsl_markers.csv"
_LONGEST: Final = 60
_UNSAFE: Final = frozenset("<>:\"/\\|?*'`$")
# Names that Windows keeps for devices.
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def safe_name(stem: str) -> str:
    """A folder name made from a file's stem: letters of all scripts stay, the rest becomes "_".

    It holds no separator, quote or control character, does not begin with a dot, ends neither in a
    dot nor a space, is not a Windows device name, and has at most 60 characters.
    """
    name = "".join(c if c.isprintable() and c not in _UNSAFE else "_" for c in stem)
    name = name.strip(" .")
    # File systems count bytes: an emoji takes four.
    name = name.encode()[: 3 * _LONGEST].decode(errors="ignore")[:_LONGEST].strip(" .")
    return f"_{name}" if _RESERVED.fullmatch(name) else name or "video"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_summary(folder: Path) -> dict[str, Any]:
    """A folder's summary.json; {} where there is none that can be read."""
    try:
        data = parse_json((folder / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def is_complete(summary: Mapping[str, Any], key: str, has: Callable[[str], bool]) -> bool:
    """Whether results are those of this very analysis, and all there, wherever they are.

    Args:
        summary: the content of their summary.json; empty where there is none.
        key: of the analysis (`result_key`).
        has: whether there is a file of this name next to it.
    """
    wanted = summary.get("status") == "done" and summary.get("key") == key
    return wanted and has(FACES) and (has(CLIP) or not summary.get("clip"))


def is_result(path: Path) -> bool:
    """Whether a video is the clip of a results folder, not one to be read."""
    clip = path.name == CLIP or path.match(EDITED_CLIPS)
    return clip and (path.parent / SUMMARY).is_file()


def folder_for(source: Path, sha256: str, out: Path, taken: set[Path]) -> Path:
    """The results folder of a video: its safe stem; a short hash is added on a collision.

    Args:
        source: the video.
        sha256: of its bytes.
        out: the output folder.
        taken: folders that other videos of this run use.

    Raises:
        OutputError: the name leads outside the output folder (a link was planted there).
    """
    plain = out / safe_name(source.stem)
    hashed = out / f"{safe_name(source.stem)}-{sha256[:8]}"
    owner = (read_summary(plain).get("source") or {}).get("sha256")
    folder = hashed if plain in taken or owner not in (None, sha256) else plain
    if folder.is_symlink() or not folder.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{folder} is a link to another place: remove it, nothing was written.")
    return folder


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other analyses out of a results folder; a program that dies leaves it free.

    Raises:
        OutputError: another one writes there now, or nothing can be written.
    """
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"Another analysis is writing into {folder} at this moment: wait for its end, or "
            "choose another output folder."
        ) from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        # While it is still held: a process that opened it before notices that it is gone. Windows
        # keeps a file that is open.
        with contextlib.suppress(OSError):
            (folder / _LOCK).unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def taking_turns(lock_file: Path, patience_s: float) -> Iterator[None]:
    """Wait until no thread and no process holds a lock file, and hold it; it is gone afterwards.

    Raises:
        OSError: the lock file cannot be made, or another process holds it for too long.
    """
    if not lock_file.parent.is_dir():
        # The lock would make a deleted folder again.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout as error:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY)) from error
    try:
        yield
    finally:
        # As above.
        with contextlib.suppress(OSError):
            lock_file.unlink(missing_ok=True)
        lock.release()


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed run left unfinished.

    Unfinished edits are kept: the app may be saving them at this moment.
    """
    for leftover in [*folder.glob(".*.part*"), folder / PREVIEW]:
        if not leftover.name.startswith(f".{EDITS}."):
            leftover.unlink(missing_ok=True)
