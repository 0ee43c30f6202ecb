"""What a network is made of, read from model.keras without keras: shapes, parameters, work.

A .keras file is a zip whose config.json lists the layers in order, with the shape of every tensor
that goes into them (Keras 3, `keras.saving`). Counting from that list takes milliseconds, where
loading the network would bring tensorflow into the server of the pages. A model of which only the
scores are kept has only that list, as config.json.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json
from emotion_core.errors import ModelError

Shape = tuple[int, ...]
# Larger than any list of layers; a file that claims more is none of ours.
_MAX_CONFIG_BYTES: Final[int] = 20_000_000
_STAGES: Final = re.compile(r"(block|dense)_(\d+)")
_ENDINGS: Final[dict[str, str]] = {
    "logits": "softmax",
    "probabilities": "softmax",
    "pool": "average",
    "flatten": "flatten",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        name: as the network calls it.
        kind: its Keras class, such as `Conv2D`.
        input_shape, output_shape: (height, width, channels) or (units,), without the batch.
        parameters: trained and kept values, moving averages included, as keras counts them.
        multiply_adds: for one face; normalisation and activations, which need no products of
            their own once they are folded into their neighbours, count as 0.
    """

    name: str
    kind: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Layers that a person would draw as one box, in order.

    Attributes:
        title: `input`, `block 1`, … `dense 2`, `softmax`.
        layers: at least one.
    """

    title: str
    layers: tuple[Layer, ...]

    @property
    def output_shape(self) -> Shape:
        """Of its last layer."""
        return self.layers[-1].output_shape

    @property
    def parameters(self) -> int:
        """Of all its layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of all its layers, for one face."""
        return sum(layer.multiply_adds for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A whole network.

    Attributes:
        stages: from the input to the softmax.
        uncounted: names of layers of a kind whose weights cannot be counted here; mostly empty.
    """

    stages: tuple[Stage, ...]
    uncounted: tuple[str, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer, in order."""
        return tuple(layer for stage in self.stages for layer in stage.layers)

    @property
    def parameters(self) -> int:
        """Of the whole network."""
        return sum(stage.parameters for stage in self.stages)

    @property
    def multiply_adds(self) -> int:
        """Of the whole network, for one face."""
        return sum(stage.multiply_adds for stage in self.stages)


def architecture_file(folder: Path) -> Path:
    """Where a model folder lists its layers: model.keras, or config.json where it is not kept."""
    whole, alone = folder / "model.keras", folder / "config.json"
    return alone if alone.is_file() and not whole.is_file() else whole


def read_architecture(path: Path) -> Architecture:
    """Read the layers of a .keras file, or of its config.json; nothing of it is run.

    Raises:
        ModelError: the file is missing, damaged, or holds no graph of layers.
    """
    try:
        if path.suffix == ".json":
            return architecture_of(parse_json(path.read_bytes()))
        with zipfile.ZipFile(path) as file:
            if file.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
                raise ModelError(f"{path} describes its layers with far too many words.")
            config = parse_json(file.read("config.json"))
        return architecture_of(config)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: the float network is not kept here.") from error
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
    ) as error:
        raise ModelError(f"{path} cannot be read ({error}). Restore it or train again.") from error


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """The same from the values of config.json.

    Raises:
        KeyError, TypeError, ValueError, IndexError: they describe no graph of layers.
    """
    entries = config["config"]["layers"]
    produced = _tensor_shapes(entries)
    layers, uncounted = [], []
    for entry in entries:
        layer, known = _layer(entry, produced)
        layers.append(layer)
        uncounted += [] if known else [layer.name]
    if not layers:
        raise ValueError("no layer")
    return Architecture(tuple(_stages(layers)), tuple(uncounted))


def _inputs(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tensors that go into a layer."""
    found: list[Mapping[str, Any]] = []
    for node in entry.get("inbound_nodes", []):
        for value in node["args"]:
            tensors = value if isinstance(value, list) else [value]
            found += [t["config"] for t in tensors if isinstance(t, dict) and "config" in t]
    return found


def _tensor_shapes(entries: Iterable[Mapping[str, Any]]) -> dict[str, Shape]:
    """Layer → shape of what it puts out, as those that take it in describe it."""
    shapes = {}
    for entry in entries:
        for tensor in _inputs(entry):
            shapes[str(tensor["keras_history"][0])] = _without_batch(tensor["shape"])
    return shapes


def _without_batch(shape: Iterable[int | None]) -> Shape:
    return tuple(int(side or 0) for side in tuple(shape)[1:])


def _layer(entry: Mapping[str, Any], produced: Mapping[str, Shape]) -> tuple[Layer, bool]:
    """One layer, and whether its weights could be counted."""
    kind, config, name = entry["class_name"], entry["config"], str(entry["name"])
    if kind == "InputLayer":
        before = _without_batch(config.get("batch_shape") or config["batch_input_shape"])
    else:
        inputs = _inputs(entry)
        before = _without_batch(inputs[0]["shape"]) if inputs else ()
    after = produced.get(name) or ((config["units"],) if kind == "Dense" else before)
    count = _COUNTS.get(kind)
    parameters, work = count(config, before, after) if count else (0, 0)
    known = count is not None or kind in _WEIGHTLESS
    return Layer(name, kind, before, after, parameters, work), known


Count = Callable[[Mapping[str, Any], Shape, Shape], tuple[int, int]]


def _bias(config: Mapping[str, Any], values: int) -> int:
    return values if config.get("use_bias", True) else 0


def _dense(config: Mapping[str, Any], before: Shape, after: Shape) -> tuple[int, int]:
    weights = before[-1] * after[-1]
    return weights + _bias(config, after[-1]), weights * math.prod(after[:-1])


def _convolution(config: Mapping[str, Any], before: Shape, after: Shape) -> tuple[int, int]:
    weights = math.prod(config["kernel_size"]) * before[-1] // config["groups"] * after[-1]
    return weights + _bias(config, after[-1]), weights * math.prod(after[:-1])


def _depthwise(config: Mapping[str, Any], _: Shape, after: Shape) -> tuple[int, int]:
    weights = math.prod(config["kernel_size"]) * after[-1]
    return weights + _bias(config, after[-1]), weights * math.prod(after[:-1])


def _separable(config: Mapping[str, Any], before: Shape, after: Shape) -> tuple[int, int]:
    middle = before[-1] * config["depth_multiplier"]
    weights = math.prod(config["kernel_size"]) * middle + middle * after[-1]
    return weights + _bias(config, after[-1]), weights * math.prod(after[:-1])


def _normalisation(config: Mapping[str, Any], before: Shape, _: Shape) -> tuple[int, int]:
    # Moving mean and variance are always kept, scale and offset where they are asked for.
    kept = 2 + bool(config["scale"]) + bool(config["center"])
    return kept * before[-1], 0


_COUNTS: Final[dict[str, Count]] = {
    "Dense": _dense,
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "BatchNormalization": _normalisation,
}
_WEIGHTLESS: Final = frozenset(
    (
        *("InputLayer", "Rescaling", "Activation", "ReLU", "LeakyReLU", "Softmax", "Add"),
        *("Multiply", "Concatenate", "Average", "Flatten", "Reshape", "ZeroPadding2D", "Dropout"),
        *("SpatialDropout2D", "GaussianNoise", "MaxPooling2D", "AveragePooling2D", "Identity"),
        *("GlobalAveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D"),
    )
)


def _stages(layers: list[Layer]) -> list[Stage]:
    """Neighbours of one name drawn together; a network with other names goes by its layers."""
    titles, title = [], "input"
    for layer in layers:
        title = _title(layer, title)
        titles.append(title)
    pairs = zip(titles, layers, strict=True)
    return [
        Stage(name, tuple(layer for _, layer in part))
        for name, part in groupby(pairs, key=lambda pair: pair[0])
    ]


def _title(layer: Layer, current: str) -> str:
    if match := _STAGES.match(layer.name):
        return f"{match[1]} {match[2]}"
    if layer.name in _ENDINGS:
        return _ENDINGS[layer.name]
    return layer.name if layer.parameters else current
