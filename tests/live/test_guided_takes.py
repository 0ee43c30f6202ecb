"""Guided takes: which expression is asked for when, and what is kept of it."""

import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.labels import EXPRESSIONS
from emotion_core.live.guided_takes import HOLD_S, LEAST_READINGS, READY_S, GuidedTakes

TAKE_S = READY_S + HOLD_S


def reading(time_s: float, *faces: tuple[float, int], predicted: bool = False) -> FrameResult:
    """Faces as (side in pixels, expression that the network reads)."""
    count = len(faces)
    probs = np.full((count, 7), 0.05, np.float32)
    for row, (_, expression) in enumerate(faces):
        probs[row, expression] = 0.7
    return FrameResult(
        index=0,
        time_s=time_s,
        boxes=np.array([(0, 0, side, side) for side, _ in faces], np.float32).reshape(-1, 4),
        track_ids=np.arange(1, count + 1),
        raw_probs=probs,
        probs=np.full((count, 7), 1 / 7, np.float32),
        detection_scores=np.ones(count, np.float32),
        predicted=np.full(count, predicted),
        unsure=np.zeros(count, bool),
        quality=((),) * count,
    )


def held(guide: GuidedTakes, take: int, *faces: tuple[float, int], begun_s: float = 0.0) -> None:
    """Ten frames of take number `take`, the first while there is still time to get ready."""
    for share in np.linspace(0.1, 0.95, 10):
        guide.observe(reading(begun_s + (take + share) * TAKE_S, *faces))


def test_every_expression_is_asked_for_in_turn() -> None:
    guide = GuidedTakes(10.0, takes=2)
    asked = [guide.prompt(10.0 + (i + 0.5) * TAKE_S) for i in range(14)]
    assert [p.expression for p in asked if p] == [*EXPRESSIONS] * 2
    assert [p.take for p in asked if p] == [1] * 7 + [2] * 7
    assert [p.done for p in asked if p] == list(range(14))
    assert guide.prompt(10.0 + 14 * TAKE_S) is None


def test_it_says_when_to_hold() -> None:
    guide = GuidedTakes(0.0)
    ready, hold = guide.prompt(0.5), guide.prompt(READY_S + 0.5)
    assert ready is not None
    assert hold is not None
    assert (ready.holding, hold.holding) == (False, True)
    assert ready.left_s == pytest.approx(READY_S - 0.5)
    assert hold.left_s == pytest.approx(HOLD_S - 0.5)


def test_a_take_becomes_one_labelled_reading() -> None:
    guide = GuidedTakes(0.0, takes=1)
    for take in range(7):
        held(guide, take, (100.0, 3 if take == 0 else take))
    assert guide.prompt(7 * TAKE_S) is None
    probs, labels = guide.taken()
    assert labels.tolist() == list(range(7))
    assert probs.argmax(axis=1).tolist() == [3, 1, 2, 3, 4, 5, 6], (
        "the first was not shown as asked"
    )
    assert probs.sum(axis=1) == pytest.approx(np.ones(7))


def test_the_largest_face_counts_and_one_out_of_sight_does_not() -> None:
    guide = GuidedTakes(0.0)
    held(guide, 0, (40.0, 5), (120.0, 0), (60.0, 5))
    for _ in range(10):
        guide.observe(reading(1.5 * TAKE_S, (100.0, 1), predicted=True))
        guide.observe(reading(2.5 * TAKE_S))
    probs, labels = guide.taken()
    assert labels.tolist() == [0]
    assert probs.argmax() == 0


def test_too_few_readings_are_no_take() -> None:
    guide = GuidedTakes(0.0)
    for _ in range(LEAST_READINGS - 1):
        guide.observe(reading(0.9 * TAKE_S, (100.0, 0)))
    guide.stop()
    assert not len(guide.taken()[1])


def test_a_skip_goes_on_at_once_and_leaves_the_take_out() -> None:
    guide = GuidedTakes(0.0)
    held(guide, 0, (100.0, 0))
    held(guide, 1, (100.0, 1))
    guide.skip(1.96 * TAKE_S)
    prompt = guide.prompt(1.97 * TAKE_S)
    assert prompt is not None
    assert (prompt.expression, prompt.holding) == (EXPRESSIONS[2], False)
    held(guide, 0, (100.0, 2), begun_s=1.96 * TAKE_S)
    guide.prompt(3 * TAKE_S)
    assert guide.taken()[1].tolist() == [0, 2]


def test_stopping_keeps_the_takes_that_are_over() -> None:
    guide = GuidedTakes(0.0)
    held(guide, 0, (100.0, 0))
    held(guide, 1, (100.0, 1))
    guide.stop()
    assert guide.prompt(1.99 * TAKE_S) is None
    assert guide.taken()[1].tolist() == [0]
    guide.skip(2.0)
    guide.stop()
    assert guide.taken()[1].tolist() == [0]
