"""Tests of one value for each participant: two or more groups, pairs of values, one sample."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.oneway import anova_oneway

from emotion_core.study.statistics import permutation
from emotion_core.study.statistics.design import VALUE
from emotion_core.study.statistics.effects import (
    Estimate,
    TResult,
    d_z,
    hedges_g,
    mean_interval,
    one_sample,
    welch,
)
from emotion_core.study.statistics.outcome import Effect, FTest, LevelMean, effect_of_several

Floats = NDArray[np.float64]
# Below this sum of squares values are all the same; measures are of the order of one.
_SPREAD_LEAST: Final = 1e-18


class NotTestableError(ValueError):
    """The values allow no test; the message says why, as the end of a sentence."""


def group_effects(
    signal: str,
    values: pd.DataFrame,
    factor: str,
    permutations: int,
    seed: int,
    tell: Callable[[str], None],
) -> Iterator[Effect]:
    """Compare independent groups: all at once where there are more than two, then in pairs.

    `tell` takes sentences on what could not be tested.

    Raises:
        NotTestableError: fewer than two groups with two participants each, or no variance.
    """
    groups = {
        str(level): part[VALUE].to_numpy(np.float64) for level, part in values.groupby(factor)
    }
    usable = {level: x for level, x in groups.items() if len(x) > 1}
    if len(usable) < 2:
        raise NotTestableError(f"fewer than two levels of {factor} have two participants or more")
    if sum(len(x) * float(x.var()) for x in usable.values()) < _SPREAD_LEAST:
        raise NotTestableError(f"the values do not vary within the levels of {factor}")
    if alone := [level for level in groups if level not in usable]:
        tell(f"one participant is not a group: {factor} {', '.join(alone)} was not tested.")
    whole = _welch_anova(signal, usable, factor, tell) if len(usable) > 2 else None
    if whole is not None:
        yield whole
    family = f"pairs of {factor}" if len(usable) > 2 else factor
    for (a, x), (b, y) in combinations(usable.items(), 2):
        if x.var() + y.var() < _SPREAD_LEAST:  # both are constant; other pairs may not be
            tell(f"the values of {factor} {a} and {b} do not vary, so this pair was not tested.")
            continue
        p = permutation.two_groups(x, y, permutations, seed)
        shown = (LevelMean(factor, a, mean_interval(x)), LevelMean(factor, b, mean_interval(y)))
        name = f"{factor}: {a} − {b}"
        count = len(x) + len(y)
        size = ("Hedges' g", hedges_g(x, y))
        of = (family, factor if whole is not None else "")
        yield _effect(signal, name, count, "Welch's t", welch(x, y), size, p, of, shown)


def _welch_anova(
    signal: str, groups: dict[str, Floats], factor: str, tell: Callable[[str], None]
) -> Effect | None:
    """Welch's F of all groups; None where one does not vary, as it weights by the variances."""
    if same := [level for level, x in groups.items() if len(x) * x.var() < _SPREAD_LEAST]:
        tell(
            f"the values of {factor} {', '.join(same)} do not vary, so the levels of {factor} were"
            " not tested as a whole, only in pairs."
        )
        return None
    found = anova_oneway(list(groups.values()), use_var="unequal")
    df1, df2 = found.df
    test = FTest("Welch's F", float(found.statistic), int(df1), float(df2), float(found.pvalue))
    levels = tuple(LevelMean(factor, level, mean_interval(x)) for level, x in groups.items())
    participants = sum(len(x) for x in groups.values())
    return effect_of_several(signal, factor, participants, test, levels)


def paired_effect(
    signal: str, values: pd.DataFrame, factor: str, permutations: int, seed: int
) -> Effect:
    """Compare two levels of a factor within participants; those with one level are left out.

    Raises:
        NotTestableError: fewer than two complete participants, or differences without variance.
    """
    wide = values.pivot(index="participant", columns=factor, values=VALUE).dropna()
    if wide.shape[1] < 2 or len(wide) < 2:
        raise NotTestableError(f"fewer than two participants have both levels of {factor}")
    a, b = sorted(wide.columns)
    x, y = wide[a].to_numpy(np.float64), wide[b].to_numpy(np.float64)
    difference = _varying(x - y, "the differences within participants do not vary")
    shown = (
        LevelMean(factor, str(a), mean_interval(x)),
        LevelMean(factor, str(b), mean_interval(y)),
    )
    p = permutation.sign_flips(difference, permutations, seed)
    size = ("d_z", d_z(difference))
    test = one_sample(difference)
    name = f"{factor}: {a} − {b}"
    return _effect(signal, name, len(wide), "paired t", test, size, p, (factor, ""), shown)


def sample_effect(signal: str, values: pd.DataFrame, permutations: int, seed: int) -> Effect:
    """Test the mean against zero.

    Raises:
        NotTestableError: fewer than two participants, or values without variance.
    """
    x = values[VALUE].to_numpy(np.float64)
    if len(x) < 2:
        raise NotTestableError("there is only one participant")
    x = _varying(x, "the values do not vary")
    p = permutation.sign_flips(x, permutations, seed)
    shown = (LevelMean("", "", mean_interval(x)),)
    size = ("d_z", d_z(x))
    return _effect(
        signal, "mean", len(x), "one-sample t", one_sample(x), size, p, ("mean", ""), shown
    )


def _varying(differences: Floats, reason: str) -> Floats:
    if len(differences) * float(differences.var()) < _SPREAD_LEAST:
        raise NotTestableError(reason)
    return differences


def _effect(
    signal: str,
    contrast: str,
    participants: int,
    name: str,
    test: TResult,
    size: tuple[str, Estimate],
    p_permutation: float,
    family: tuple[str, str],
    shown: tuple[LevelMean, ...],
) -> Effect:
    return Effect(
        signal=signal,
        contrast=contrast,
        participants=participants,
        estimate=test.estimate.value,
        ci_low=test.estimate.low,
        ci_high=test.estimate.high,
        effect_size=size[1].value,
        effect_name=size[0],
        effect_low=size[1].low,
        effect_high=size[1].high,
        test=name,
        statistic=test.t,
        df=test.df,
        p=test.p,
        p_holm=np.nan,
        p_permutation=p_permutation,
        family=family[0],
        follows=family[1],
        levels=shown,
    )
