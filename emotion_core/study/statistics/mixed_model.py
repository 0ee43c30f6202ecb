"""Linear mixed models of a study: random participants and stimuli, estimated means, contrasts.

Fixed effects are all cells of the factors; random are participants, participants within the levels
of within-factors where they give several values there, and stimuli, crossed with participants.
With at least `STIMULI_FOR_SLOPES` stimuli these may also differ in how they affect the levels of a
factor, so that effects hold for other stimuli, too (Westfall, Kenny & Judd 2014,
doi 10.1037/xge0000014; Barr, Levy, Scheepers & Tily 2013, doi 10.1016/j.jml.2012.11.001).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from emotion_core.study.statistics.design import STIMULI_FOR_SLOPES, VALUE
from emotion_core.study.statistics.effects import Estimate, t_test
from emotion_core.study.statistics.outcome import Effect, FTest, LevelMean, effect_of_several
from emotion_core.study.statistics.reml import Fit, fit_reml

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Terms = dict[str, Ints]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model of one signal.

    Attributes:
        factors: name of each factor and its levels, in order.
        rows: (cells, p): the mean of each cell, the last factor's level changing fastest, as a
            combination of the fixed effects.
        fit: the fit.
        participants: how many contribute.
        crossed: whether every cell was seen, so that interactions can be told.
        cell_participants: (cells,) participants seen in each.
        singular: random factors whose variance was estimated as zero.
        note: what had to be given up for the fit, "" for nothing.
    """

    factors: dict[str, list[str]]
    rows: Floats
    fit: Fit
    participants: int
    crossed: bool
    cell_participants: NDArray[np.integer[Any]]
    singular: tuple[str, ...]
    note: str


def fit_model(
    values: pd.DataFrame, between: Sequence[str], within: Sequence[str], stimulus: str | None
) -> Model | None:
    """Fit the model of one signal; None where the values do not suffice.

    Where the full model does not converge, the variances of stimuli are dropped, and then all but
    those of participants, whose values are averaged within cells.

    Args:
        values: columns participant, the factors, the stimulus, value; one row for each combination.
        between, within, stimulus: names of these columns.
    """
    names = [*between, *within]
    for terms, data, note in _attempts(values, names, within, stimulus):
        factors = {f: sorted(data[f].unique()) for f in names}
        if any(len(found) < 2 for found in factors.values()):
            return None
        rows, crossed = _cell_rows(data, factors)
        place = _cell_numbers(data, factors)
        x, y = rows[place], data[VALUE].to_numpy(np.float64)
        if len(y) <= x.shape[1] or np.linalg.matrix_rank(x) < x.shape[1]:
            return None
        fit = fit_reml(y, x, list(terms.values()))
        if fit.converged:
            zero = fit.variances[:-1] == 0
            people = data.assign(cell=place).groupby("cell")["participant"].nunique()
            return Model(
                factors=factors,
                rows=rows,
                fit=fit,
                participants=data["participant"].nunique(),
                crossed=crossed,
                cell_participants=people.reindex(range(len(rows)), fill_value=0).to_numpy(),
                singular=tuple(name for name, at in zip(terms, zero, strict=True) if at),
                note=note,
            )
    return None


def _attempts(
    values: pd.DataFrame, names: Sequence[str], within: Sequence[str], stimulus: str | None
) -> Iterator[tuple[Terms, pd.DataFrame, str]]:
    people = participant_terms(values, within)
    if stimulus:
        yield people | stimulus_terms(values, names, stimulus), values, ""
    told = "the variance of stimuli was dropped" if stimulus else ""
    yield people, values, told
    means = values.groupby(["participant", *names])[VALUE].mean().reset_index()
    terms = {"participant": _codes(means, ["participant"])} if within else {}
    yield terms, means, "the participants' means in each cell were compared instead"


def participant_terms(values: pd.DataFrame, within: Sequence[str]) -> Terms:
    """Participants, and participants × levels of within-factors, where they have several values."""
    subsets = [s for size in range(len(within) + 1) for s in combinations(within, size)]
    return _terms(values, {" × ".join(("participant", *s)): ["participant", *s] for s in subsets})


def stimulus_terms(values: pd.DataFrame, names: Sequence[str], stimulus: str) -> Terms:
    """Stimuli, and stimuli × levels of the factors that vary within stimuli."""
    wanted = {stimulus: [stimulus]}
    if values[stimulus].nunique() >= STIMULI_FOR_SLOPES:
        varying = [f for f in names if values.groupby(stimulus)[f].nunique().median() > 1]
        subsets = [s for size in range(1, len(varying) + 1) for s in combinations(varying, size)]
        wanted |= {" × ".join((stimulus, *s)): [stimulus, *s] for s in subsets}
    return _terms(values, wanted)


def _terms(values: pd.DataFrame, wanted: dict[str, list[str]]) -> Terms:
    """Level numbers of each random factor; one with a level for each row is the residual itself."""
    terms = {name: _codes(values, columns) for name, columns in wanted.items()}
    return {name: codes for name, codes in terms.items() if codes.max() + 1 < len(values)}


def _codes(values: pd.DataFrame, columns: list[str]) -> Ints:
    return np.asarray(values.groupby(columns, sort=True).ngroup(), np.int64)


def _cell_numbers(data: pd.DataFrame, factors: dict[str, list[str]]) -> Ints:
    number = np.zeros(len(data), np.int64)
    for factor, found in factors.items():
        place = data[factor].map({level: i for i, level in enumerate(found)})
        number = number * len(found) + place.to_numpy(np.int64)
    return number


