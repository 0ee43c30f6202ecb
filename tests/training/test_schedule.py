"""The learning rate of each step."""

import keras
import numpy as np
import pytest

from emotion_core.training.schedule import WarmCosine


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_it_is_keras_s_warm_up_and_cosine(warmup: int) -> None:
    """Up to the end, and beyond it."""
    highest, decay = 3e-3, 40
    ours = WarmCosine(highest, warmup, decay)
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else highest,
        decay_steps=decay,
        warmup_target=highest if warmup else None,
        warmup_steps=warmup,
    )
    steps = range(warmup + decay + 3)
    rates, expected = ([float(schedule(step)) for step in steps] for schedule in (ours, theirs))
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-9)
    assert max(rates) == pytest.approx(highest)
    assert rates[-3:] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_it_can_be_saved_and_made_again() -> None:
    schedule = WarmCosine(1e-2, 3, 9)
    again = WarmCosine(**schedule.get_config())
    assert [float(again(i)) for i in range(12)] == [float(schedule(i)) for i in range(12)]
