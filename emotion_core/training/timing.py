"""How fast this machine trains a recipe, in each precision, from ten steps of random faces."""

from __future__ import annotations

import dataclasses
import time
from typing import Final

import numpy as np

from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.network import INPUT_SHAPE
from emotion_core.training.settings import PRECISIONS, TrainingSettings
from emotion_core.training.trainer import build_heads, build_learner, computing_in, make_trainer

STEPS: Final = 10
# Fewer images than this, over all epochs, are trained sooner than both precisions are timed.
WORTH_TIMING: Final = 200_000
# The first steps build the graph and fill the caches.
_WARM_UP: Final = 2


def images_per_second(settings: TrainingSettings, steps: int = STEPS) -> float:
    """Images of a recipe that this machine trains on in a second: the median of `steps` steps.

    Teachers that answer in every step are networks of the recipe's own shape.
    """
    with computing_in(settings.precision):
        network = build_learner(settings)
        count = len(settings.teachers) if settings.same_view else 0
        teachers = [build_heads(settings) for _ in range(count)]
        trainer = make_trainer(network, settings, steps, teachers)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (settings.batch_size, *INPUT_SHAPE), np.uint8)
    classes = rng.integers(0, NUM_EXPRESSIONS, settings.batch_size)
    said = np.tile(np.eye(NUM_EXPRESSIONS, dtype=np.float32)[classes], len(network.outputs))
    times = []
    for _ in range(_WARM_UP + steps):
        began = time.perf_counter()
        trainer.train_on_batch(faces, said)
        times.append(time.perf_counter() - began)
    return settings.batch_size / float(np.median(times[_WARM_UP:]))


def choose_precision(
    settings: TrainingSettings, steps: int = STEPS
) -> tuple[TrainingSettings, dict[str, float]]:
    """The recipe in the faster precision, and the images a second in each."""
    variants = {p: dataclasses.replace(settings, precision=p) for p in PRECISIONS}
    speeds = {name: images_per_second(variant, steps) for name, variant in variants.items()}
    return variants[max(speeds, key=speeds.__getitem__)], speeds
