"""One test and its effect size."""

from dataclasses import dataclass

from emotion_core.study.statistics.effects import Estimate


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
