"""Recordings under test: their clock, their faces and pictures."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotion_core.datatypes import FrameResult


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def result(tracks: tuple[int, ...] = (1,), top: int = 3) -> FrameResult:
    n = len(tracks)
    probs = np.full((n, 7), 0.05, np.float32)
    probs[:, top] = 0.7
    boxes, ones = np.tile(np.array([1, 2, 11, 12], np.float32), (n, 1)), np.ones(n, np.float32)
    no = np.zeros(n, bool)
    return FrameResult(7, 99.0, boxes, np.array(tracks), probs, probs, ones, no, no, ((),) * n)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "faces.csv").read_text())))


def picture(value: int, width: int = 64) -> Callable[[], np.ndarray]:
    return lambda: np.full((48, width, 3), value, np.uint8)
