"""From the trained network to the served one: int8 inside, float32 logits outside.

A second output gives the pooled features, int8 as they are inside: reading them costs nothing.

Weights are int8 per channel, activations int8, both ends float32. The softmax stays out: an int8
softmax answers in steps of 1/256 and gives exact zeros, which no temperature can repair.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.errors import DatasetError, ModelError
from emotion_core.model.network import logits_model

if TYPE_CHECKING:
    import keras

    from emotion_core.datasets.dataset import Split

# Four of each expression. The converter spreads 256 steps from the least to the largest value it
# saw, and more faces bring rarer extremes: on validation the probabilities of `fer2013` differ from
# the float network's by 0.0037 on average with 28 faces, 0.0038 with 49, 0.0040 with 98 (means of
# five draws), and those of a smaller one by 0.0033 with 700, 0.0035 with 1,400.
REPRESENTATIVE_FACES: Final[int] = 28
# One draw differs from another by more than that; validation says which one is kept.
DRAWS: Final[int] = 5


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near the served network's answers are to the float network's, over N images.

    Attributes:
        images: N.
        same_answer: share of images where both name the same expression, 0-1.
        mean_difference: mean absolute difference of the uncalibrated probabilities, 0-1.
        largest_difference: the largest of them.
    """

    images: int
    same_answer: float
    mean_difference: float
    largest_difference: float


def representative_faces(
    split: Split, label_set: str, count: int = REPRESENTATIVE_FACES, seed: int = 0
) -> NDArray[np.float32]:
    """Real faces that show the converter what values to expect: as many of each expression.

    Args:
        split: the training split.
        label_set: whose labels say which expression a face shows.
        count: faces in all; a rare expression gives what it has.
        seed: of the choice.

    Returns:
        (M, 48, 48, 1) float32 0-255, M <= count.

    Raises:
        DatasetError: no image of the split carries a label.
    """
    labels = split.labels(label_set)
    classes = np.unique(labels[labels >= 0])
    if not len(classes):
        raise DatasetError(f"The {split.name} split has no image with a {label_set} label.")
    rng = np.random.default_rng(seed)
    share = max(1, count // len(classes))
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:share] for c in classes]
    rows = np.concatenate(chosen)[:count]
    return split.images[rows][..., None].astype(np.float32)


def quantise_network(network: keras.Model, faces: NDArray[np.float32]) -> bytes:
    """The served network as the bytes of a .tflite file.

    Args:
        network: with a layer named `logits`; input (N, 48, 48, 1) float32 0-255.
        faces: (M, 48, 48, 1) float32 0-255, real faces (`representative_faces`).

    Raises:
        ModelError: the network has no `logits` layer, or the converter refuses it.
    """
    import tensorflow as tf

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for i in range(len(faces)):
            yield [faces[i : i + 1]]

    try:
        converter = tf.lite.TFLiteConverter.from_keras_model(logits_model(network))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        # Integer kernels only: a float fallback inside would go unnoticed and be slow.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        # The converter prints the signature of what it saved on the way, and warns that it was
        # told no input statistics, which float32 ends do not need.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return with_features(bytes(converter.convert()))
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"The network cannot be quantised: {error}") from error


def with_features(content: bytes) -> bytes:
    """A served network that gives its pooled features, too; its logits stay the same to the bit.

    Args:
        content: of a .tflite file whose one output is the logits.

    Returns:
        The file with a second output, (1, C): what its global average pooling gives. Unchanged
        where there is none, or where it has a second output already.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    means = [
        operator.outputs[0]
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode
        == flatbuffer_utils.schema_fb.BuiltinOperator.MEAN
        and len(graph.tensors[operator.outputs[0]].shape) == 2
    ]
    if not means or len(graph.outputs) > 1:
        return content
    graph.outputs = np.array([*graph.outputs, means[-1]], np.int32)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def float_network(network: keras.Model) -> bytes:
    """The same network as a .tflite file with float32 inside: what quantising it is set against.

    Raises:
        ModelError: the converter refuses the network.
    """
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_keras_model(logits_model(network))
        with contextlib.redirect_stdout(io.StringIO()):
            return bytes(converter.convert())
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"The float network cannot be converted: {error}") from error


def write_quantised(network: keras.Model, faces: NDArray[np.float32], path: Path) -> None:
    """Quantise and write model.tflite; the old file stays until the new one is complete."""
    replace_file(path, quantise_network(network, faces))


def agreement(float_probs: NDArray[Any], served_probs: NDArray[Any]) -> Agreement:
    """Compare the uncalibrated probabilities (N, 7) of both networks on the same images.

    Raises:
        ValueError: the shapes differ or there is no image.
    """
    if float_probs.shape != served_probs.shape or not len(float_probs):
        raise ValueError(f"cannot compare {float_probs.shape} with {served_probs.shape}")
    difference = np.abs(float_probs - served_probs)
    same = float_probs.argmax(1) == served_probs.argmax(1)
    return Agreement(
        len(same), float(same.mean()), float(difference.mean()), float(difference.max())
    )
