"""One at a time: for starting, writing and deleting jobs, in this server and in others."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from emotion_core.errors import OutputError
from emotion_core.results.paths import taking_turns

_LOCK: Final = ".jobs.lock"
# Longer than a killed process takes to end.
_PATIENCE_S: Final = 20.0


class Turn:
    """An exclusive lock on a work folder that a thread may take again while it has it.

    Args:
        root: the work folder; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._thread = threading.RLock()
        self._taken = False

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the lock for the block.

        Raises:
            OutputError: the work folder cannot be written.
        """
        with self._thread, contextlib.ExitStack() as stack:
            if not self._taken:
                try:
                    self._root.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(taking_turns(self._root / _LOCK, _PATIENCE_S))
                except OSError as error:
                    raise unwritable(self._root, error) from error
                self._taken = True
                stack.callback(setattr, self, "_taken", False)
            yield


def unwritable(root: Path, error: OSError) -> OutputError:
    """What a failed write in the work folder means to the user."""
    return OutputError(f"The work folder {root} cannot be written: {error.strerror}.")
