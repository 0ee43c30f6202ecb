"""Courses over time: means over participants with intervals, and cluster-based permutation tests.

A test at every moment would find differences by chance. The cluster test asks whether a *stretch*
of neighbouring moments differs more than stretches do when groups are shuffled (Maris & Oostenveld
2007, doi 10.1016/j.jneumeth.2007.03.024). It shows that there is a difference; where exactly it
begins and ends is not tested (Sassenhagen & Draschkow 2019, doi 10.1111/psyp.13335).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from emotion_core.errors import InputError
from emotion_core.study.statistics.permutation import (
    all_choices,
    all_flips,
    flips,
    memberships,
    orders,
)

Floats = NDArray[np.float64]
# Moments at which fewer participants are seen have no interval and end a cluster.
LEAST_PARTICIPANTS: Final = 2
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class MeanCurve:
    """Mean over participants at each moment, with its 95% t interval; four arrays of shape (T,).

    `participants` counts those seen; the mean is NaN where there are none, and the interval where
    there are fewer than two.
    """

    mean: Floats
    low: Floats
    high: Floats
    participants: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Neighbouring moments that all differ in one direction.

    Attributes:
        start_s, end_s: its first and its last moment.
        statistic: sum of t over its moments (of F for more than two groups); the sign of t tells
            the direction.
        p: share of shuffles whose largest cluster has at least this mass.
    """

    start_s: float
    end_s: float
    statistic: float
    p: float


def mean_curve(values: ArrayLike) -> MeanCurve:
    """Mean curve of (P, T) values, one row a participant; NaN where a participant is not seen.

    Raises:
        InputError: not a table of participants by moments.
    """
    table = _table(values)
    seen = np.isfinite(table)
    count = seen.sum(0)
    total = np.where(seen, table, 0.0).sum(0)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    squares = np.where(seen, (table - mean) ** 2, 0.0).sum(0)
    enough = count >= LEAST_PARTICIPANTS
    df = np.where(enough, count - 1, 1)
    half = stats.t.ppf(0.975, df) * np.sqrt(squares / df / np.maximum(count, 1))
    half = np.where(enough, half, np.nan)
    return MeanCurve(mean, mean - half, mean + half, count)


def cluster_test(
    *samples: ArrayLike,
    times_s: ArrayLike,
    permutations: int = 4999,
    seed: int = 0,
    threshold_p: float = 0.05,
) -> list[Cluster]:
    """Clusters of moments that differ, ordered by time, those without evidence (large p) included.

    Args:
        samples: one (P, T) array of differences within participants, or of corrected values, is
            tested against zero by flipping participants' signs; two independent groups with
            Welch's t, more with F, by shuffling participants over groups. NaN: not seen.
        times_s: (T,) moments, rising.
        permutations: random shuffles; all possible ones where they are fewer.
        seed: of the shuffles.
        threshold_p: moments with a smaller p form clusters. It decides which clusters are looked
            at, and not how often they are found where nothing is there.

    Raises:
        InputError: shapes that do not fit, or fewer than two participants in a sample.
    """
    tables = [_table(s) for s in samples]
    times = np.asarray(times_s, np.float64)
    _check(tables, times)
    if not 0 < threshold_p < 1:
        raise InputError(f"threshold_p must be between 0 and 1, not {threshold_p}.")
    statistic, shuffles = _plan(tables, threshold_p, permutations, seed)
    seen = _clusters(statistic(_observed(tables))[0])
    if not seen:
        return []
    largest = np.concatenate([_largest_mass(statistic(block)) for block in shuffles])
    exact = _all_shuffles([len(t) for t in tables], permutations)
    return [
        Cluster(float(times[first]), float(times[last]), mass, _p(largest, abs(mass), exact=exact))
        for first, last, mass in seen
    ]


def _p(largest: Floats, mass: float, *, exact: bool) -> float:
    extreme = int((largest >= mass * (1 - _TIE)).sum())
    return extreme / len(largest) if exact else (1 + extreme) / (1 + len(largest))


def _table(values: ArrayLike) -> Floats:
    table = np.asarray(values, np.float64)
    if table.ndim != 2:
        raise InputError(f"Curves are a table of participants by moments, not {table.ndim}-d.")
    return table


def _check(tables: Sequence[Floats], times: Floats) -> None:
    if not tables:
        raise InputError("A cluster test needs at least one sample of curves.")
    if any(t.shape[1] != len(times) for t in tables) or times.ndim != 1:
        raise InputError("Every curve must have one value for each moment.")
    if any(len(t) < LEAST_PARTICIPANTS for t in tables):
        raise InputError("A cluster test needs at least two participants in each group.")


def _all_shuffles(sizes: Sequence[int], permutations: int) -> bool:
    if len(sizes) == 1:
        return all_flips(sizes[0], permutations)
    return len(sizes) == 2 and all_choices(sum(sizes), sizes[0], permutations)


# A statistic takes a block of shuffles and gives (B, T): zero below the threshold.
_Statistic = Callable[[Floats], Floats]


