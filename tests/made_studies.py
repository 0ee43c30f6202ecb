"""Studies written for tests: results folders with known readings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from study_folders import study_with

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import COLUMNS
from emotion_core.study.definitions import Event, Recording, StudySettings
from emotion_core.study.folder import Study


def probs_of(expression: str, probability: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """(N, 7): one expression has these probabilities, the others share the rest."""
    values = np.asarray(probability, np.float64)
    probs = np.repeat((1 - values)[:, None] / 6, 7, axis=1)
    probs[:, EXPRESSIONS.index(expression)] = values
    return probs


def faces_csv(
    probs: NDArray[Any],
    fps: float = 10.0,
    person: int = 1,
    columns: Sequence[str] = COLUMNS,
    **more: Sequence[Any] | NDArray[Any],
) -> list[str]:
    """The lines of faces.csv of one person, header first; a row of NaN is a frame without a face.

    Args:
        probs: (N, 7).
        fps: frames a second.
        person: the identity.
        columns: of the table.
        more: N values of a column.
    """
    lines = [",".join(columns)]
    for i, row in enumerate(np.asarray(probs, np.float64)):
        cells = {"frame": i, "time_s": f"{i / fps:.6f}", "shot": 1}
        if not np.isnan(row[0]):
            box = {"x": 10, "y": 10, "width": 50, "height": 50, "detection_score": 5.0}
            cells |= {"track_id": person, "tracklet": person, "predicted": 0, "unsure": 0, **box}
            cells |= {name: f"{p:.6f}" for name, p in zip(EXPRESSIONS, row, strict=True)}
            cells |= {"emotion": EXPRESSIONS[int(row.argmax())], "confidence": f"{row.max():.6f}"}
        cells |= {name: values[i] for name, values in more.items()}
        lines.append(",".join(str(cells.get(name, "")) for name in columns))
    return lines


def write_table(folder: Path, lines: Sequence[str]) -> Path:
    """A results folder with this table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faces.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def made_study(
    folder: Path,
    recordings: Sequence[Recording],
    events: Sequence[Event] = (),
    settings: StudySettings | None = None,
) -> Study:
    """A study in a new folder."""
    study = study_with(folder, recordings).with_events(events)
    return study.with_settings(settings or StudySettings())
