"""Sentences for a paper: the format of the APA, whatever the test and the measure."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emotion_core.study.statistics.effects import Estimate
from emotion_core.study.statistics.outcome import Effect, LevelMean
from emotion_core.study.statistics.sentences import p_value, sentence, with_interval


def effect(**changes: Any) -> Effect:
    """The effect of the example in the APA's format."""
    base = Effect(
        *("happy", "group: A − B", 40, 0.12, 0.03, 0.21, 0.83, "Hedges' g", 0.17, 1.47),
        *("Welch's t", 2.61, 37.2, 0.013, 0.09, 0.012),
        levels=(
            LevelMean("group", "A", Estimate(0.42, 0.35, 0.49)),
            LevelMean("group", "B", Estimate(0.30, 0.24, 0.36)),
        ),
        family="group",
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"p_holm": 0.04},
            "The mean probability of happy was higher in group A (M = 0.42, 95% CI [0.35, 0.49])"
            " than in group B (M = 0.30, 95% CI [0.24, 0.36]), Welch's t(37.2) = 2.61, p = .013"
            " (Holm-corrected p = .040), g = 0.83, 95% CI [0.17, 1.47]; permutation p = .012.",
        ),
        (
            {},
            "The mean probability of happy did not differ significantly between group A (M = 0.42,"
            " 95% CI [0.35, 0.49]) and group B (M = 0.30, 95% CI [0.24, 0.36]), Welch's t(37.2) ="
            " 2.61, p = .013 (Holm-corrected p = .090), g = 0.83, 95% CI [0.17, 1.47]; permutation"
            " p = .012.",
        ),
        (
            {
                "contrast": "group × condition: (A − B) × (x − y)",
                "family": "group × condition",
                "levels": (),
                "test": "mixed model t",
                "statistic": -2.0,
                "effect_name": "d",
                "df": 38.0,
                "p_permutation": None,
            },
            "The mean probability of happy did not depend significantly on group × condition"
            " (difference = 0.12, 95% CI [0.03, 0.21]), t(38) = −2.00, p = .013 (Holm-corrected"
            " p = .090), d = 0.83, 95% CI [0.17, 1.47].",
        ),
        (
            {
                "estimate": np.nan,
                "ci_low": np.nan,
                "ci_high": np.nan,
                "test": "mixed model F",
                "statistic": 5.2,
                "df_numerator": 2,
                "p": 1e-9,
                "p_holm": 7e-9,
                "effect_name": "partial η²",
                "effect_size": 0.21,
                "effect_low": 0.0,
                "effect_high": 0.4,
                "p_permutation": None,
            },
            "The mean probability of happy depended on group (A: M = 0.42, 95% CI [0.35, 0.49]; B:"
            " M = 0.30, 95% CI [0.24, 0.36]), F(2, 37.2) = 5.20, p < .001 (Holm-corrected"
            " p < .001), partial η² = .21, 95% CI [.00, .40].",
        ),
    ],
)
def test_sentences_are_in_the_apas_format(changes: dict[str, Any], expected: str) -> None:
    assert sentence(effect(**changes), "mean") == expected


@pytest.mark.parametrize(
    ("measure", "starts"),
    [
        ("dominant_share", "The share of time in which happy was the dominant expression was"),
        ("mean_corrected", "The baseline-corrected probability of happy was"),
        ("own_measure", "The own measure of happy was"),
    ],
)
def test_measures_are_named(measure: str, starts: str) -> None:
    assert sentence(effect(p_holm=0.01), measure).startswith(starts)


def test_log_odds_are_not_called_probabilities() -> None:
    said = sentence(effect(p_holm=0.01), "mean_corrected", log_odds=True)
    assert said.startswith("The baseline-corrected logit of the probability of happy was higher")
    said = sentence(effect(p_holm=0.01), "area", log_odds=True)
    assert said.startswith("The area of the log-odds of happy above baseline was higher")
    valence = effect(p_holm=0.01, signal="valence")
    assert sentence(valence, "area", log_odds=True) == sentence(valence, "area")
    assert sentence(valence, "mean_corrected", True) == sentence(valence, "mean_corrected")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0132, "p = .013"),
        (0.00099, "p < .001"),
        (0.001, "p = .001"),
        (0.9996, "p > .999"),
        (1.0, "p > .999"),
        (0.05, "p = .050"),
    ],
)
def test_p_values(p: float, text: str) -> None:
    assert p_value(p) == text


def test_small_means_get_more_decimals_and_no_minus_zero() -> None:
    means = (
        LevelMean("group", "A", Estimate(0.0042, 0.0035, 0.0049)),
        LevelMean("group", "B", Estimate(-0.00001, -0.0006, 0.0006)),
    )
    text = sentence(effect(levels=means), "mean")
    assert "M = 0.0042, 95% CI [0.0035, 0.0049]" in text
    assert "M = 0.0000, 95% CI [−0.0006, 0.0006]" in text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.714, -0.6, 0.8, "0.71 [−0.60, 0.80]"),
        (-0.001, -0.004, 0.1, "0.00 [0.00, 0.10]"),
        (0.5, np.nan, np.nan, "0.50"),
        (np.nan, np.nan, np.nan, "–"),
    ],
)
def test_values_in_tables_have_their_interval(
    value: float, low: float, high: float, text: str
) -> None:
    assert with_interval(value, low, high, 2) == text