def _observed(tables: Sequence[Floats]) -> Floats:
    """The shuffle that leaves everything as it is: (1, P) signs or numbers of groups."""
    if len(tables) == 1:
        return np.ones((1, len(tables[0])))
    return np.repeat(np.arange(float(len(tables))), [len(t) for t in tables])[None, :]


def _plan(
    tables: Sequence[Floats], threshold_p: float, permutations: int, seed: int
) -> tuple[_Statistic, Iterator[Floats]]:
    table = np.vstack(tables)
    count, width = table.shape
    sizes = [len(t) for t in tables]
    seen = np.isfinite(table).astype(np.float64)
    # Around the mean of each moment: sums of squares then lose no digits.
    with np.errstate(invalid="ignore"):
        centre = np.where(seen > 0, table, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    if len(tables) == 1:
        values = np.where(seen > 0, table, 0.0)
        return _one_sample(values, seen, threshold_p), flips(count, permutations, seed, 4 * width)
    values = np.where(seen > 0, table - centre, 0.0)
    statistic = _between(values, seen, len(tables), threshold_p)
    width *= 4 * len(tables)
    if len(tables) == 2:
        blocks = memberships(count, sizes[0], permutations, seed, width)
        return statistic, (np.where(first, 0.0, 1.0) for first in blocks)
    groups = _observed(tables)[0]
    return statistic, (groups[order] for order in orders(count, permutations, seed, width))


def _one_sample(values: Floats, seen: Floats, threshold_p: float) -> _Statistic:
    count = seen.sum(0)
    squares = (values**2).sum(0)
    limit = _t_limit(count - 1, threshold_p)

    def statistic(signs: Floats) -> Floats:
        mean = signs @ values / np.maximum(count, 1)
        variance = np.maximum(squares - count * mean**2, 0) / np.maximum(count - 1, 1)
        return _above(_ratio(mean, np.sqrt(variance / np.maximum(count, 1))), limit)

    return statistic


def _between(values: Floats, seen: Floats, groups: int, threshold_p: float) -> _Statistic:
    df = seen.sum(0) - groups
    two = groups == 2
    limit = _t_limit(df, threshold_p) if two else _f_limit(groups - 1, df, threshold_p)

    def statistic(numbers: Floats) -> Floats:
        members = [(numbers == g).astype(np.float64) for g in range(groups)]
        counts = np.stack([m @ seen for m in members])
        sums = np.stack([m @ values for m in members])
        squares = np.stack([m @ values**2 for m in members])
        means = sums / np.maximum(counts, 1)
        # Left over from the group means; never below zero, whatever the rounding.
        within = np.maximum(squares - counts * means**2, 0)
        if two:
            errors = (within / np.maximum(counts - 1, 1) / np.maximum(counts, 1)).sum(0)
            found = _ratio(means[0] - means[1], np.sqrt(errors))
        else:
            grand = sums.sum(0) / np.maximum(counts.sum(0), 1)
            between = (counts * (means - grand) ** 2).sum(0) / (groups - 1)
            found = _ratio(between, within.sum(0) / np.maximum(df, 1))
        enough = (counts >= LEAST_PARTICIPANTS).all(0)
        return _above(np.where(enough, found, 0.0), limit)

    return statistic


def _ratio(value: Floats, error: Floats) -> Floats:
    """value / error, and 0 where all participants agree to the last digit."""
    return np.divide(value, error, out=np.zeros(value.shape), where=error > 1e-12)


def _t_limit(df: Floats, p: float) -> Floats:
    """(T,) the t that forms clusters; never reached without degrees of freedom.

    For two groups it is that of equal variances: any limit is allowed, as long as it is the same in
    all shuffles.
    """
    return np.where(df >= 1, stats.t.ppf(1 - p / 2, np.maximum(df, 1)), np.inf)


def _f_limit(df1: int, df2: Floats, p: float) -> Floats:
    return np.where(df2 >= 1, stats.f.ppf(1 - p, df1, np.maximum(df2, 1)), np.inf)


def _above(statistic: Floats, limit: Floats) -> Floats:
    return np.where(np.abs(statistic) > limit, statistic, 0.0)


def _clusters(statistic: Floats) -> list[tuple[int, int, float]]:
    """First moment, last moment and mass of each cluster of a (T,) statistic."""
    sign = np.sign(statistic)
    edges = np.flatnonzero(np.diff(sign, prepend=0.0, append=0.0))
    return [
        (int(a), int(b) - 1, float(statistic[a:b].sum())) for a, b in pairwise(edges) if sign[a]
    ]


def _largest_mass(statistic: Floats) -> Floats:
    """(B,) mass of the largest cluster of each row of (B, T), either sign; 0 without any."""
    largest = np.zeros(len(statistic))
    for signed in (np.maximum(statistic, 0), np.maximum(-statistic, 0)):
        mass = np.zeros(len(statistic))
        for column in signed.T:
            mass = np.where(column > 0, mass + column, 0.0)
            np.maximum(largest, mass, out=largest)
    return largest
