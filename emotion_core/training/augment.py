"""Random changes to training faces: a webcam is worse than the data.

One keras layer of `keras.ops`, so that it runs inside the training step on every backend. Which
images get a change that only some get is drawn first, and the change is computed for those only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any

# ITU-T T.81 (JPEG), Annex K, table K.1: luminance quantisation at quality 50.
_JPEG_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How far and how often a training face is changed; 0 switches a change off.

    The defaults are a webcam's: blurred, noisy, badly lit, partly covered faces.

    Attributes:
        rotation_deg, shift, zoom: largest rotation in degrees, shift as a share of the side, and
            change of scale as a share, each drawn uniformly in both directions.
        flip: probability of a mirror image.
        light, contrast, gamma: largest change of brightness (share of 255), of contrast (share),
            and of gamma (natural logarithm).
        blur, half_size, noise, jpeg, erase: probability of each.
    """

    rotation_deg: float = 15.0
    shift: float = 0.10
    zoom: float = 0.18
    flip: float = 0.5
    light: float = 0.10
    contrast: float = 0.25
    gamma: float = 0.2
    blur: float = 0.1
    half_size: float = 0.1
    noise: float = 0.1
    jpeg: float = 0.15
    erase: float = 0.25

    @classmethod
    def mild(cls) -> AugmentSettings:
        """Little more than the position of the face and its light.

        For a network that is to score on images like those it learns from: one of this size has
        no room to spare for damage that they do not show.
        """
        return cls(
            rotation_deg=10.0,
            shift=0.08,
            zoom=0.12,
            light=0.08,
            contrast=0.2,
            gamma=0.15,
            blur=0.03,
            half_size=0.03,
            noise=0.03,
            jpeg=0.03,
            erase=0.15,
        )


