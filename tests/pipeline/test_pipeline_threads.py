"""Several pipelines share one network; settings change while frames are read."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_classifiers import FakeClassifier

from emotion_core import Frame, FrameResult, Pipeline
from emotion_core.config import PipelineSettings
from emotion_core.media.synthetic import sample_frames

SCENARIOS = ("move", "scale", "turn", "dim")


@pytest.fixture(scope="module")
def clips() -> dict[str, list[Frame]]:
    return {s: list(sample_frames(1, 12, size=(320, 240), scenario=s)) for s in SCENARIOS}


def in_threads(tasks: list[Callable[[], None]]) -> None:
    """Run tasks at the same time; the first error of any of them is raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(tasks))

    def guarded(task: Callable[[], None]) -> None:
        try:
            barrier.wait(30)
            task()
        except BaseException as error:  # handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def assert_same(first: list[FrameResult], second: list[FrameResult]) -> None:
    for a, b in zip(first, second, strict=True):
        assert a.to_dict() == b.to_dict()


def test_eight_pipelines_on_one_network_read_as_one_alone(
    made_models: Path, clips: dict[str, list[Frame]]
) -> None:
    from emotion_core.model.classify import load_classifier

    shared = load_classifier("tiny", made_models)
    alone = {
        s: [pipeline.process(f) for f in frames]
        for s, frames in clips.items()
        for pipeline in [Pipeline(shared)]
    }
    answers: dict[int, list[FrameResult]] = {}

    def task(number: int) -> Callable[[], None]:
        def read() -> None:
            pipeline = Pipeline(shared)
            for _ in range(2):
                pipeline.reset()
                frames = clips[SCENARIOS[number % 4]]
                answers[number] = [pipeline.process(f) for f in frames]

        return read

    in_threads([task(i) for i in range(8)])
    for number, results in answers.items():
        assert_same(results, alone[SCENARIOS[number % 4]])


def test_controls_may_be_turned_while_frames_are_read(
    classifier: FakeClassifier, clips: dict[str, list[Frame]]
) -> None:
    pipeline = Pipeline(classifier)
    seen: list[FrameResult] = []
    done = threading.Event()

    def read() -> None:
        try:
            for lap in range(4):
                frames = (Frame(f.image, f.index, f.time_s + lap) for f in clips["turn"])
                seen.extend(map(pipeline.process, frames))
        finally:
            done.set()

    def turn() -> None:
        i = 0
        while not done.is_set():
            i += 1
            pipeline.update_settings(PipelineSettings(smoothing_strength=(i % 11) / 10))
            pipeline.start_calibration(None, seconds=0.3)
            assert all(0 <= p <= 1 for p in pipeline.calibration_progress.values())
            pipeline.clear_calibration()

    in_threads([read, turn])
    assert {tuple(result.track_ids.tolist()) for result in seen} == {(1,)}
    np.testing.assert_allclose(np.concatenate([r.probs for r in seen]).sum(axis=1), 1, atol=1e-5)
