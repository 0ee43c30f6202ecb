"""How many images a second a training step takes, and what makes it faster.

python -m benchmarks.training_step

Prints and writes results/training_step.json; a quarter of an hour on two cores. In one run and in
turns: the step as it is; one that computes every change for every image, where a rare change is
else computed only for the images that get it; one that normalises batches as keras does; and one
that asks every teacher about every face. CPU time is told next to wall time, as it hardly depends
on what else the machine does. The networks are those of the recipes, in each precision, on random
faces.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import keras
import numpy as np
from keras import ops

from benchmarks.common import save
from emotion_core.training import trainer as trainers
from emotion_core.training.augment import Augment
from emotion_core.training.recipes import best, quick
from emotion_core.training.settings import PRECISIONS, TrainingSettings
from emotion_core.training.trainer import (
    AskInTurn,
    build_heads,
    build_learner,
    computing_in,
    make_trainer,
)

AUGMENTED: Final = 256


class EveryImage(Augment):
    """The same changes, each computed for all images of the batch."""

    def _some(self, images: Any, change: Callable[[Any], Any], probability: float) -> Any:
        draw = self._uniform((ops.shape(images)[0], 1, 1, 1), 0.0, 1.0)
        return ops.where(draw < probability, change(images), images)


def in_turns(works: dict[str, Callable[[], Any]], rounds: int, images: int) -> dict[str, Any]:
    """Images a second of wall time and of CPU time: medians over the rounds."""
    for work in works.values():
        work(), work()
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began, used = time.perf_counter(), time.process_time()
            work()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - used)
    return {
        name: {
            "images_per_second": round(images / float(np.median(wall[name])), 1),
            "images_per_cpu_second": round(images / float(np.median(cpu[name])), 1),
        }
        for name in works
    }


def augmentation_only(rounds: int) -> dict[str, Any]:
    """The augmentation without a network."""
    import tensorflow as tf

    settings = TrainingSettings().augment
    assert settings is not None
    rng = np.random.default_rng(0)
    faces = tf.constant(rng.integers(0, 256, (AUGMENTED, 48, 48, 1)).astype(np.float32))
    kinds = {"every image": EveryImage(settings), "drawn first": Augment(settings)}
    works: dict[str, Callable[[], Any]] = {
        name: partial(tf.function(layer), faces, training=True) for name, layer in kinds.items()
    }
    return in_turns(works, rounds, AUGMENTED)


class AskAll(keras.layers.Layer):
    """The mean answer of all teachers about each face."""

    def __init__(self, teachers: Sequence[keras.Model], heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._each = [AskInTurn([teacher], heads) for teacher in teachers]
        self.trainable = False

    def call(self, faces: Any) -> list[Any]:
        """Ask about a batch."""
        told = zip(*(ask(faces) for ask in self._each), strict=True)
        return [sum(answers) / len(self._each) for answers in told]


# What of `emotion_core.training.trainer` is exchanged; what has no teachers is not asked all.
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "now": {},
    "every change for every image": {"Augment": EveryImage},
    "normalised by keras": {"with_fused_norms": lambda network: network},
    "every teacher about every face": {"AskInTurn": AskAll},
}


def steps_of(settings: TrainingSettings, rounds: int) -> dict[str, Any]:
    """Whole steps of a recipe: as they are, and without what makes them faster."""
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (settings.batch_size, 48, 48, 1), np.uint8)
    classes = rng.integers(0, 7, settings.batch_size)
    works: dict[str, Callable[[], Any]] = {}
    for name, exchanged in VARIANTS.items():
        if "AskInTurn" in exchanged and not settings.same_view:
            continue
        with computing_in(settings.precision), ExitStack() as patches:
            for part, instead in exchanged.items():
                patches.enter_context(patch.object(trainers, part, instead))
            network = build_learner(settings)
            count = len(settings.teachers) if settings.same_view else 0
            teachers = [build_heads(settings) for _ in range(count)]
            model = make_trainer(network, settings, 100, teachers)
        said = np.tile(np.eye(7, dtype=np.float32)[classes], len(network.outputs))
        works[name] = partial(model.train_on_batch, faces, said)
    return in_turns(works, rounds, settings.batch_size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args(arguments).rounds
    recipes = {
        "quick": quick().network,
        "best, a teacher": best().teachers["teacher_2"],
        "best, the network": best().network,
    }
    found: dict[str, Any] = {"augmentation": augmentation_only(3 * rounds), "steps": {}}
    for name, settings in recipes.items():
        found["steps"][name] = {
            precision: steps_of(dataclasses.replace(settings, precision=precision), rounds)
            for precision in PRECISIONS
        }
    save("training_step", found)


if __name__ == "__main__":
    main()
