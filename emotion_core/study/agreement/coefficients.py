"""Coefficients of agreement, each from sums that can be added up over participants.

All take arrays with any leading dimensions, so that a thousand bootstrap draws are computed at
once, and are NaN where a coefficient is not defined.
"""

import numpy as np
from numpy.typing import ArrayLike

from emotion_core.results.face_table import Float64Array


def agreement_share(tables: ArrayLike) -> Float64Array:
    """(...) share of (..., K, K) tables that is on the diagonal."""
    table = np.asarray(tables, np.float64)
    return _ratio(np.trace(table, axis1=-2, axis2=-1), table.sum((-2, -1)))


def kappa(tables: ArrayLike) -> Float64Array:
    """(...) Cohen's κ of (..., K, K) tables (Cohen 1960, doi 10.1177/001316446002000104).

    With seconds or equal steps of time as counts it is the time-weighted κ. NaN where both coders
    used one and the same category only.
    """
    table = np.asarray(tables, np.float64)
    total = table.sum((-2, -1))
    rows, columns = table.sum(-1), table.sum(-2)
    chance = _ratio((rows * columns).sum(-1), total**2)
    return _ratio(agreement_share(table) - chance, 1 - chance)


def event_kappa(tables: ArrayLike) -> Float64Array:
    """(...) κ of (..., K + 1, K + 1) tables of events, the last row and column for no partner.

    No event can be missed by both coders: that cell is empty by construction. Chance is therefore
    what quasi-independence expects of the other cells (Bakeman, Quera & Gnisci 2009, doi
    10.3758/BRM.41.1.137). With this one empty cell, iterative proportional fitting ends where the
    paired events of the two coders are independent of each other and the number of pairs is kept,
    which is computed here directly.
    """
    table = np.asarray(tables, np.float64)
    total = table.sum((-2, -1))
    # Events of the first and of the second coder by category, those without a partner, too.
    rows, columns = table.sum(-1)[..., :-1], table.sum(-2)[..., :-1]
    pairs = table[..., :-1, :-1].sum((-2, -1))
    together = (rows * columns).sum(-1) * pairs
    of_pairs = _ratio(together, rows.sum(-1) * columns.sum(-1), 0.0)
    chance = _ratio(of_pairs, total)
    return _ratio(agreement_share(table) - chance, 1 - chance)


def f1(tables: ArrayLike) -> Float64Array:
    """(..., K) F1 of each category of (..., K + 1, K + 1) tables of events.

    Twice the matched events over all events of both coders; it does not depend on which of the two
    is taken as the reference.
    """
    table = np.asarray(tables, np.float64)
    matched = np.diagonal(table, axis1=-2, axis2=-1)
    return _ratio(2 * matched, table.sum(-1) + table.sum(-2))[..., :-1]


def overall_f1(tables: ArrayLike) -> Float64Array:
    """(...) F1 of all categories together (micro average)."""
    table = np.asarray(tables, np.float64)
    matched = np.trace(table, axis1=-2, axis2=-1)
    events = table[..., :-1, :].sum((-2, -1)) + table[..., :, :-1].sum((-2, -1))
    return _ratio(2 * matched, events)


def coincidences(counts: ArrayLike) -> Float64Array:
    """(U, V, V) what each unit adds to Krippendorff's coincidence matrix.

    Args:
        counts: (U, V) coders who gave the unit each value; a unit of fewer than two adds nothing.
    """
    given = np.asarray(counts, np.float64)
    pairs = given[:, :, None] * given[:, None, :] - given[:, :, None] * np.eye(given.shape[1])
    return pairs / np.maximum(given.sum(1) - 1, 1)[:, None, None]


def alpha(matrices: ArrayLike, level: str = "nominal", values: ArrayLike = ()) -> Float64Array:
    """(...) Krippendorff's α of (..., V, V) coincidence matrices.

    Krippendorff (2019, Content Analysis, 4th ed., chapter 12). The matrices of units can be added
    up, which a bootstrap over participants needs.

    Args:
        matrices: sums of `coincidences`.
        level: "nominal", "ordinal" or "interval".
        values: (V,) the values, increasing; only an interval scale needs them.
    """
    observed = np.asarray(matrices, np.float64)
    margins = observed.sum(-1)
    total = margins.sum(-1)
    distances = _distances(level, margins, np.asarray(values, np.float64))
    # The diagonal, a value paired with itself, has no distance.
    expected = margins[..., :, None] * margins[..., None, :]
    disagreement = (observed * distances).sum((-2, -1))
    by_chance = (expected * distances).sum((-2, -1))
    return 1 - _ratio((total - 1) * disagreement, by_chance)


def _distances(level: str, margins: Float64Array, values: Float64Array) -> Float64Array:
    size = margins.shape[-1]
    if level == "nominal":
        return np.asarray(1.0 - np.eye(size))
    if level == "interval":
        return np.asarray((values[:, None] - values[None, :]) ** 2)
    # Ranks: all that lies between two values, and half of these two.
    middle = np.cumsum(margins, -1) - margins / 2
    return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)


def _ratio(top: Float64Array, bottom: Float64Array, otherwise: float = np.nan) -> Float64Array:
    """A quotient, and something else where the divisor is zero, but for rounding."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    out = np.full(top.shape, otherwise)
    return np.divide(top, bottom, out=out, where=np.abs(bottom) > 1e-12)
