"""Permutation tests of means, over participants: exact where few orders exist, else random ones.

A random order counts the observed one too: p = (1 + as extreme) / (1 + permutations) (Phipson &
Smyth 2010, doi 10.2202/1544-6115.1585). The same seed gives the same p.
"""

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Rounding must not decide whether an order is as extreme as the observed one.
_TIE: Final = 1e-9
# Numbers kept in memory at once by one block of orders.
_BLOCK: Final = 4_000_000


def two_groups(a: Floats, b: Floats, permutations: int = 9999, seed: int = 0) -> float:
    """Two-sided p of the difference in means of two groups, by shuffling who is in which.

    The difference is divided by Welch's standard error in every order, which keeps the test valid
    where the groups have different variances or sizes (Janssen 1997; Chung & Romano 2013,
    doi 10.1214/13-AOS1090).
    """
    values = np.concatenate([a, b])
    values = values - values.mean()
    seen = _welch_t(values, np.arange(len(values))[None, :] < len(a), len(a))[0]
    extreme = total = 0
    for first in memberships(len(values), len(a), permutations, seed):
        t = _welch_t(values, first, len(a))
        extreme += int((np.abs(t) >= abs(seen) * (1 - _TIE)).sum())
        total += len(first)
    return _p(extreme, total, exact=all_choices(len(values), len(a), permutations))


def _welch_t(values: Floats, first: NDArray[np.bool_], size: int) -> Floats:
    """(B,) Welch's t for each row of memberships (B, n)."""
    rest, member = len(values) - size, first.astype(np.float64)
    sums, squares = member @ values, member @ values**2
    mean_a, mean_b = sums / size, (values.sum() - sums) / rest
    # Rounding may leave a variance slightly below zero.
    var_a = np.maximum(squares / size - mean_a**2, 0) / (size - 1)
    var_b = np.maximum(((values**2).sum() - squares) / rest - mean_b**2, 0) / (rest - 1)
    error = np.sqrt(var_a + var_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (mean_a - mean_b) / error
    return np.where(error > 0, t, np.where(mean_a == mean_b, 0.0, np.inf))


def sign_flips(differences: Floats, permutations: int = 9999, seed: int = 0) -> float:
    """Two-sided p of the mean of (n,) differences, by flipping their signs.

    Valid where the differences are symmetric around zero if nothing is there. Their sum of squares
    never changes, so that the mean orders the flips as t does.
    """
    seen, extreme, total = abs(differences.sum()), 0, 0
    for signs in flips(len(differences), permutations, seed):
        extreme += int((np.abs(signs @ differences) >= seen * (1 - _TIE)).sum())
        total += len(signs)
    return _p(extreme, total, exact=all_flips(len(differences), permutations))


def _p(extreme: int, total: int, *, exact: bool) -> float:
    return extreme / total if exact else (1 + extreme) / (1 + total)


def all_choices(count: int, size: int, permutations: int) -> bool:
    """Whether `memberships` gives every choice of `size` out of `count`."""
    return comb(count, size) <= permutations + 1


def all_flips(count: int, permutations: int) -> bool:
    """Whether `flips` gives every combination of signs."""
    return count < 63 and 2**count <= permutations + 1


def memberships(
    count: int, size: int, permutations: int, seed: int, width: int = 1
) -> Iterator[NDArray[np.bool_]]:
    """Blocks (B, count) of who is in the first group of `size`: all choices, or random ones.

    All of them, the observed one included, where they are not more than `permutations` + 1.
    `width` is how many numbers each order will need besides.
    """
    if all_choices(count, size, permutations):
        chosen = list(combinations(range(count), size))
        first = np.zeros((len(chosen), count), np.bool_)
        np.put_along_axis(first, np.array(chosen), True, axis=1)
        yield from _parts(first, width)
        return
    for order in orders(count, permutations, seed, width):
        first = np.zeros(order.shape, np.bool_)
        np.put_along_axis(first, order[:, :size], True, axis=1)
        yield first


def orders(count: int, permutations: int, seed: int, width: int = 1) -> Iterator[NDArray[np.int64]]:
    """Blocks (B, count) of random orders of `count` things, `permutations` in all."""
    rng = np.random.default_rng(seed)
    for block in _block_sizes(permutations, count + width):
        yield np.argsort(rng.random((block, count)), axis=1)


def flips(count: int, permutations: int, seed: int, width: int = 1) -> Iterator[Floats]:
    """Blocks (B, count) of signs: all of them where they are few, else random ones."""
    if all_flips(count, permutations):
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        yield from _parts(1.0 - 2.0 * bits, width)
        return
    rng = np.random.default_rng(seed)
    for block in _block_sizes(permutations, count + width):
        yield np.where(rng.integers(0, 2, (block, count)) > 0, -1.0, 1.0)


def _block_sizes(total: int, width: int) -> Iterator[int]:
    size = max(1, _BLOCK // width)
    for start in range(0, total, size):
        yield min(size, total - start)


def _parts(rows: NDArray[Any], width: int) -> Iterator[NDArray[Any]]:
    size = max(1, _BLOCK // (rows.shape[1] + width))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