class Augment(keras.layers.Layer):
    """(N, 48, 48, 1) float32 0-255 in and out; the identity outside training."""

    def __init__(self, settings: AugmentSettings, seed: int = 0, **kwargs: Any) -> None:
        # Greys need more digits than bfloat16 has, whatever the network computes in.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.settings = settings
        # XLA for tensorflow lacks the resampling.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Tensor, training: bool = False) -> Tensor:
        """Change a batch when training."""
        images = ops.cast(images, "float32")
        if not training:
            return images
        settings = self.settings
        images = self._light(self._geometry(images))
        for change, probability in (
            (self._half_size, settings.half_size),
            (self._blur, settings.blur),
            (self._noise, settings.noise),
            (self._jpeg, settings.jpeg),
            (self._erase, settings.erase),
        ):
            images = self._some(images, change, probability)
        return ops.clip(images, 0.0, 255.0)

    def _uniform(self, shape: tuple[Any, ...], low: float, high: float) -> Tensor:
        return keras.random.uniform(shape, low, high, seed=self.seed_generator)

    def _some(
        self, images: Tensor, change: Callable[[Tensor], Tensor], probability: float
    ) -> Tensor:
        """Change a random part of the batch, and compute the change for that part only.

        As many images are drawn as the probability asks for, rounded up; each of them is changed
        with the probability that makes up for the rounding. An image is therefore changed with
        exactly the probability given, and shapes depend on the size of the batch only, as JAX
        needs it.
        """
        if not probability:
            return images
        n = ops.shape(images)[0]
        if isinstance(n, int):
            count, share = math.ceil(probability * n), probability * n
        else:
            share = probability * ops.cast(n, "float32")
            count = ops.cast(ops.ceil(share), "int32")
        chosen = ops.argsort(self._uniform((n,), 0.0, 1.0))[:count]
        before = ops.take(images, chosen, axis=0)
        draw = self._uniform((count, 1, 1, 1), 0.0, 1.0) * ops.cast(count, "float32")
        changed = ops.where(draw < share, change(before), before)
        return ops.scatter_update(images, chosen[:, None], changed)

    def _geometry(self, images: Tensor) -> Tensor:
        """Rotation, zoom, shift and mirror in one resampling, about the picture's centre."""
        settings, n, side = self.settings, ops.shape(images)[0], images.shape[1]
        angle = self._uniform((n,), -1.0, 1.0) * np.deg2rad(settings.rotation_deg)
        scale = 1.0 + self._uniform((n,), -1.0, 1.0) * settings.zoom
        mirror = ops.where(self._uniform((n,), 0.0, 1.0) < settings.flip, -1.0, 1.0)
        cosine, sine = ops.cos(angle) / scale, ops.sin(angle) / scale
        a, b, c, d = cosine * mirror, -sine, sine * mirror, cosine
        centre = (side - 1) / 2
        dx = self._uniform((n,), -1.0, 1.0) * settings.shift * side + centre
        dy = self._uniform((n,), -1.0, 1.0) * settings.shift * side + centre
        zero = ops.zeros_like(a)
        rows = [a, b, dx - (a + b) * centre, c, d, dy - (c + d) * centre, zero, zero]
        return ops.image.affine_transform(
            images, ops.stack(rows, axis=1), interpolation="bilinear", fill_mode="nearest"
        )

    def _light(self, images: Tensor) -> Tensor:
        settings, shape = self.settings, (ops.shape(images)[0], 1, 1, 1)
        gamma = ops.exp(self._uniform(shape, -1.0, 1.0) * settings.gamma)
        unit = ops.power(ops.clip(images / 255.0, 1e-4, 1.0), gamma)
        mean = ops.mean(unit, axis=(1, 2, 3), keepdims=True)
        contrast = 1.0 + self._uniform(shape, -1.0, 1.0) * settings.contrast
        offset = self._uniform(shape, -1.0, 1.0) * settings.light
        return ops.clip((unit - mean) * contrast + mean + offset, 0.0, 1.0) * 255.0

    def _half_size(self, images: Tensor) -> Tensor:
        """A face half as large, scaled up again."""
        small = ops.average_pool(images, 2, strides=2)
        height, width = images.shape[1:3]
        return ops.image.resize(small, (height, width), interpolation="bilinear")

    def _blur(self, images: Tensor) -> Tensor:
        kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype("float32")[:, :, None, None]
        soft = ops.conv(images, kernel / kernel.sum(), padding="same")
        strength = self._uniform((ops.shape(images)[0], 1, 1, 1), 0.3, 1.0)
        return images + strength * (soft - images)

    def _noise(self, images: Tensor) -> Tensor:
        sigma = self._uniform((ops.shape(images)[0], 1, 1, 1), 2.0, 16.0)
        grain = keras.random.normal(ops.shape(images), seed=self.seed_generator)
        return images + sigma * grain

    def _jpeg(self, images: Tensor) -> Tensor:
        """What JPEG loses: 8×8 cosine coefficients rounded to quantisation steps (ITU-T T.81)."""
        n, side = ops.shape(images)[0], images.shape[1]
        k = np.arange(8)
        basis = np.cos((2 * k[None, :] + 1) * k[:, None] * np.pi / 16) * 0.5
        basis[0] /= np.sqrt(2)
        matrix = ops.convert_to_tensor(basis.astype("float32"))
        blocks = ops.reshape(images - 128.0, (n, side // 8, 8, side // 8, 8))
        blocks = ops.transpose(blocks, (0, 1, 3, 2, 4))
        # Quality 20 to 80 of the usual encoders' scale.
        steps = self._uniform((n, 1, 1, 1, 1), 0.4, 2.5) * _JPEG_LUMINANCE
        transposed = ops.transpose(matrix)
        kept = ops.round(ops.matmul(ops.matmul(matrix, blocks), transposed) / steps) * steps
        back = ops.matmul(ops.matmul(transposed, kept), matrix)
        back = ops.reshape(ops.transpose(back, (0, 1, 3, 2, 4)), (n, side, side, 1))
        return back + 128.0

    def _erase(self, images: Tensor) -> Tensor:
        """A grey rectangle, as of a hand or a microphone (Zhong et al. 2020)."""
        n, side = ops.shape(images)[0], images.shape[1]
        rows = ops.reshape(ops.arange(side, dtype="float32"), (1, side, 1, 1))
        columns = ops.reshape(ops.arange(side, dtype="float32"), (1, 1, side, 1))
        shape = (n, 1, 1, 1)
        centre_y, centre_x = (self._uniform(shape, 0.0, float(side)) for _ in range(2))
        half_h, half_w = (self._uniform(shape, 0.08 * side, 0.22 * side) for _ in range(2))
        inside = ops.logical_and(
            ops.abs(rows - centre_y) < half_h, ops.abs(columns - centre_x) < half_w
        )
        return ops.where(inside, self._uniform(shape, 0.0, 255.0), images)
