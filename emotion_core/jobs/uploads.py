"""The videos that visitors uploaded: each kept once, as long as a job or a visitor needs it."""

import contextlib
import hashlib
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Final

from emotion_core.errors import InputError, OutputError
from emotion_core.jobs.log import JobInput
from emotion_core.results.paths import file_hash, safe_name

_PIECE: Final = 1 << 20
# What was touched within this time is still being uploaded.
_YOUNG_S: Final = 120.0
# A job follows its uploads within this time, or not at all.
_AWAITED_S: Final = 1800.0


class Uploads:
    """The uploads of one store; every server on the work folder sees the same.

    Args:
        root: the folder of uploads; made where it is missing.
        alone: a lock that prevents uploads from being deleted meanwhile.
    """

    def __init__(self, root: Path, alone: Callable[[], AbstractContextManager[None]]) -> None:
        self._root, self._alone = root, alone

    def add(self, name: str, content: IO[bytes]) -> JobInput:
        """Copy an upload piece by piece; it is awaited by a job until `arrived`.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        suffix = safe_name(Path(name).suffix.lstrip("."))[:8]
        part = self._root / f".{uuid.uuid4().hex}.part"
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            digest = _copy(content, part)
            # The hash in the path: the same bytes are kept once, equal names do not collide.
            path = self._root / digest[:16] / safe_name(Path(name).stem)
            path = path.with_name(f"{path.name}.{suffix}")
            with self._alone():
                path.parent.mkdir(exist_ok=True)
                part.replace(path)
                (path.parent / f".{uuid.uuid4().hex}.awaited").touch()
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise OutputError(f"{name} could not be kept: {error.strerror}.") from error
        return JobInput(name, str(path), digest)

    def arrived(self, inputs: Iterable[JobInput]) -> None:
        """A job has its inputs now: one upload of each is awaited no longer."""
        for path in (Path(i.path) for i in inputs):
            if path.is_relative_to(self._root):
                with contextlib.suppress(OSError):
                    next(path.parent.glob(".*.awaited"), path / "none").unlink(missing_ok=True)

    def drop(self, paths: Iterable[Path]) -> None:
        """Delete uploads that no job uses; what a visitor is about to use stays."""
        for path in paths:
            if path.is_relative_to(self._root) and not _is_awaited(path.parent):
                # The folder may also hold another visitor's upload of the same bytes under another
                # name.
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                    path.parent.rmdir()

    def clean_up(self, used: set[Path], limit_s: float) -> None:
        """Delete what was forgotten: it is older than `limit_s`, and no job uses it."""
        folders = {path.parent for path in used}
        limit_s = min(limit_s, time.time() - _YOUNG_S)
        for upload in self._root.glob("*"):
            with contextlib.suppress(OSError):
                if upload not in folders and upload.stat().st_mtime < limit_s:
                    shutil.rmtree(upload) if upload.is_dir() else upload.unlink()


def refer_to(path: Path, allowed: Path) -> JobInput:
    """Use a file of the administrator's folder without copying it.

    Raises:
        InputError: it is outside that folder, is gone, or may not be read.
    """
    real = path.resolve()
    if not real.is_relative_to(allowed.resolve()) or not real.is_file():
        raise InputError(f"{path.name} is no file of the allowed folder.")
    try:
        return JobInput(path.name, str(real), file_hash(real))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error


def _copy(content: IO[bytes], target: Path) -> str:
    """Returns the SHA-256 of what was copied, hexadecimal."""
    digest = hashlib.sha256()
    with target.open("wb") as file:
        content.seek(0)
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _is_awaited(folder: Path) -> bool:
    """Whether these bytes were uploaded for a job that is not written yet."""
    awaited = False
    for mark in folder.glob(".*.awaited"):
        with contextlib.suppress(OSError):
            if mark.stat().st_mtime > time.time() - _AWAITED_S:
                awaited = True
            else:
                mark.unlink()
    return awaited
