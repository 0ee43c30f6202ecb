"""One value for each participant and cell, and what is odd about these values."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.statistics.design import VALUE, Design, as_text, offenders, usable_rows

# Fewer participants in a cell give effects that another sample would hardly repeat.
FEW: Final = 10
_UNBALANCED: Final = 1.5
# Measures between 0 and 1 of expressions; valence and arousal go from -1 to 1.
_BOUNDED: Final = frozenset({"mean", "median", "max", "dominant_share"})
# Counts and areas that often are exactly zero.
_FROM_ZERO: Final = frozenset({"episodes", "episodes_per_min"})
_NEAR: Final = 0.01
_MOST_AT_LIMIT: Final = 0.5


def participant_values(table: pd.DataFrame, design: Design, signals: Sequence[str]) -> pd.DataFrame:
    """Means over recordings, events and occurrences.

    Returns:
        Columns signal, participant, the factors, the stimulus if any (all text), value: one row
        for each participant, signal and combination of levels. Participants in two groups, and
        rows with a missing level or value, are left out.

    Raises:
        InputError: no row of these signals is left.
    """
    rows = usable_rows(table, design.measure)
    keys = [*design.factors, *([design.stimulus] if design.stimulus else [])]
    if missing := [k for k in keys if k not in rows]:
        raise InputError(f"The table has no column {', '.join(missing)}.")
    wrong = {who for f in design.between for who in offenders(rows, f)}
    values = pd.DataFrame({k: as_text(rows[k]) for k in ["signal", "participant", *keys]})
    values[VALUE] = pd.to_numeric(rows[design.measure], errors="coerce").astype(np.float64)
    kept = values["signal"].isin(signals) & ~values["participant"].isin(wrong)
    kept &= np.isfinite(values[VALUE]) & (values[keys] != "").all(axis=1)
    values = values[kept]
    if values.empty:
        raise InputError(f"No values of {design.measure} are left to compare.")
    columns = ["signal", "participant", *keys]
    return values.groupby(columns, sort=True, as_index=False)[VALUE].mean()


def cell_counts(values: pd.DataFrame, factors: Sequence[str]) -> "pd.Series[int]":
    """Participants in each cell, for the signal with most of them; index: the factors' levels."""
    one = values[values["signal"] == values["signal"].value_counts().idxmax()]
    if not factors:
        return pd.Series([one["participant"].nunique()], index=["all"])
    counts = one.groupby(list(factors))["participant"].nunique()
    if len(factors) > 1:
        every = pd.MultiIndex.from_product([sorted(one[f].unique()) for f in factors])
        counts = counts.reindex(every, fill_value=0)
    return counts


def warnings_about(values: pd.DataFrame, design: Design) -> Iterator[str]:
    """Sentences on small, empty and unbalanced cells, and on values at the end of their range."""
    counts = cell_counts(values, design.factors)
    names = [" × ".join(i) if isinstance(i, tuple) else str(i) for i in counts.index]
    empty = [name for name, n in zip(names, counts, strict=True) if not n]
    few = [f"{name} {n}" for name, n in zip(names, counts, strict=True) if 0 < n < FEW]
    if empty:
        yield f"No participant in {', '.join(empty)}."
    if few:
        yield (
            f"Fewer than {FEW} participants in {', '.join(few)}: effects of so few are uncertain,"
            " whatever their p."
        )
    filled = counts[counts > 0]
    if filled.max() > _UNBALANCED * filled.min():
        told = ", ".join(f"{name} {n}" for name, n in zip(names, counts, strict=True))
        yield f"Cells are unbalanced: {told} participants."
    yield from _missing_cells(values, design)
    yield from _at_limits(values, design.measure)


def _missing_cells(values: pd.DataFrame, design: Design) -> Iterator[str]:
    if not design.within:
        return
    one = values[values["signal"] == values["signal"].value_counts().idxmax()]
    within = list(design.within)
    cells = one.drop_duplicates(["participant", *within]).groupby("participant").size()
    missing = sorted(cells[cells < cells.max()].index)
    if missing:
        left_out = "are left out" if design.kind == "paired" else "count with what there is"
        yield (
            f"Participants without a value in every level of {' and '.join(within)} {left_out}:"
            f" {', '.join(missing)}."
        )


def _at_limits(values: pd.DataFrame, measure: str) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for signal, group in values.groupby("signal"):
        x = group[VALUE].to_numpy()
        expression = signal in EXPRESSIONS
        if measure in _BOUNDED:
            low, high = (0.0 if expression else -1.0), 1.0
        elif measure in _FROM_ZERO:
            low, high = 0.0, np.inf
        else:
            continue
        for end, share in (
            ("lowest", np.mean(x <= low + _NEAR)),
            ("highest", np.mean(x >= high - _NEAR)),
        ):
            if share >= _MOST_AT_LIMIT and np.ptp(x) > 0:
                found.setdefault(end, []).append(str(signal))
    for end, signals in found.items():
        yield (
            f"At least half of the values of {', '.join(signals)} are at the {end} that the measure"
            " can be (floor or ceiling): differences may be hidden, and means mislead."
        )
