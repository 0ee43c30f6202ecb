"""Where two coders disagree, and for how long."""

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from emotion_core.study.agreement.measures import DISAGREEMENT_COLUMNS
from emotion_core.study.agreement.steps import RecordingSteps, Steps


def disagreements(steps: Steps, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Unbroken stretches in which two coders say different things, the longest first.

    Args:
        steps: all coders.
        pairs: the pairs of coders.

    Returns:
        `DISAGREEMENT_COLUMNS`: times are seconds on the clock of the video, to a step; codes are
        labels of `Steps.labels`.
    """
    rows = [
        row
        for first, second in pairs
        for one in steps.recordings
        for row in _of(one, steps, first, second)
    ]
    frame = pd.DataFrame(rows, columns=list(DISAGREEMENT_COLUMNS))
    order = ["seconds", "recording", "start_s", "first", "second"]
    ascending = [False, True, True, True, True]
    return frame.sort_values(order, ascending=ascending, kind="stable", ignore_index=True)


def _of(
    one: RecordingSteps, steps: Steps, first: str, second: str
) -> list[tuple[str | float, ...]]:
    a, b = (one.labels[row] for row in steps.rows((first, second)))
    cells = np.where((a >= 0) & (b >= 0) & (a != b), a * len(steps.labels) + b, -1)
    edges = np.flatnonzero(np.diff(cells, prepend=-1, append=-1))
    found: list[tuple[str | float, ...]] = []
    for start, end in itertools.pairwise(edges):
        if cells[start] < 0:
            continue
        codes = divmod(int(cells[start]), len(steps.labels))
        times = one.grid.origin_s + np.array([start, end]) / one.grid.rate_hz
        low, high = (round(float(t), 6) for t in times)
        words = [steps.labels[i] for i in codes]
        found.append(
            (one.recording, one.participant, low, high, round(high - low, 6), first, second, *words)
        )
    return found
