"""faces.csv, written row by row while a video or a stream is read."""

import contextlib
import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from emotion_core.datatypes import FrameResult
from emotion_core.errors import OutputError
from emotion_core.results.export import COLUMNS, face_rows, output_error

# As much as a buffered file keeps back.
_AT_ONCE_BYTES: Final = 8192


class FacesWriter:
    """A context manager that writes a new faces.csv row by row; rows survive a crash.

    A file of that name is replaced, never rewritten: another visitor's results may be a hard link
    to it. After a write that failed the file ends with a whole row, and writing can go on: only the
    frame whose writing failed is lost, and those that were not handed on yet are written then.

    Raises:
        OutputError: the file cannot be written; a full disk is named as such.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        part = path.with_name(f".{path.name}.part")
        try:
            if path.is_file():
                part.touch()
                part.replace(path)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise output_error(path, error) from error
        self._text = io.StringIO(newline="")
        self._csv = csv.writer(self._text, lineterminator="\n")
        # What is not handed to the system yet, and how many bytes have been.
        self._pending, self._whole = b"", 0
        self._write([list(COLUMNS)])

    def write(self, result: FrameResult) -> None:
        """Append the rows of one analysed frame."""
        self._write(face_rows(result))

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._hand_on(self._pending)

    def _write(self, rows: list[list[str]]) -> None:
        self._text.seek(0)
        self._text.truncate()
        self._csv.writerows(rows)
        data = self._pending + self._text.getvalue().encode()
        if len(data) < _AT_ONCE_BYTES:
            self._pending = data
        else:
            self._hand_on(data)

    def _hand_on(self, data: bytes) -> None:
        done = 0
        try:
            while done < len(data):
                done += self._file.write(data[done:]) or 0
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._whole)
                self._file.seek(self._whole)
            raise output_error(self.path, error) from error
        self._whole += len(data)
        self._pending = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file.closed:
            return
        try:
            self.flush()
        except OutputError:
            # Of two problems the first one is told.
            if error is None:
                raise
        finally:
            self._file.close()
