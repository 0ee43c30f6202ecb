"""A command with `--progress json` as its own process, for what happens to processes."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from emotion_core.progress import Event

ROOT = Path(__file__).resolve().parents[1]


class CommandProcess:
    """`python -m emotion_core …` in a process and a process group of its own.

    Args:
        words: of the command line, the command first.
    """

    def __init__(self, *words: object) -> None:
        line = [sys.executable, "-m", "emotion_core", *map(str, words), "--progress", "json"]
        self.process = subprocess.Popen(
            line,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._errors += self.process.stderr

    def events(self) -> Iterator[Event]:
        """What it tells from now on, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    @property
    def errors(self) -> str:
        """What it has written on standard error so far."""
        return "".join(self._errors)

    def wait(self) -> int:
        """Until it has ended, all of its events being read; returns the exit status."""
        status = self.process.wait(60)
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status
