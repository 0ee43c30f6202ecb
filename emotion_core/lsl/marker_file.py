"""lsl_markers.csv: every marker that came over LSL, with both clocks, and what befell the streams.

The markers of a recording hold only a time and a label; this file says how the time came about.
"""

import csv
from pathlib import Path
from typing import Any, Final

from emotion_core.errors import OutputError
from emotion_core.lsl.inlet import ReceivedMarker
from emotion_core.results.annotations import one_line
from emotion_core.results.paths import LSL_MARKERS

COLUMNS: Final = (
    *("time_s", "label", "stream", "host", "channels"),
    *("lsl_time_s", "offset_s", "uncertainty_s", "note"),
)


def append_marker(folder: Path, marker: ReceivedMarker, time_s: float, note: str = "") -> None:
    """Keep a marker in a recording's folder.

    Args:
        folder: of the recording.
        marker: as received.
        time_s: on the recording's clock; negative before its beginning.
        note: why it is not among the recording's markers; "" where it is.

    Raises:
        OutputError: the disk is full, or the folder is gone.
    """
    clock = marker.clock
    exact = "" if clock.uncertainty_s is None else f"{clock.uncertainty_s:.6f}"
    _append(
        folder,
        [
            f"{time_s:.3f}",
            one_line(marker.label),
            one_line(marker.stream.name),
            one_line(marker.stream.host),
            marker.stream.channels,
            f"{marker.lsl_time_s:.6f}",
            f"{clock.offset_s:.6f}",
            exact,
            note,
        ],
    )


def append_note(folder: Path, note: str, time_s: float) -> None:
    """Keep what befell a stream: it appeared, disappeared, returned or changed.

    Raises:
        OutputError: the disk is full, or the folder is gone.
    """
    _append(folder, [f"{time_s:.3f}", *[""] * (len(COLUMNS) - 2), note])


def _append(folder: Path, row: list[Any]) -> None:
    try:
        with (folder / LSL_MARKERS).open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not file.tell():
                writer.writerow(COLUMNS)
            writer.writerow(row)
    except OSError as error:
        raise OutputError(f"An LSL marker cannot be written: {error.strerror}.") from error
