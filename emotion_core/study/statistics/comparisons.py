"""Carry out the comparison that a design asks for, for every signal, with corrected p values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd

from emotion_core.labels import EXPRESSIONS
from emotion_core.study.statistics.cells import participant_values, warnings_about
from emotion_core.study.statistics.design import VALUE, ZERO_MEANS_REST, Design
from emotion_core.study.statistics.effects import holm, mean_interval
from emotion_core.study.statistics.mixed_model import Model, cell_means, fit_model, model_effects
from emotion_core.study.statistics.outcome import Effect
from emotion_core.study.statistics.sentences import sentences
from emotion_core.study.statistics.simple_tests import (
    NotTestableError,
    group_effects,
    paired_effect,
    sample_effect,
)

_COLUMNS: Final = tuple(
    f.name for f in fields(Effect) if f.name not in ("family", "follows", "levels")
)
_SINGULAR: Final = (
    "the model estimates the variance of {factor} as zero (a singular fit), as if it"
    " made no difference; this is common in small samples."
)


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The outcome of a comparison.

    Attributes:
        design: what was compared, and how.
        effects: all tests, ordered by contrast and signal.
        means: columns signal, one for each factor, mean, ci_low, ci_high, participants: one row a
            cell; estimated by the model where one was fitted.
        warnings: sentences for the reader.
        log_odds: the measure of expressions is one of log-odds, not of probabilities.
    """

    design: Design
    effects: tuple[Effect, ...]
    means: pd.DataFrame
    warnings: tuple[str, ...]
    log_odds: bool = False

    def table(self) -> pd.DataFrame:
        """One row a test, with the columns of `Effect` up to `df_numerator`."""
        rows = [[getattr(e, name) for name in _COLUMNS] for e in self.effects]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def sentences(self) -> list[str]:
        """The results as sentences for a paper, each with effect size and interval."""
        return sentences(self.effects, self.design.measure, self.log_odds)


@dataclass(slots=True)
class _Told:
    """What has to be told about signals, collected so that each sentence appears once."""

    sentences: dict[str, list[str]]

    def add(self, text: str, signal: str) -> None:
        self.sentences.setdefault(text, []).append(signal)

    def all(self) -> list[str]:
        return [f"{', '.join(who)}: {text}" for text, who in self.sentences.items()]


def analyse(
    table: pd.DataFrame,
    design: Design,
    *,
    signals: Sequence[str] = EXPRESSIONS,
    permutations: int = 9999,
    seed: int = 0,
) -> Analysis:
    """Compare participants as `design` says; values are averaged to one a participant and cell.

    Args:
        table: the long table; rows with `included` False do not count.
        design: of `choose_design`.
        signals: what is compared. Holm's correction is over all of them, for each contrast; for
            pairs of levels over signals and pairs.
        permutations: of the permutation tests.
        seed: of their random shuffles.

    Raises:
        InputError: no values are left, or a column is missing.
    """
    values = participant_values(table, design, signals)
    told = _Told({})
    effects: list[Effect] = []
    means: list[list[object]] = []
    for signal in signals:
        part = values[values["signal"] == signal].drop(columns="signal").reset_index(drop=True)
        found, rows = _one_signal(signal, part, design, permutations, seed, told)
        effects += found
        means += rows
    columns = ["signal", *design.factors, "mean", "ci_low", "ci_high", "participants"]
    warnings = [*design.warnings, *warnings_about(values, design), *told.all()]
    return Analysis(
        design,
        tuple(_corrected(effects)),
        pd.DataFrame(means, columns=columns),
        tuple(dict.fromkeys(warnings)),
    )


def _one_signal(
    signal: str, values: pd.DataFrame, design: Design, permutations: int, seed: int, told: _Told
) -> tuple[list[Effect], list[list[object]]]:
    if values.empty:
        told.add("no values, so nothing was tested.", signal)
        return [], []
    raw = list(_raw_means(signal, values, design))
    if np.ptp(values[VALUE]) < 1e-12:
        value = f"{values[VALUE].iloc[0]:.2f}"
        told.add(f"every value is {value}, so nothing was tested.", signal)
        return [], raw
    if values["participant"].nunique() < 2:
        told.add("there is only one participant, so nothing was tested.", signal)
        return [], raw
    if design.kind == "mixed_model":
        model = fit_model(values, design.between, design.within, design.stimulus)
        if model is None:
            told.add(
                "the mixed model could not be fitted (too few values, or none that vary"
                " within cells), so nothing was tested.",
                signal,
            )
            return [], raw
        return list(model_effects(signal, model)), _model_means(signal, model, told)
    try:
        return list(_simple(signal, values, design, permutations, seed, told)), raw
    except NotTestableError as error:
        told.add(f"{error}, so nothing was tested.", signal)
        return [], raw


def _simple(
    signal: str, values: pd.DataFrame, design: Design, permutations: int, seed: int, told: _Told
) -> Iterator[Effect]:
    if design.kind == "paired":
        yield paired_effect(signal, values, design.within[0], permutations, seed)
    elif design.kind != "one_sample":
        yield from group_effects(
            signal,
            values,
            design.between[0],
            permutations,
            seed,
            lambda text: told.add(text, signal),
        )
    elif design.measure in ZERO_MEANS_REST:
        yield sample_effect(signal, values, permutations, seed)


def _raw_means(signal: str, values: pd.DataFrame, design: Design) -> Iterator[list[object]]:
    """Mean over participants in each cell, with t interval."""
    keys = list(design.factors)
    people = values.groupby(["participant", *keys], as_index=False)[VALUE].mean()
    parts = people.groupby(keys) if keys else [((), people)]
    for cell, part in parts:
        mean = mean_interval(part[VALUE])
        yield [signal, *cell, mean.value, mean.low, mean.high, len(part)]


def _model_means(signal: str, model: Model, told: _Told) -> list[list[object]]:
    if model.note:
        told.add(f"the full mixed model did not converge; {model.note}.", signal)
    for factor in model.singular:
        told.add(_SINGULAR.format(factor=factor), signal)
    if not model.crossed:
        told.add(
            "a combination of levels has no participant, so that interactions were not tested.",
            signal,
        )
    return [
        [signal, *cell, mean.value, mean.low, mean.high, count]
        for cell, mean, count in cell_means(model)
    ]


def _corrected(effects: list[Effect]) -> list[Effect]:
    """Holm's correction within each family; ordered by contrast, then signal."""
    families: dict[str, list[int]] = {}
    for i, effect in enumerate(effects):
        families.setdefault(effect.family, []).append(i)
    found = list(effects)
    for places in families.values():
        corrected = holm([effects[i].p for i in places])
        for i, p in zip(places, corrected, strict=True):
            found[i] = replace(effects[i], p_holm=float(p))
    contrasts = list(dict.fromkeys(e.contrast for e in found))
    return sorted(found, key=lambda e: contrasts.index(e.contrast))
