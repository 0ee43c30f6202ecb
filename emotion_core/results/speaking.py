"""When a person speaks, from the column `speaking` of a table of faces; other flags, too."""

import numpy as np

from emotion_core.datatypes import BoolArray
from emotion_core.results.face_table import FaceTable, row_seconds


def speaking_share(person: FaceTable) -> float | None:
    """Share of the time in which it is known that a person speaks, 0 to 1; None: never known."""
    seconds = row_seconds(person.time_s, person.frame_times)
    known = float(seconds[person.speaking >= 0].sum())
    return float(seconds[person.speaking == 1].sum()) / known if known > 0 else None


def speaking_stretches(person: FaceTable, least_s: float = 0.0) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch in which a person speaks, in order.

    Args:
        person: one person's rows.
        least_s: shorter stretches are left out, and so are shorter pauses between two.
    """
    return flagged_stretches(person, person.speaking == 1, least_s)


def flagged_stretches(
    person: FaceTable, flags: BoolArray, least_s: float = 0.0
) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch in which a flag is set, in order.

    Args:
        person: one person's rows, N.
        flags: (N,) bool.
        least_s: as in `speaking_stretches`.
    """
    rows = np.flatnonzero(flags)
    if not len(rows):
        return []
    starts = person.time_s[rows]
    ends = starts + row_seconds(starts, person.frame_times)
    apart = np.flatnonzero(starts[1:] - ends[:-1] > max(least_s, 1e-6)) + 1
    first, last = np.concatenate([[0], apart]), np.concatenate([apart, [len(rows)]]) - 1
    pairs = zip(starts[first].tolist(), ends[last].tolist(), strict=True)
    return [(start, end) for start, end in pairs if end - start >= least_s]
