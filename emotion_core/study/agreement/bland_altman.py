"""Bland–Altman analysis of shares of time: do two coders find as much of a category?

Bland & Altman (1986, doi 10.1016/S0140-6736(86)90837-8): the mean difference, and the limits within
which 95% of differences lie, with their confidence intervals.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from emotion_core.results.face_table import Float64Array
from emotion_core.study.agreement.steps import Steps, pair_tables
from emotion_core.study.statistics.effects import CONFIDENCE, Estimate, mean_interval

_TAIL: Final = (1 - CONFIDENCE) / 2
_NORMAL: Final = float(stats.norm.ppf(1 - _TAIL))


@dataclass(frozen=True, slots=True)
class Limits:
    """Mean difference and limits of agreement, each with its 95% interval, of `count` units."""

    bias: Estimate
    low: Estimate
    high: Estimate
    count: int


def limits_of_agreement(differences: ArrayLike) -> Limits:
    """Limits of (n,) differences; NaN with fewer than two."""
    values = np.asarray(differences, np.float64)
    count = len(values)
    bias = mean_interval(values)
    if count < 2:
        none = Estimate(math.nan, math.nan, math.nan)
        return Limits(bias, none, none, count)
    spread = float(values.std(ddof=1))
    # The standard error of a limit: Bland & Altman (1999, doi 10.1177/096228029900800204).
    error = spread * math.sqrt(1 / count + _NORMAL**2 / (2 * (count - 1)))
    half = float(stats.t.ppf(1 - _TAIL, count - 1)) * error
    ends = (bias.value - _NORMAL * spread, bias.value + _NORMAL * spread)
    low, high = (Estimate(end, end - half, end + half) for end in ends)
    return Limits(bias, low, high, count)


def shares(steps: Steps, first: str, second: str) -> pd.DataFrame:
    """Share of time of each category in each participant's time that both coders have told.

    Returns:
        Columns participant, category, first, second (shares, 0 to 1), mean, difference (the first
        minus the second), seconds (what the shares are of). Participants without shared time are
        left out.
    """
    tables = pair_tables(steps, first, second)
    total = tables.sum((1, 2))
    members = steps.members.astype(np.float64)
    rows = []
    for owner, of, participant in zip(tables, total, steps.participants, strict=True):
        if not of:
            continue
        a, b = owner.sum(1) @ members / of, owner.sum(0) @ members / of
        for k, category in enumerate(steps.categories):
            rows.append((participant, category, float(a[k]), float(b[k]), of * steps.step_s))
    frame = pd.DataFrame(rows, columns=["participant", "category", "first", "second", "seconds"])
    frame["mean"] = (frame["first"] + frame["second"]) / 2
    frame["difference"] = frame["first"] - frame["second"]
    return frame


def difference_values(frame: pd.DataFrame, category: str) -> Float64Array:
    """(n,) differences of one category."""
    return frame.loc[frame["category"] == category, "difference"].to_numpy(np.float64)