def _cell_rows(data: pd.DataFrame, factors: dict[str, list[str]]) -> tuple[Floats, bool]:
    """One fixed effect a cell; only main effects where a cell is empty."""
    cells = list(product(*(range(len(found)) for found in factors.values())))
    if len(np.unique(_cell_numbers(data, factors))) == len(cells):
        return np.eye(len(cells)), True
    columns = [[1.0] * len(cells)]
    for i, found in enumerate(factors.values()):
        columns += [[float(cell[i] == level) for cell in cells] for level in range(1, len(found))]
    return np.array(columns).T, False


def cell_means(model: Model) -> Iterator[tuple[tuple[str, ...], Estimate, int]]:
    """Levels, estimated mean with interval, and participants of each cell that was seen."""
    cells = product(*model.factors.values())
    for cell, row, count in zip(cells, model.rows, model.cell_participants, strict=True):
        if count:
            yield cell, _estimate(model.fit, row), int(count)


def _estimate(fit: Fit, row: Floats) -> Estimate:
    return t_test(*fit.estimate(row)).estimate


def model_effects(signal: str, model: Model) -> Iterator[Effect]:
    """Every main effect and interaction, pairs of levels, and simple effects of two factors."""
    names = list(model.factors)
    sizes = range(1, len(names) + 1) if model.crossed else (1,)
    for subset in (s for size in sizes for s in combinations(names, size)):
        yield _overall(signal, model, subset)
        if len(subset) == 1 and len(model.factors[subset[0]]) > 2:
            yield from _pairs(signal, model, subset[0])
    if model.crossed and len(names) == 2:
        yield from _pairs(signal, model, names[0], at=names[1])


def _weights(model: Model, chosen: dict[str, Floats]) -> Floats:
    """(r, p): `chosen` combinations (r, levels) of factors, averaged over all levels of others."""
    total: NDArray[Any] = np.ones((1, 1))
    for factor, found in model.factors.items():
        total = np.kron(total, chosen.get(factor, np.full((1, len(found)), 1 / len(found))))
    return total @ model.rows


def _overall(signal: str, model: Model, subset: tuple[str, ...]) -> Effect:
    # Each level against the first; any such set of contrasts gives the same test.
    chosen = {
        f: np.column_stack([np.ones(n - 1), -np.eye(n - 1)])
        for f in subset
        if (n := len(model.factors[f]))
    }
    rows = _weights(model, chosen)
    family = " × ".join(subset)
    shown = _level_means(model, subset[0]) if len(subset) == 1 else ()
    if len(rows) == 1:
        sides = " × ".join("({} − {})".format(*model.factors[f]) for f in subset)
        name = f"{family}: {sides if len(subset) > 1 else sides[1:-1]}"
        return _t_effect(signal, model, rows[0], name, (family, ""), shown)
    f, df1, df2 = model.fit.f_test(rows)
    p = float(stats.f.sf(f, df1, df2))
    found = FTest("mixed model F", f, df1, df2, p)
    return effect_of_several(signal, family, model.participants, found, shown)


def _pairs(signal: str, model: Model, factor: str, at: str | None = None) -> Iterator[Effect]:
    """Pairs of levels of a factor, on average or at each level of another factor."""
    found = model.factors[factor]
    unit = np.eye(len(found))
    for level, where in _places(model, at):
        means = [
            LevelMean(
                factor,
                f"{name}, {level}" if level else name,
                _mean(model, {factor: u[None], **where}),
            )
            for name, u in zip(found, unit, strict=True)
        ]
        for i, j in combinations(range(len(found)), 2):
            row = _weights(model, {factor: (unit[i] - unit[j])[None], **where})[0]
            name = f"{factor}: {found[i]} − {found[j]}" + (f" at {at} = {level}" if level else "")
            pairs = (f"pairs of {factor}", factor)
            family = (f"{factor} at {at}", f"{factor} × {at}") if at else pairs
            yield _t_effect(signal, model, row, name, family, (means[i], means[j]))


def _places(model: Model, at: str | None) -> Iterator[tuple[str, dict[str, Floats]]]:
    if at is None:
        yield "", {}
        return
    for level, u in zip(model.factors[at], np.eye(len(model.factors[at])), strict=True):
        yield level, {at: u[None]}


def _mean(model: Model, chosen: dict[str, Floats]) -> Estimate:
    return _estimate(model.fit, _weights(model, chosen)[0])


def _level_means(model: Model, factor: str) -> tuple[LevelMean, ...]:
    found = model.factors[factor]
    return tuple(
        LevelMean(factor, name, _mean(model, {factor: u[None]}))
        for name, u in zip(found, np.eye(len(found)), strict=True)
    )


def _t_effect(
    signal: str,
    model: Model,
    row: Floats,
    name: str,
    family: tuple[str, str],
    shown: tuple[LevelMean, ...],
) -> Effect:
    value, error, df = model.fit.estimate(row)
    test = t_test(value, error, df)
    size = _standardised(model.fit, value, error, df)
    return Effect(
        signal=signal,
        contrast=name,
        participants=model.participants,
        estimate=value,
        ci_low=test.estimate.low,
        ci_high=test.estimate.high,
        effect_size=size.value,
        effect_name="d",
        effect_low=size.low,
        effect_high=size.high,
        test="mixed model t",
        statistic=test.t,
        df=df,
        p=test.p,
        p_holm=np.nan,
        p_permutation=None,
        family=family[0],
        follows=family[1],
        levels=shown,
    )


def _standardised(fit: Fit, value: float, error: float, df: float) -> Estimate:
    """Difference over the root of all variances (Westfall et al. 2014); delta-method interval."""
    total = fit.total_variance
    d = value / np.sqrt(total)
    spread = error**2 / total + d**2 * fit.total_variance_error**2 / (4 * total**2)
    half = float(stats.t.ppf(0.975, df) * np.sqrt(spread))
    return Estimate(float(d), float(d) - half, float(d) + half)
