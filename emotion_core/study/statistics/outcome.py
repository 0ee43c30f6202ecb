"""One test and its effect size."""

import math
from dataclasses import dataclass

from emotion_core.study.statistics.effects import Estimate, partial_eta_squared


@dataclass(frozen=True, slots=True)
class LevelMean:
    """Mean of one level of a factor, over participants, with its 95% interval."""

    factor: str
    level: str
    mean: Estimate


@dataclass(frozen=True, slots=True)
class Effect:
    """One test of one signal.

    Attributes:
        signal: an expression, valence or arousal.
        contrast: what is compared: "group: A − B", "condition" for all its levels at once,
            "group × condition", "group: A − B at condition = x", or "mean" against zero.
        participants: how many contribute.
        estimate, ci_low, ci_high: difference of the means, in units of the measure, and its 95%
            interval; NaN where several differences are tested at once.
        effect_size, effect_name, effect_low, effect_high: standardised, with its 95% interval:
            "Hedges' g", "d_z", "d" (over the square root of all variances of the mixed model), or
            "partial η²".
        test: "Welch's t", "paired t", "one-sample t", "Welch's F", "mixed model t" or "mixed
            model F".
        statistic, df, p: of that test, two-sided.
        p_holm: p after Holm's correction over the signals, and over the pairs of levels.
        p_permutation: of the permutation test, not corrected; None where there is none.
        df_numerator: of F, else None.
        family: tests that were corrected together.
        follows: family of the test of the whole, for its parts; "" for a whole.
        levels: the means that are compared.
    """

    signal: str
    contrast: str
    participants: int
    estimate: float
    ci_low: float
    ci_high: float
    effect_size: float
    effect_name: str
    effect_low: float
    effect_high: float
    test: str
    statistic: float
    df: float
    p: float
    p_holm: float
    p_permutation: float | None
    df_numerator: int | None = None
    family: str = ""
    follows: str = ""
    levels: tuple[LevelMean, ...] = ()


@dataclass(frozen=True, slots=True)
class FTest:
    """An F test: its name, F, both degrees of freedom, and p."""

    name: str
    f: float
    df1: int
    df2: float
    p: float


def effect_of_several(
    signal: str, family: str, participants: int, test: FTest, levels: tuple[LevelMean, ...]
) -> Effect:
    """The effect of a factor whose levels are tested all at once: partial η², no difference.

    Args:
        signal, participants, levels: as in `Effect`.
        family: the factor, or the interaction; it names the contrast, too.
        test: that was made.
    """
    size = partial_eta_squared(test.f, test.df1, test.df2)
    return Effect(
        signal=signal,
        contrast=family,
        participants=participants,
        estimate=math.nan,
        ci_low=math.nan,
        ci_high=math.nan,
        effect_size=size.value,
        effect_name="partial η²",
        effect_low=size.low,
        effect_high=size.high,
        test=test.name,
        statistic=test.f,
        df=test.df2,
        p=test.p,
        p_holm=math.nan,
        p_permutation=None,
        df_numerator=test.df1,
        family=family,
        levels=levels,
    )
