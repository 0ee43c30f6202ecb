"""Who speaks is told by turning points of the mouth that the rest of the face does not share."""

from collections.abc import Callable

import numpy as np
import pytest

from emotion_core.datatypes import FloatArray
from emotion_core.vision.mouth_motion import (
    NOT_SPEAKING,
    SPEAKING,
    UNKNOWN,
    MouthMotion,
    SpeechDetector,
    turning_points,
)

Y, X = np.mgrid[0:48, 0:48].astype(np.float32)


def spot(x: float, y: float, width: float, height: float) -> FloatArray:
    away = ((X - x) / width) ** 2 + ((Y - y) / height) ** 2
    return np.asarray(np.exp(-away / 2), np.float32)


def face(opening: float = 0.0, x: float = 0.0, y: float = 0.0, light: float = 1.0) -> FloatArray:
    """A drawn face: eyes, brows, nose and a mouth that may be open; shifted, and in other light."""
    dark = 90 * (spot(15 + x, 18 + y, 3, 2) + spot(33 + x, 18 + y, 3, 2))
    dark += 50 * (spot(15 + x, 12 + y, 5, 1) + spot(33 + x, 12 + y, 5, 1))
    dark += 30 * spot(24 + x, 26 + y, 2, 4) + 70 * spot(24 + x, 37 + y, 6, 1 + 2 * opening)
    return np.asarray(light * (180 - dark), np.float32)


def syllables(time_s: float) -> float:
    return float(0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s))


def told(frames: list[tuple[float, FloatArray]]) -> list[int]:
    mouth = MouthMotion()
    return [mouth.update(crop, time_s) for time_s, crop in frames]


def clip(
    fps: float, seconds: float = 4.0, noise: float = 1.0, **moving: Callable[[float], float]
) -> list[int]:
    """States of a face whose opening, place or light are functions of the time."""
    rng = np.random.default_rng(3)
    frames = []
    for index in range(round(seconds * fps)):
        now = {name: change(index / fps) for name, change in moving.items()}
        crop = face(**now) + rng.normal(0, noise, (48, 48)).astype(np.float32)
        frames.append((index / fps, crop))
    return told(frames)


@pytest.mark.parametrize("fps", [8, 10, 12, 15, 24, 25, 30, 50, 60])
def test_syllables_are_speech_at_any_rate(fps: float) -> None:
    states = clip(fps, opening=lambda t: syllables(0.93 * t))
    assert states[0] == UNKNOWN
    assert set(states[-round(2 * fps) :]) == {SPEAKING}


@pytest.mark.parametrize("fps", [4, 7])
def test_too_few_frames_tell_nothing(fps: float) -> None:
    assert set(clip(fps, opening=syllables)) == {UNKNOWN}


@pytest.mark.parametrize(
    "moving",
    [
        pytest.param({}, id="still"),
        pytest.param({"y": lambda t: 1.2 * np.sin(2 * np.pi * 3 * t)}, id="nodding"),
        pytest.param({"x": lambda t: 1.2 * np.sin(2 * np.pi * 4 * t)}, id="shaking"),
        pytest.param({"light": lambda t: 0.8 + 0.2 * (int(6 * t) % 2)}, id="blinking light"),
        pytest.param({"opening": lambda t: np.clip((t - 1.5) / 0.3, 0, 1)}, id="one change"),
        pytest.param({"opening": lambda t: np.exp(-(((t - 2) / 0.3) ** 2))}, id="one laugh"),
    ],
)
@pytest.mark.parametrize("fps", [10, 25])
def test_what_else_moves_is_no_speech(
    moving: dict[str, Callable[[float], float]], fps: float
) -> None:
    states = clip(fps, 4.0, 1.0, **moving)
    assert SPEAKING not in states
    assert NOT_SPEAKING in states


@pytest.mark.parametrize("fps", [10, 30])
def test_noise_is_no_speech(fps: float) -> None:
    assert SPEAKING not in clip(fps, noise=15.0)


def test_speech_is_told_while_the_head_moves() -> None:
    states = clip(
        25, opening=syllables, x=lambda t: 1.5 * np.sin(3 * t), light=lambda t: 1 - 0.05 * t
    )
    assert set(states[50:]) == {SPEAKING}


def test_speech_ends_and_a_short_pause_does_not_end_it() -> None:
    def opening(time_s: float) -> float:
        return 0.0 if 2.0 < time_s < 2.3 or time_s > 4.0 else syllables(time_s)

    states = clip(25, 6.0, opening=opening)
    assert set(states[50:100]) == {SPEAKING}
    assert set(states[-20:]) == {NOT_SPEAKING}


def test_a_face_that_was_away_begins_anew() -> None:
    frames = [(i / 25, face(syllables(i / 25))) for i in range(60)]
    later = [(3.4 + t, crop) for t, crop in frames[:10]]
    states = told([*frames, *later])
    assert states[59] == SPEAKING
    assert set(states[60:]) == {UNKNOWN}


def test_a_flat_picture_and_equal_times_do_no_harm() -> None:
    flat = np.full((48, 48), 128, np.float32)
    assert SPEAKING not in told([(i / 10, flat) for i in range(30)])
    assert set(told([(1.0, flat)] * 30)) == {UNKNOWN}


def test_each_of_several_faces_is_told_apart() -> None:
    detector = SpeechDetector()
    for index in range(60):
        crops = np.stack([face(), face(syllables(index / 25))])[..., None]
        states = detector.update(np.array([4, 9]), crops, index / 25)
    assert states == [NOT_SPEAKING, SPEAKING]
    detector.keep([4])
    assert detector.update(np.array([4, 9]), crops, 2.5) == [NOT_SPEAKING, UNKNOWN]
    detector.reset()
    assert detector.update(np.array([4]), crops[:1], 2.6) == [UNKNOWN]


@pytest.mark.parametrize(
    ("trace", "turns"),
    [([0], 0), ([0, 1, 2], 0), ([0, 2, 0], 1), ([0, 2, 1.5, 3], 0), ([0, 2, 0, 2, 0], 3)],
)
def test_turning_points_of_small_swings_do_not_count(trace: list[float], turns: int) -> None:
    assert turning_points(np.array(trace, np.float32), 1.0) == turns
