"""Baselines: where they come from, and in which space they are subtracted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_studies import probs_of
from numpy.typing import NDArray

from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.study.baseline import ForBaseline, correct, levels, to_space
from emotion_core.study.definitions import Baseline, Space, StudySettings

HAPPY, VALENCE = 3, 7
SETTINGS = StudySettings(rate_hz=10, baseline_s=0.5)


def signals(happy: list[float]) -> NDArray[np.float64]:
    probs = probs_of("happy", happy)
    return np.concatenate([probs, valence_arousal(probs.astype(np.float32))], axis=1)


def recording(
    happy: list[float], valid: list[int] | None = None, resting: list[int] | None = None
) -> ForBaseline:
    """Steps with these numbers are valid (by default all), and in a baseline event."""
    steps = np.arange(len(happy))
    return ForBaseline(
        signals(happy),
        np.ones(len(steps), bool) if valid is None else np.isin(steps, valid),
        np.isin(steps, resting or []),
    )


def happy_levels(recordings: list[ForBaseline], settings: StudySettings) -> list[float]:
    return [found.level[HAPPY] for found in levels(recordings, settings)]


def test_no_baseline_is_missing_and_no_problem() -> None:
    found = levels([recording([0.5])], SETTINGS)[0]
    assert np.isnan(found.level).all()
    assert found.problem == ""


@pytest.mark.parametrize("baseline", [b for b in Baseline if b is not Baseline.NONE])
def test_without_a_valid_reading_there_is_no_baseline_and_a_problem(baseline: Baseline) -> None:
    found = levels([recording([0.5, 0.6], valid=[])], replace(SETTINGS, baseline=baseline))[0]
    assert np.isnan(found.level).all()
    assert found.problem.startswith("There is no baseline: ")


def test_the_first_seconds_with_valid_readings() -> None:
    settings = replace(SETTINGS, baseline=Baseline.START)
    happy = [0.9, 0.1, 0.2, 0.9, 0.3, 0.4, 0.5, 0.9, 0.9]
    rows = recording(happy, valid=[1, 2, 4, 5, 6, 7])
    assert happy_levels([rows], settings) == pytest.approx([0.3])
    assert levels([rows], settings)[0].problem == ""


def test_a_baseline_longer_than_the_recording_uses_what_there_is() -> None:
    settings = replace(SETTINGS, baseline=Baseline.START, baseline_s=60.0)
    found = levels([recording([0.1, 0.3])], settings)[0]
    assert found.level[HAPPY] == pytest.approx(0.2)
    assert found.problem == (
        "The baseline is to be 60 s long, but only 0.2 s are valid; these were used."
    )


def test_the_baseline_event_of_the_recording_goes_first() -> None:
    settings = replace(SETTINGS, baseline=Baseline.EVENT)
    one = recording([0.2, 0.4, 0.9], resting=[0, 1])
    other = recording([0.6, 0.9], resting=[0])
    without = recording([0.9])
    invalid = recording([0.1, 0.9], valid=[1], resting=[0])
    assert happy_levels([one, other, without, invalid], settings) == pytest.approx(
        [0.3, 0.6, 0.4, 0.4]
    )


def test_the_median_is_that_of_all_recordings() -> None:
    settings = replace(SETTINGS, baseline=Baseline.MEDIAN)
    found = happy_levels([recording([0.1, 0.2, 0.9]), recording([0.3, 0.4])], settings)
    assert found == pytest.approx([0.3, 0.3])


def test_logits_are_clipped_and_valence_is_not_a_probability() -> None:
    values = signals([0.0, 0.5, 1.0])
    logits = to_space(values, Space.LOGIT)
    most = np.log((1 - 1e-4) / 1e-4)
    np.testing.assert_allclose(logits[:, HAPPY], [-most, 0, most], atol=1e-9)
    np.testing.assert_array_equal(logits[:, VALENCE:], values[:, VALENCE:])
    np.testing.assert_array_equal(to_space(values, Space.PROBABILITY), values)


@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize(
    ("baseline", "centre"), [(Baseline.START, np.mean), (Baseline.MEDIAN, np.median)]
)
def test_the_corrected_baseline_is_at_zero(
    space: Space, baseline: Baseline, centre: Callable[..., Any]
) -> None:
    settings = replace(SETTINGS, baseline=baseline, space=space, baseline_s=60)
    rows = recording(np.random.default_rng(3).uniform(0, 1, 99).tolist())
    corrected = correct(rows.values, levels([rows], settings)[0].level, space)
    np.testing.assert_allclose(centre(corrected, axis=0), 0, atol=1e-9)


def test_a_rise_in_logits_is_a_ratio_of_odds() -> None:
    """From 1 to 2 % as from 33 to 50 %: the odds double."""
    settings = replace(SETTINGS, baseline=Baseline.START, baseline_s=0.1, space=Space.LOGIT)
    for before, after in ((1 / 101, 2 / 102), (1 / 3, 1 / 2)):
        rows = recording([before, after])
        corrected = correct(rows.values, levels([rows], settings)[0].level, Space.LOGIT)
        assert corrected[1, HAPPY] == pytest.approx(np.log(2))
