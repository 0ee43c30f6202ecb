"""The learning rate over a run: a linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

import math
from typing import Any

import keras


class WarmCosine(keras.optimizers.schedules.LearningRateSchedule):
    """What `CosineDecay` of keras computes, without its branches and its checks.

    Weight decay asks for the rate once for each weight, and each time becomes part of the graph of
    a training step: with keras's own schedule that is a third of the time before the first step.
    """

    def __init__(self, highest: float, warmup_steps: int, decay_steps: int) -> None:
        self._highest, self._warmup, self._decay = highest, warmup_steps, decay_steps

    def __call__(self, step: Any) -> Any:
        """The rate of the step with this number, a float32 scalar."""
        step = keras.ops.cast(step, "float32")
        after = keras.ops.clip((step - self._warmup) / self._decay, 0.0, 1.0)
        share = 0.5 + 0.5 * keras.ops.cos(math.pi * after)
        if self._warmup:
            # The cosine is 1 during the warm-up, and the line is above 1 after it.
            share = keras.ops.minimum(step / self._warmup, share)
        return self._highest * share

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {
            "highest": self._highest,
            "warmup_steps": self._warmup,
            "decay_steps": self._decay,
        }
