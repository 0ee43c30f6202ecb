"""From when to when a recording was analysed, read from the ends of its table."""

import csv
import io
import os
from pathlib import Path
from typing import Final

from emotion_core.results.paths import FACES
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study

# Room for the frame with the most faces.
_PIECE_BYTES: Final = 1 << 16


def span_of(study: Study, recording: Recording) -> tuple[float, float] | None:
    """First and last second of a recording that count, on the clock of its video.

    None: it is not analysed yet, and recordings.csv does not say where it ends.
    """
    folder = study.results_folder(recording)
    analysed = analysed_span(folder / FACES) if folder else None
    if analysed is None:
        return None if recording.end_s is None else (recording.start_s, recording.end_s)
    first, last = analysed
    end_s = last if recording.end_s is None else min(last, recording.end_s)
    return max(first, recording.start_s), end_s


def analysed_span(faces: Path) -> tuple[float, float] | None:
    """Times of the first and the last frame of faces.csv; None: it has none, or is damaged."""
    try:
        with faces.open("rb") as file:
            head = file.read(_PIECE_BYTES)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _PIECE_BYTES))
            tail = file.read()
    except OSError:
        return None
    rows = list(csv.reader(io.StringIO(head.decode("utf-8", "replace"))))
    if len(rows) < 2 or "time_s" not in rows[0]:
        return None
    column = rows[0].index("time_s")
    # The last row may be cut off, and so is the first of the tail.
    last = csv.reader(io.StringIO(tail.decode("utf-8", "replace")))
    times = [_number(row[column]) for row in last if len(row) == len(rows[0])]
    first = _number(rows[1][column]) if len(rows[1]) > column else None
    ends = [time for time in times if time is not None]
    return None if first is None or not ends else (first, max(ends[-1], first))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
