"""What a run takes over from models that were trained before: weights to begin with, answers to
learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import CheckpointError, ModelError, SettingsError
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.model.bundle import load_bundle
from emotion_core.model.network import INPUT_SHAPE, load_network
from emotion_core.training.checkpoint import RunFolder
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.trainer import build_heads


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


def load_teacher(name: str, run_path: Path, models_dir: Path | None = None) -> keras.Model:
    """A teacher: the best network of the run `name` inside this run's folder, else a model.

    Raises:
        ModelError: there is none, or it answers about other images or expressions, or in another
            order.
        CheckpointError: its run is damaged or not finished.
    """
    folder = RunFolder(run_path / name)
    state = folder.load()
    if state is None:
        teacher = earlier_network(name, models_dir)
        _check_shape(teacher, name)
        return teacher
    if state.labels != list(EXPRESSIONS):
        raise ModelError(
            f"The teacher in {folder.path} answers in the order {state.labels}, needed is "
            f"{list(EXPRESSIONS)}. Train it again with this version."
        )
    if not state.best_epoch:
        raise CheckpointError(f"The teacher in {folder.path} has no finished epoch.")
    try:
        teacher = build_heads(TrainingSettings.from_dict(state.settings))
    except SettingsError as error:
        raise CheckpointError(f"{folder.path} cannot be read: {error}") from error
    load_weights(teacher, folder.best_weights(state.best_epoch))
    return teacher


def _check_shape(teacher: keras.Model, name: str) -> None:
    shapes = teacher.input_shape[1:], teacher.outputs[0].shape[1:]
    if shapes != (INPUT_SHAPE, (NUM_EXPRESSIONS,)):
        raise ModelError(
            f"The teacher {name} turns {shapes[0]} into {shapes[1]}, needed is a network that "
            f"turns {INPUT_SHAPE} into {(NUM_EXPRESSIONS,)}. Choose another model."
        )


def load_weights(model: keras.Model, path: Path) -> None:
    """Give a model the weights of a file.

    Raises:
        CheckpointError: it is damaged or of another network.
    """
    try:
        model.load_weights(path)
    # What HDF5 and keras raise on flipped bytes.
    except (OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is damaged or of another network ({error}). Delete its folder to begin again."
        ) from error


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
