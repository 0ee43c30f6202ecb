"""Codings for tests: the two tables of a coding store, from short descriptions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emotion_core.study.agreement.coding import CODES, UNITS, Coding, read_coding

CATEGORIES = ("happy", "sad", "neutral")
# coder, recording, start_s, end_s, code, and an intensity or nothing.
Row = tuple[Any, ...]


def codes_table(rows: Sequence[Row], unit: str = "whole") -> pd.DataFrame:
    """The table of codes; the code "?" is one that the coder could not tell."""
    made = [
        {
            "coder": row[0],
            "recording": row[1],
            "unit": unit,
            "start_s": float(row[2]),
            "end_s": float(row[3]),
            "code": "" if row[4] == "?" else row[4],
            "intensity": float(row[5]) if len(row) > 5 else np.nan,
            "cannot_tell": row[4] == "?",
            "note": "",
        }
        for row in rows
    ]
    return pd.DataFrame(made, columns=list(CODES))


def units_table(
    coders: Sequence[str], recordings: Sequence[str], end_s: float = 10.0, start_s: float = 0.0
) -> pd.DataFrame:
    """One finished unit for each coder and recording."""
    made = [(c, r, "whole", start_s, end_s, False, True) for c in coders for r in recordings]
    return pd.DataFrame(made, columns=list(UNITS))


def coding(
    rows: Sequence[Row],
    coders: Sequence[str] = ("A", "B"),
    recordings: Sequence[str] = ("r1",),
    end_s: float = 10.0,
) -> Coding:
    """A coding of whole recordings."""
    return read_coding(codes_table(rows), units_table(coders, recordings, end_s), CATEGORIES)


def random_rows(
    rng: np.random.Generator,
    coders: Sequence[str],
    recordings: Sequence[str],
    seconds: int,
    agreement: float = 0.7,
) -> list[Row]:
    """A code of one second each, or none, on which the coders agree by this share."""
    rows: list[Row] = []
    for recording in recordings:
        for second in range(seconds):
            truth = int(rng.integers(0, 4))
            for coder in coders:
                own = truth if rng.random() < agreement else int(rng.integers(0, 4))
                if own < 3:
                    value = round(float(np.clip(rng.normal(2 + own, 1), 1, 5)))
                    rows.append((coder, recording, second, second + 1, CATEGORIES[own], value))
    return rows
