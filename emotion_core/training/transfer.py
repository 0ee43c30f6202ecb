"""What a run takes over from models that were trained before: weights to begin with, answers to
learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import ModelError
from emotion_core.model.bundle import load_bundle
from emotion_core.model.network import load_network


def earlier_network(name: str, models_dir: Path | None = None) -> keras.Model:
    """The float network of a model folder.

    Raises:
        ModelError: there is no such model, or its model.keras is missing or damaged.
    """
    return load_network(load_bundle(name, models_dir))


def begin_with(network: keras.Model, earlier: keras.Model, name: str) -> None:
    """Give `network` the weights of an earlier one.

    Raises:
        ModelError: they are of another shape.
    """
    weights = earlier.get_weights()
    if [w.shape for w in weights] != [w.shape for w in network.get_weights()]:
        raise ModelError(
            f"The model {name} has another shape than the network to train, so training cannot "
            "start from it. Choose a model of the same channels and dense layers."
        )
    network.set_weights(weights)


def teach(
    targets: NDArray[np.float32],
    images: NDArray[np.uint8],
    teachers: Sequence[keras.Model],
    share: float,
) -> NDArray[np.float32]:
    """Mix teachers' answers into the targets (Hinton, Vinyals & Dean 2015).

    A person's label of an ambiguous face is one draw; the teacher has seen all the others like it.

    Args:
        targets: (N, 7) float32, rows sum to 1.
        images: (N, 48, 48, 1) uint8, the faces they belong to.
        teachers: at least one; the answers of all of them for each face and its mirror image are
            averaged.
        share: of the teachers in the result, 0-1.

    Returns:
        (N, 7) float32, rows sum to 1.
    """
    answers = np.zeros_like(targets)
    for teacher in teachers:
        for faces in (images, images[:, :, ::-1]):
            probs = teacher.predict(faces, 256, verbose=0)
            answers += keras.ops.convert_to_numpy(probs) / (2 * len(teachers))
    return np.asarray((1 - share) * targets + share * answers, np.float32)
