"""From frames to who speaks, and readings that are smoothed more meanwhile."""

import dataclasses
import itertools

import numpy as np
import pytest
from made_classifiers import FakeClassifier

from benchmarks.speaking import Score, Track, flicker
from benchmarks.speaking_clips import Clip, silent_clips, speaking_clips
from emotion_core import Frame, FrameResult, Pipeline
from emotion_core.config import PipelineSettings
from emotion_core.errors import SettingsError
from emotion_core.media.synthetic import sample_frames

FPS = 12.0


def clip(name: str) -> Clip:
    return next(c for c in [*speaking_clips(), *silent_clips()] if c.name == name)


def states(name: str, seconds: float = 4.0, fps: float = FPS) -> list[list[int]]:
    """What is told of each face in the second half of the time, from left to right."""
    pipeline = Pipeline(FakeClassifier())
    told: list[list[int]] = []
    for frame in clip(name).frames(fps):
        if frame.time_s >= seconds:
            break
        result = pipeline.process(frame)
        if frame.time_s >= seconds / 2:
            told.append(result.speaking[np.argsort(result.boxes[:, 0])].tolist())
    return [list(face) for face in zip(*told, strict=True)]


def test_of_two_people_the_one_who_speaks_is_told() -> None:
    left, right = states("two people, one speaks")
    assert np.mean(np.array(left) == 1) > 0.9
    assert set(right) == {0}


@pytest.mark.parametrize("name", ["nodding", "changing expressions", "blinking light"])
def test_a_silent_person_is_not_told_to_speak(name: str) -> None:
    (told,) = states(name)
    assert set(told) == {0}


def test_a_slow_stream_does_not_know() -> None:
    (told,) = states("speech", fps=5.0)
    assert set(told) == {-1}


def test_a_photo_does_not_know_and_says_so(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier, PipelineSettings.for_photo())
    result = pipeline.process(next(iter(sample_frames(1.0, 10.0))))
    assert result.speaking.tolist() == [-1]
    assert result.to_dict()["faces"][0]["speaking"] is None


def test_a_cut_forgets_who_spoke(classifier: FakeClassifier) -> None:
    pipeline, said = Pipeline(classifier), []
    for frame in clip("speech").frames(FPS):
        if frame.time_s > 3.0:
            break
        said.append(pipeline.process(frame))
    assert said[-1].speaking.tolist() == [1]
    blank = np.full_like(frame.image, 240)
    pipeline.process(Frame(blank, frame.index, frame.time_s))
    for back in range(1, 6):
        later = Frame(frame.image, frame.index + back, frame.time_s + back / FPS)
        result = pipeline.process(later)
    assert result.shot > 1
    assert 1 not in result.speaking.tolist()


def test_results_made_by_hand_need_not_say_who_speaks() -> None:
    probs = np.full((2, 7), 1 / 7, np.float32)
    flags, ids = np.zeros(2, bool), np.array([1, 2])
    boxes, scores = np.zeros((2, 4), np.float32), np.ones(2, np.float32)
    result = FrameResult(0, 0.0, boxes, ids, probs, probs, scores, flags, flags, ((), ()))
    assert result.speaking.dtype == np.int8
    assert result.speaking.tolist() == [-1, -1]
    told = dataclasses.replace(result, speaking=np.array([1, 0], np.int8))
    assert [face["speaking"] for face in told.to_dict()["faces"]] == [True, False]
    with pytest.raises(ValueError, match="reshape"):
        dataclasses.replace(result, speaking=np.zeros(3, np.int8))


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_the_smoothing_while_speaking_has_a_range(strength: float) -> None:
    with pytest.raises(SettingsError, match="speaking_smoothing"):
        PipelineSettings(speaking_smoothing=strength)


class Wavering(FakeClassifier):
    """Happy in every other frame, surprised in the others."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

    def logits(self, crops: np.ndarray) -> np.ndarray:
        self._calls += 1
        logits = np.zeros((len(crops), 7), np.float32)
        logits[:, 3 if self._calls % 2 else 6] = 6.0
        return logits


@pytest.mark.parametrize("stronger", [None, 1.0])
def test_readings_of_who_speaks_are_smoothed_more(stronger: float | None) -> None:
    settings = PipelineSettings(smoothing_strength=0.2, speaking_smoothing=None)
    pipeline = Pipeline(Wavering(), settings)
    pipeline.update_settings(dataclasses.replace(settings, speaking_smoothing=stronger))
    labels: list[str] = []
    for frame in clip("speech").frames(FPS):
        result = pipeline.process(frame)
        labels += result.labels if result.speaking.tolist() == [1] else ()
        if frame.time_s > 4.0:
            break
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    assert len(labels) > 25
    assert changes < 6 if stronger else changes > 20


def test_the_benchmark_counts_seconds_and_delays() -> None:
    times = [i / 10 for i in range(100)]
    told = [-1] * 10 + [0] * 20 + [1] * 30 + [0] * 40
    score = Score()
    score.add(Track(0.0, times, told), ((2.0, 5.5),))
    assert (score.hit, score.missed, score.false, score.silent) == (3, 1, 0, 5)
    assert score.unknown == 1
    assert score.late == pytest.approx([1.0, 0.5])


def test_the_benchmark_counts_changes_only_while_somebody_speaks() -> None:
    raw = [np.eye(7, dtype=np.float32)[3 if i % 10 < 5 else 6] for i in range(100)]
    track = Track(0.0, [i / 10 for i in range(100)], [1] * 100, raw)
    changes, seconds = flicker(track, ((0.0, 5.0),), None)
    assert seconds == pytest.approx(4.9)
    assert changes == 9
    assert flicker(track, ((0.0, 5.0),), 1.0)[0] < changes
