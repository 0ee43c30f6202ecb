"""The network: four convolutional blocks, two dense layers, a seven-way softmax.

Written with only keras layers, so that it trains on any Keras 3 backend.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion_core.errors import ModelError, SettingsError
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.bundle import KERAS_FILE, ModelBundle

if TYPE_CHECKING:
    from pathlib import Path

    import keras

INPUT_SHAPE = (48, 48, 1)
LOGITS_LAYER = "logits"
# The second hidden dense layer: what a face looks like to the network.
EMBEDDING_LAYER = "dense_2"


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The shape of the network.

    Attributes:
        architecture: `residual`, the project's own, or `classic`, the plain stack of convolutions
            that most projects of this kind use, kept as a baseline.
        channels: channels of the four residual blocks.
        dense: units of the two hidden dense layers.
        block_dropout: share of a block's channels dropped while training, 0-1 (spatial dropout).
        dense_dropout: share of the units of the dense layers dropped while training, 0-1.
    """

    architecture: str = "residual"
    channels: tuple[int, int, int, int] = (24, 48, 96, 192)
    dense: tuple[int, int] = (256, 128)
    block_dropout: float = 0.05
    dense_dropout: float = 0.3

    def __post_init__(self) -> None:
        if self.architecture not in ("residual", "classic"):
            raise SettingsError(
                f"architecture must be 'residual' or 'classic', got {self.architecture!r}."
            )
        if len(self.channels) != 4 or len(self.dense) != 2:
            raise SettingsError("A network has four blocks and two dense layers.")


def build_network(settings: NetworkSettings | None = None) -> keras.Model:
    """An untrained network.

    Input (N, 48, 48, 1) float32, grey, 0-255: scaling lives inside. Output (N, 7) float32, softmax
    over `labels.EXPRESSIONS`, uncalibrated. The layer named `logits` holds the values before it.
    """
    import keras

    settings = settings or NetworkSettings()
    image = keras.Input(INPUT_SHAPE, name="face")
    # The ends stay in float32 whatever precision is trained in: bfloat16 knows two to three digits.
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="scale")(image)
    x = _classic_body(x) if settings.architecture == "classic" else _residual_body(x, settings)
    logits = keras.layers.Dense(NUM_EXPRESSIONS, dtype="float32", name=LOGITS_LAYER)(x)
    probs = keras.layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(image, probs, name=f"expression_{settings.architecture}")


def logits_model(network: keras.Model) -> keras.Model:
    """The same network, weights shared, that answers (N, 7) logits instead of probabilities."""
    import keras

    return keras.Model(network.input, network.get_layer(LOGITS_LAYER).output)


def load_network(bundle: ModelBundle) -> keras.Model:
    """The float network of a model folder.

    Raises:
        ModelError: model.keras is missing or damaged, or the network was made elsewhere.
    """
    if bundle.external:
        raise ModelError(
            f"The network {bundle.name} was made elsewhere. This needs the float network of one "
            "that was trained with this program."
        )
    file = bundle.keras_file
    if file is None:
        raise ModelError(
            f"{bundle.path / KERAS_FILE} is missing; the float network is needed here. Restore "
            "it, or train the model again."
        )
    return read_keras(file)


def read_keras(file: Path) -> keras.Model:
    """The network of a .keras file.

    Raises:
        ModelError: it is damaged, or holds layers that keras does not know or trust.
    """
    import keras

    try:
        network: keras.Model = keras.saving.load_model(file, compile=False)
    # What zip, HDF5 and keras raise on flipped bytes.
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RuntimeError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        raise ModelError(
            f"{file} is damaged ({error}). Restore it, or train the model again."
        ) from error
    return network


def _residual_body(x: keras.KerasTensor, settings: NetworkSettings) -> keras.KerasTensor:
    from keras import layers

    for number, channels in enumerate(settings.channels, start=1):
        x = _residual_block(x, channels, settings.block_dropout, f"block_{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    for number, units in enumerate(settings.dense, start=1):
        x = layers.Dense(units, use_bias=False, name=f"dense_{number}_linear")(x)
        x = layers.BatchNormalization(name=f"dense_{number}_norm")(x)
        x = layers.ReLU(name=f"dense_{number}")(x)
        x = layers.Dropout(settings.dense_dropout, name=f"dense_{number}_dropout")(x)
    return x


def _residual_block(
    x: keras.KerasTensor, channels: int, dropout: float, name: str
) -> keras.KerasTensor:
    """Two 3×3 convolutions and a shortcut (He et al. 2016), half the size in each direction.

    Pooling comes before the second normalisation: the same function for positive scales, and a
    quarter of the work where the maps are largest.
    """
    from keras import layers

    shortcut = layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x)
    shortcut = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv_1")(x)
    x = layers.BatchNormalization(name=f"{name}_norm_1")(x)
    x = layers.ReLU(name=f"{name}_relu_1")(x)
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv_2")(x)
    x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    x = layers.BatchNormalization(name=f"{name}_norm_2")(x)
    x = layers.ReLU(name=name)(x)
    return layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(x)


def _classic_body(x: keras.KerasTensor) -> keras.KerasTensor:
    """Convolutions 64 (3×3), 128 (5×5), 512, 512 (3×3), dense 256 and 512: the usual recipe."""
    from keras import layers

    for number, (channels, size) in enumerate(((64, 3), (128, 5), (512, 3), (512, 3)), start=1):
        x = layers.Conv2D(channels, size, padding="same", name=f"block_{number}_conv")(x)
        x = layers.BatchNormalization(name=f"block_{number}_norm")(x)
        x = layers.ReLU(name=f"block_{number}")(x)
        x = layers.MaxPooling2D(2, name=f"block_{number}_pool")(x)
        x = layers.Dropout(0.25, name=f"block_{number}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate((256, 512), start=1):
        x = layers.Dense(units, name=f"dense_{number}_linear")(x)
        x = layers.BatchNormalization(name=f"dense_{number}_norm")(x)
        x = layers.ReLU(name=f"dense_{number}")(x)
        x = layers.Dropout(0.25, name=f"dense_{number}_dropout")(x)
    return x
