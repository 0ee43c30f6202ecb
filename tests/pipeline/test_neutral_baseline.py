"""Neutral calibration: rest reads neutral, what differs from rest stays."""

import numpy as np
import pytest

from emotion_core.pipeline.neutral_baseline import REST_NEUTRAL, NeutralCalibration

IDS = np.array([1])
# A resting face that a network calls sad, and the same face smiling.
REST = np.array([[0.05, 0.03, 0.02, 0.05, 0.25, 0.55, 0.05]], np.float32)
SMILE = np.array([[0.02, 0.02, 0.01, 0.70, 0.10, 0.13, 0.02]], np.float32)


def rested(seconds: float = 1.0, fps: int = 20) -> NeutralCalibration:
    calibration = NeutralCalibration()
    calibration.start({1}, seconds)
    for i in range(round(seconds * fps) + 2):
        calibration.observe(IDS, REST, i / fps)
    return calibration


def test_nobody_passes_through() -> None:
    none = np.empty((0, 7), np.float32)
    calibration = rested()
    calibration.observe(np.empty(0, np.int64), none, 9.0)
    assert calibration.apply(np.empty(0, np.int64), none).shape == (0, 7)


def test_rest_becomes_neutral_and_a_smile_stays_a_smile() -> None:
    calibration = rested()
    assert calibration.progress == {}
    rest = calibration.apply(IDS, REST)[0]
    assert rest[4] == pytest.approx(REST_NEUTRAL, abs=1e-4)
    assert calibration.apply(IDS, SMILE)[0].argmax() == 3
    assert calibration.apply(IDS, SMILE).sum() == pytest.approx(1, abs=1e-5)


def test_only_the_one_who_rested_is_changed() -> None:
    both = rested().apply(np.array([2, 1]), np.vstack([REST, REST]))
    np.testing.assert_array_equal(both[0], REST[0])
    assert both[1].argmax() == 4


def test_one_odd_frame_is_averaged_in_logits() -> None:
    calibration = NeutralCalibration()
    calibration.start(None, 1.0)
    for i in range(22):
        calibration.observe(IDS, SMILE if i == 7 else REST, i / 20)
    assert calibration.apply(IDS, REST)[0].argmax() == 4


@pytest.mark.parametrize("fps", [4, 10, 60])
def test_the_measurement_takes_seconds_not_frames(fps: int) -> None:
    calibration = NeutralCalibration()
    calibration.start({1}, 2.0)
    for i in range(10 * fps):
        calibration.observe(IDS, REST, i / fps)
        if calibration.baselines:
            break
    # Below five frames a second a step counts as the longest one allowed.
    assert i / fps == pytest.approx(max(2.0, 2.0 * (1 / fps) / 0.2), abs=2 / fps)


def test_progress_grows_and_a_pause_does_not_count() -> None:
    calibration = NeutralCalibration()
    calibration.start({1}, 1.0)
    calibration.observe(IDS, REST, 0.0)
    calibration.observe(IDS, REST, 30.0)
    assert calibration.progress == {1: pytest.approx(0.2)}


def test_everybody_seen_is_measured_but_not_those_who_come_later() -> None:
    calibration = NeutralCalibration()
    calibration.start(None, 1.0)
    for i in range(25):
        calibration.observe(np.array([1, 2]), np.vstack([REST, SMILE]), i / 20)
    calibration.observe(np.array([3]), REST, 2.0)
    assert set(calibration.baselines) == {1, 2}
    assert calibration.progress == {}


def test_whoever_leaves_is_not_waited_for() -> None:
    calibration = NeutralCalibration()
    calibration.start(None, 1.0)
    for i in range(10):
        calibration.observe(np.array([1, 2]), np.vstack([REST, SMILE]), i / 20)
    calibration.keep([1])
    for i in range(10, 25):
        calibration.observe(IDS, REST, i / 20)
    assert set(calibration.baselines) == {1}
    assert calibration.progress == {}


def test_after_everybody_left_nobody_is_measured_unasked() -> None:
    calibration = NeutralCalibration()
    calibration.start(None, 1.0)
    calibration.keep([])
    calibration.observe(IDS, REST, 0.0)
    calibration.keep([])
    for i in range(40):
        calibration.observe(np.array([9]), REST, 600 + i / 20)
    assert calibration.baselines == {}
    assert calibration.progress == {}


@pytest.mark.parametrize("who", [1, None])
def test_clear_brings_the_raw_reading_back(who: int | None) -> None:
    calibration = rested()
    calibration.clear(who)
    np.testing.assert_array_equal(calibration.apply(IDS, REST), REST)
    calibration.observe(IDS, REST, 99.0)
    assert calibration.progress == {}


def test_exact_zeros_and_ones_stay_numbers() -> None:
    sure = np.eye(7, dtype=np.float32)[[5]]
    calibration = NeutralCalibration()
    calibration.start({1}, 0.5)
    for i in range(20):
        calibration.observe(IDS, sure, i / 20)
    moved = calibration.apply(IDS, sure)
    assert np.isfinite(moved).all()
    assert moved.argmax() == 4
