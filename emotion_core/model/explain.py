"""Which parts of a face are evidence for an expression, and how the network represents a face.

HiResCAM (Draelos & Carin 2020, arXiv 2011.08891): the activations of a layer times the gradient of
the expression's logit, summed over channels, its positive part. The maps of the first three blocks
(24, 12 and 6 pixels wide) are each scaled to a largest value of 1 and averaged: the first alone
ranks pixels as well, but is all speckles; the coarser ones show what belongs together.

Chosen on validation faces (`python -m benchmarks.heat_maps`) by blurring the pixels that a map
ranks highest first (Petsiuk et al. 2018, arXiv 1806.07421): the winning probability, averaged over
the blurring, fell to 0.26 with this map, to 0.35 with Grad-CAM of the last block (Selvaraju et al.
2017, arXiv 1610.02391) and to 0.54 in random order. LayerCAM (Jiang et al. 2021) came close but
stays much the same when the last layer is randomised (Adebayo et al. 2018, arXiv 1810.03292): rank
correlation 0.6-0.9, against 0.1-0.4 here and 0.0 with all layers randomised.

This module imports tensorflow: it runs in a process of its own, never in the pages' server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import FrameError, ModelError
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.network import EMBEDDING_LAYER, INPUT_SHAPE, LOGITS_LAYER

if TYPE_CHECKING:
    import keras

BLOCKS: Final[tuple[str, ...]] = ("block_1", "block_2", "block_3")
_BATCH: Final = 256


def heat_maps(
    network: keras.Model, crop: NDArray[Any], layers: tuple[str, ...] = BLOCKS
) -> NDArray[np.float32]:
    """Which parts of a face are evidence for each expression.

    Args:
        network: of `network.build_network`.
        crop: (48, 48) or (48, 48, 1), grey, 0-255.
        layers: names of layers whose output is a map (N, h, w, channels).

    Returns:
        (7, 48, 48) float32 in [0, 1], one map an expression, the largest value 1; all zero where
        nothing speaks for an expression.

    Raises:
        FrameError: a crop of another shape.
        ModelError: the network has no such layers.
    """
    activations, gradients = _gradients(network, checked_crop(crop), layers)
    maps = [
        _stretched(np.maximum((a * g).sum(axis=-1), 0.0))
        for a, g in zip(activations, gradients, strict=True)
    ]
    mean: NDArray[np.float32] = _scaled(np.mean(maps, axis=0))
    return mean


def _gradients(
    network: keras.Model, crop: NDArray[np.float32], layers: tuple[str, ...]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Activations of the layers and gradients of the seven logits: (7, h, w, channels) each."""
    import keras
    import tensorflow as tf

    try:
        outputs = [network.get_layer(name).output for name in (*layers, LOGITS_LAYER)]
    except ValueError as error:
        raise ModelError(f"This network cannot be explained: {error}") from error
    inner = keras.Model(network.input, outputs)
    # Seven copies of the face: one backward pass answers for all expressions.
    faces = tf.repeat(tf.constant(crop[None]), NUM_EXPRESSIONS, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(faces)
        *activations, logits = inner(faces, training=False)
        evidence = tf.linalg.trace(logits)
    gradients = tape.gradient(evidence, activations)
    return [a.numpy() for a in activations], [g.numpy() for g in gradients]


def _stretched(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(7, h, w) → (7, 48, 48) by linear interpolation between pixel centres, largest value 1."""
    rows, columns = (_weights(maps.shape[i], INPUT_SHAPE[i - 1]) for i in (1, 2))
    return _scaled(np.einsum("ih,ehw,jw->eij", rows, maps, columns))


def _weights(source: int, target: int) -> NDArray[np.float32]:
    """(target, source): row i holds the weights of the source pixels for target pixel i."""
    place = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    low = np.floor(place).astype(int)
    weights = np.zeros((target, source), np.float32)
    rows = np.arange(target)
    np.add.at(weights, (rows, low), 1 - (place - low))
    np.add.at(weights, (rows, np.minimum(low + 1, source - 1)), place - low)
    return weights


def _scaled(maps: NDArray[Any]) -> NDArray[np.float32]:
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros(maps.shape, np.float32), where=largest > 0)


def embeddings(network: keras.Model, crops: NDArray[Any]) -> NDArray[np.float32]:
    """What faces look like to the network: the second hidden dense layer, at length 1.

    Args:
        network: of `network.build_network`.
        crops: (N, 48, 48) or (N, 48, 48, 1), grey, 0-255; N may be 0.

    Returns:
        (N, D) float32; the product of two rows is their cosine similarity. (0, 0) without a crop.

    Raises:
        ModelError: the network has no such layer.
    """
    import keras

    if not len(crops):
        return np.empty((0, 0), np.float32)
    try:
        body = keras.Model(network.input, network.get_layer(EMBEDDING_LAYER).output)
    except ValueError as error:
        raise ModelError(f"Faces cannot be compared by this network: {error}") from error
    inputs = np.asarray(crops, np.float32).reshape(-1, *INPUT_SHAPE)
    # One face is answered sooner than predict() gets ready; thousands are not.
    few = len(inputs) <= _BATCH
    values = np.asarray(
        body(inputs, training=False) if few else body.predict(inputs, _BATCH, verbose=0)
    )
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-9), np.float32)


def checked_crop(crop: NDArray[Any]) -> NDArray[np.float32]:
    """A face crop as (48, 48, 1) float32.

    Raises:
        FrameError: another shape, or values that are not numbers 0-255.
    """
    values = np.asarray(crop, np.float32)
    if values.shape not in (INPUT_SHAPE, INPUT_SHAPE[:2]):
        raise FrameError(f"A face crop must have the shape (48, 48), got {values.shape}.")
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 255):
        raise FrameError("A face crop must hold grey values from 0 to 255.")
    return values.reshape(INPUT_SHAPE)
