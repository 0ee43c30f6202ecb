"""Results as sentences for a paper, in the number format of the APA manual (7th edition)."""

import math
from collections.abc import Sequence
from typing import Final

from emotion_core.study.statistics.effects import Estimate
from emotion_core.study.statistics.outcome import Effect

ALPHA: Final = 0.05
# How the measure of a signal is called in a sentence; others are "<measure> of <signal>".
_MEASURES: Final = {
    "mean": "mean {probability}{signal}",
    "median": "median {probability}{signal}",
    "sd": "standard deviation of {probability}{signal}",
    "max": "highest {probability}{signal}",
    "max_time_s": "time of the highest {probability}{signal}, in seconds,",
    "mean_corrected": "baseline-corrected {probability}{signal}",
    "area": "area of {log_odds}{signal} above baseline",
    "dominant_share": "share of time in which {signal} was the dominant expression",
    "episodes": "number of episodes of {signal}",
    "episodes_per_min": "number of episodes of {signal} per minute",
    "episode_mean_s": "mean length of episodes of {signal}, in seconds,",
    "onset_s": "onset latency of {signal}, in seconds,",
}
_DIMENSIONS: Final = ("valence", "arousal")


def sentences(effects: Sequence[Effect], measure: str, log_odds: bool = False) -> list[str]:
    """One sentence for each effect; pairs of levels and simple effects only where they are due.

    Pairs of levels are told for signals whose factor made a difference (Holm-corrected p below
    .05), and effects at each level of another factor where the interaction did. `log_odds`: the
    measure of expressions is one of log-odds, not of probabilities.
    """
    found = {(e.signal, e.family): e for e in effects}
    return [sentence(e, measure, log_odds) for e in effects if _due(e, found)]


def _due(effect: Effect, found: dict[tuple[str, str], Effect]) -> bool:
    if not effect.follows:
        return True
    whole = found.get((effect.signal, effect.follows))
    return whole is not None and whole.p_holm < ALPHA


def sentence(effect: Effect, measure: str, log_odds: bool = False) -> str:
    """One effect as a sentence, with test, p, effect size and interval; see `sentences`."""
    what = f"The {_measure(effect.signal, measure, log_odds)}"
    digits = decimals(effect)
    if effect.contrast == "mean":
        shown = _mean("M", effect.levels[0].mean, digits)
        how = _direction(effect, "was above zero", "was below zero", "did not differ from zero")
        said = f"{what} {how} ({shown})"
    elif len(effect.levels) == 2 and math.isfinite(effect.estimate):
        said = f"{what} {_two_levels(effect, digits)}"
    elif math.isfinite(effect.estimate):
        interval = Estimate(effect.estimate, effect.ci_low, effect.ci_high)
        did = "depended" if effect.p_holm < ALPHA else "did not depend significantly"
        said = f"{what} {did} on {effect.family} ({_mean('difference', interval, digits)})"
    else:
        did = "depended" if effect.p_holm < ALPHA else "did not depend significantly"
        means = "; ".join(f"{m.level}: {_mean('M', m.mean, digits)}" for m in effect.levels)
        said = f"{what} {did} on {effect.family}" + (f" ({means})" if means else "")
    return f"{said}, {statistics(effect)}."


def _two_levels(effect: Effect, digits: int) -> str:
    first, second = (f"{m.factor} {m.level} ({_mean('M', m.mean, digits)})" for m in effect.levels)
    if effect.p_holm < ALPHA:
        return f"was {'higher' if effect.estimate > 0 else 'lower'} in {first} than in {second}"
    return f"did not differ significantly between {first} and {second}"


def _direction(effect: Effect, above: str, below: str, neither: str) -> str:
    if effect.p_holm >= ALPHA:
        return neither
    return above if effect.estimate > 0 else below


def _measure(signal: str, measure: str, log_odds: bool) -> str:
    probability = "logit of the probability of " if log_odds else "probability of "
    if signal in _DIMENSIONS:
        probability, log_odds = "", False
    pattern = _MEASURES.get(measure, measure.replace("_", " ") + " of {signal}")
    said = {"probability": probability, "log_odds": "the log-odds of " if log_odds else ""}
    return pattern.format(signal=signal, **said)


def statistics(effect: Effect) -> str:
    """Test, p values and effect size: "Welch's t(37.2) = 2.61, p = .013 (Holm-corrected …), …"."""
    name = effect.test.replace("mixed model ", "").replace("one-sample t", "t")
    name = name.replace("paired t", "t")
    numerator = f"{effect.df_numerator}, " if effect.df_numerator else ""
    test = f"{name}({numerator}{number_of(effect.df)}) = {fixed(effect.statistic, 2)}"
    holm = f"Holm-corrected {p_value(effect.p_holm)}"
    # Explained variance cannot exceed one: like p, it is written without the zero.
    bounded = effect.effect_name == "partial η²"
    size = [effect.effect_size, effect.effect_low, effect.effect_high]
    d, low, high = (fixed(v, 2).replace("0.", ".", 1) if bounded else fixed(v, 2) for v in size)
    sign = {"Hedges' g": "g"}.get(effect.effect_name, effect.effect_name)
    said = f"{test}, {p_value(effect.p)} ({holm}), {sign} = {d}, 95% CI [{low}, {high}]"
    if effect.p_permutation is not None:
        said += f"; permutation {p_value(effect.p_permutation)}"
    return said


def p_value(p: float) -> str:
    """ "p = .013", or "p < .001"."""
    if p < 0.001:
        return "p < .001"
    if p > 0.999:
        return "p > .999"
    return f"p = {p:.3f}".replace("0.", ".")


def number_of(df: float) -> str:
    """Degrees of freedom: whole, or with one decimal."""
    if math.isinf(df):
        return "∞"
    return f"{df:.0f}" if abs(df - round(df)) < 1e-6 else f"{df:.1f}"


def fixed(value: float, digits: int) -> str:
    """A number with `digits` decimals and a proper minus; never "-0.00"."""
    text = f"{value:.{digits}f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace("-", "−")


def with_interval(value: float, low: float, high: float, digits: int) -> str:
    """ "0.71 [0.60, 0.80]"; an interval or a value that is NaN is left out, "–" for nothing."""
    if math.isnan(value):
        return "–"
    interval = "" if math.isnan(low) else f" [{fixed(low, digits)}, {fixed(high, digits)}]"
    return fixed(value, digits) + interval


def decimals(effect: Effect) -> int:
    """Decimals that leave two significant digits of the narrowest interval, from 2 to 4."""
    widths = [m.mean.high - m.mean.low for m in effect.levels]
    widths = [w for w in [*widths, effect.ci_high - effect.ci_low] if math.isfinite(w) and w > 0]
    return min(max(math.ceil(-math.log10(min(widths))) + 1, 2), 4) if widths else 2


def _mean(name: str, mean: Estimate, digits: int) -> str:
    value = f"{name} = {fixed(mean.value, digits)}"
    if not math.isfinite(mean.low):
        return value
    return f"{value}, 95% CI [{fixed(mean.low, digits)}, {fixed(mean.high, digits)}]"
