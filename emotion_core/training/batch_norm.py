"""Batch normalisation that trains faster under tensorflow."""

from __future__ import annotations

from typing import Any

import keras

Tensor = Any


class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with tensorflow's fused operation, where that is at hand.

    The keras layer computes moments, differences and products one by one, each of which goes
    through the whole map in memory, there and back. The fused operation gives the same numbers up
    to rounding. It is meant for maps of the shape (N, height, width, channels), normalised over the
    last axis; anything else, and any other backend, is left to keras.

    The name and the weights are those of the keras layer, so that each reads what the other saves.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The moments stay in float32, as the fused operation wants them; it takes maps in bfloat16.
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Normalise a batch; in training by its own moments, which the moving ones follow."""
        if keras.backend.backend() != "tensorflow" or mask is not None or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        from tensorflow.compat.v1.nn import fused_batch_norm

        if not (training and self.trainable):
            known = {"mean": self.moving_mean, "variance": self.moving_variance}
            return fused_batch_norm(
                inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=False, **known
            )[0]
        normalised, mean, variance = fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        # The operation estimates the variance of all maps, keras takes that of the batch.
        count = keras.ops.cast(keras.ops.size(inputs) // inputs.shape[-1], "float32")
        variance = variance * (count - 1) / count
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return normalised


def with_fused_norms(network: keras.Model) -> keras.Model:
    """A copy of a network, in the same precision, that normalises its batches faster."""

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        plain = type(layer) is keras.layers.BatchNormalization
        kind = BatchNormalization if plain else type(layer)
        # Some layers of keras do not tell their whole policy.
        return kind.from_config(layer.get_config() | {"dtype": layer.dtype_policy})

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy
