"""Tables of faces as an analysis writes them, with known content."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emotion_core.datatypes import FrameResult, QualityHint
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.faces_writer import FacesWriter


def result(
    index: int, ids: Sequence[int], label: str = "happy", scores: Sequence[float] | None = None
) -> FrameResult:
    """Faces of one frame, all with the same expression."""
    n = len(ids)
    probs = np.full((n, 7), 0.05, np.float32)
    probs[:, EXPRESSIONS.index(label)] = 0.7
    return FrameResult(
        index=index,
        time_s=index / 10,
        boxes=np.array([[10 * i, 5, 10 * i + 8, 17] for i in range(n)], np.float32).reshape(-1, 4),
        track_ids=np.array(ids),
        raw_probs=probs,
        probs=probs,
        detection_scores=np.array(scores or [3.0] * n),
        predicted=np.zeros(n, bool),
        unsure=np.zeros(n, bool),
        quality=((QualityHint.DARK, QualityHint.SMALL),) * n,
    )


def write_faces(folder: Path) -> Path:
    """faces.csv with frames 0-9: nobody in 0, only person 1 until 4, then 1 and 2."""
    path = folder / "faces.csv"
    with FacesWriter(path) as writer:
        writer.write(FrameResult.empty(0, 0.0))
        for index in range(1, 5):
            writer.write(result(index, [1]))
        for index in range(5, 10):
            writer.write(result(index, [1, 2], "sad", [3.0, 5.0]))
    return path
