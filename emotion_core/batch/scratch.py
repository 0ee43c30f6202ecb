"""A folder of this machine for the files of the video that a process works on."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from emotion_core.results.export import output_error

_PREFIX: Final = f"emotion-lab-work-{os.getuid() if hasattr(os, 'getuid') else 0}-"
_LOCK: Final = ".lock"


class Scratch:
    """Temporary files of one process, made with the first of them.

    A process that is killed cannot clean up: the next one on the machine does it.
    """

    def __init__(self) -> None:
        self._root: Path | None = None
        self._lock: FileLock | None = None

    @property
    def root(self) -> Path:
        """The folder, made where it is missing.

        Raises:
            OutputError: it cannot be made.
        """
        if self._root is None:
            try:
                _sweep()
                self._root, self._lock = _locked_folder()
            except OSError as error:
                raise output_error(Path(tempfile.gettempdir()), error) from error
        return self._root

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder that is deleted at the end of the block.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            path = Path(tempfile.mkdtemp(dir=self.root))
        except OSError as error:
            raise output_error(self.root, error) from error
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Delete everything."""
        if self._root is not None and self._lock is not None:
            self._lock.release()
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = self._lock = None


def _locked_folder() -> tuple[Path, FileLock]:
    while True:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(root / _LOCK)
        # Between making the file and locking it, another process may take the folder for a dead
        # one's and delete it.
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            if (root / _LOCK).exists():
                return root, lock
            lock.release()


def _sweep() -> None:
    """Delete the folders of processes that were killed."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = FileLock(root / _LOCK)
        # A folder without its lock is just being made, by a process that will take it.
        if not (root / _LOCK).exists():
            continue
        with contextlib.suppress(Timeout, OSError):
            lock.acquire(timeout=0)
            shutil.rmtree(root, ignore_errors=True)
            lock.release()
