"""A network made elsewhere: what its model.json says of its input, its labels and its output.

The smallest model.json (docs/own-network.md explains each entry)
    {"version": 1, "file": "network.onnx",
     "input": {"size": 64, "channels": "gray", "range": "0-255"},
     "labels": ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
                "contempt"],
     "names": {"contempt": null},
     "output": "logits"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS

SUFFIXES: Final = (".keras", ".tflite", ".onnx")
LOGITS, PROBABILITIES = "logits", "probabilities"
# Channels of a colour network in its own order: crops are grey, so each gets the same picture.
CHANNELS: Final[dict[str, int]] = {"gray": 1, "grey": 1, "rgb": 3, "bgr": 3}
LAYOUTS: Final = ("channels_last", "channels_first")
# What is subtracted from grey values of 0-255, and by what the rest is divided.
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "0-255": (0.0, 255.0),
    "0-1": (0.0, 1.0),
    "-1-1": (-1.0, 1.0),
}
# Noun and adjective of the same word; any other name is mapped by "names".
_SYNONYMS: Final[dict[str, str]] = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}
_LARGEST_SIDE: Final = 1024
_MOST_LABELS: Final = 1000
# Below this, a probability is rounding: an expression that the network cannot name gets it too.
LEAST_PROBABILITY: Final = 1e-9
# Of an answer's probability, as much must be left for the seven for the face to count as known.
KNOWN_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class InputFormat:
    """What the network wants to be given.

    Attributes:
        height, width: pixels.
        channels: `gray`, `rgb` or `bgr`.
        mean, std: of each channel, in grey values of 0-255: (value - mean) / std is fed in.
        layout: `channels_last` or `channels_first`; "" where the network's own shape tells.
    """

    height: int
    width: int
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layout: str = ""

    @property
    def depth(self) -> int:
        """Number of channels, 1 or 3."""
        return CHANNELS[self.channels]


@dataclass(frozen=True, slots=True)
class ExternalNetwork:
    """What model.json says of a network made elsewhere.

    Attributes:
        file: name of its file within the model folder.
        input: what it wants to be given.
        labels: its own names, in the order of its outputs.
        targets: for each of them the expression, or None where it is left out.
        output: `logits` or `probabilities`.
    """

    file: str
    input: InputFormat
    labels: tuple[str, ...]
    targets: tuple[str | None, ...]
    output: str

    @property
    def left_out(self) -> tuple[str, ...]:
        """Own labels that are none of the seven."""
        pairs = zip(self.labels, self.targets, strict=True)
        return tuple(label for label, target in pairs if target is None)

    @property
    def never_answered(self) -> tuple[str, ...]:
        """Expressions of the seven that the network does not know."""
        return tuple(e for e in EXPRESSIONS if e not in self.targets)

    def convert(self, output: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
        """An output of the network as logits of the seven.

        Args:
            output: (K,) logits or probabilities, in the order of `labels`.

        Returns:
            (7,) float32 logarithms of probabilities of at least `LEAST_PROBABILITY`; those of
            labels that mean the same expression are summed, those left out are not counted. And
            the share of the probability, 0-1, that was not left out.
        """
        values = np.asarray(output, np.float64)
        if self.output == PROBABILITIES:
            values = np.log(np.maximum(values, LEAST_PROBABILITY**2))
        values = values - np.logaddexp.reduce(values)
        logits = np.full(NUM_EXPRESSIONS, -np.inf)
        for value, target in zip(values, self.targets, strict=True):
            if target is not None:
                index = EXPRESSIONS.index(target)
                logits[index] = np.logaddexp(logits[index], value)
        kept = np.logaddexp.reduce(logits)
        least = np.log(LEAST_PROBABILITY)
        return np.maximum(logits - kept, least).astype(np.float32), float(np.exp(kept))


def read_external(values: Mapping[str, Any]) -> ExternalNetwork:
    """The description in a model.json.

    Raises:
        KeyError: an entry is missing.
        ValueError: an entry cannot be used; the message ends a sentence that begins with the file.
    """
    labels = _labels(values["labels"])
    output = values["output"]
    if output not in (LOGITS, PROBABILITIES):
        raise ValueError(f'has the "output" {output!r}; write "logits" or "probabilities"')
    return ExternalNetwork(
        file=_file(values["file"]),
        input=_input(values["input"]),
        labels=labels,
        targets=_targets(labels, values.get("names") or {}),
        output=output,
    )


def _file(value: object) -> str:
    # It may come from somebody else: it must not lead out of the model folder.
    plain = isinstance(value, str) and value not in ("", ".", "..")
    if not plain or PurePath(str(value)).name != value or "\\" in str(value):
        raise ValueError(f'has the "file" {value!r}; write the name of a file in the same folder')
    if PurePath(str(value)).suffix.lower() not in SUFFIXES:
        raise ValueError(f'has the "file" {value!r}; it must end in {", ".join(SUFFIXES)}')
    return str(value)


def _input(value: object) -> InputFormat:
    if not isinstance(value, Mapping):
        raise ValueError('needs an "input" with "size", "channels" and "range"')
    height, width = _size(value["size"])
    channels = value["channels"]
    if channels not in CHANNELS:
        raise ValueError(f'has the input "channels" {channels!r}; write "gray", "rgb" or "bgr"')
    layout = value.get("layout", "")
    if layout and layout not in LAYOUTS:
        raise ValueError(f'has the input "layout" {layout!r}; write one of {", ".join(LAYOUTS)}')
    depth = CHANNELS[channels]
    mean, std = _range(value["range"], depth)
    return InputFormat(height, width, "gray" if depth == 1 else channels, mean, std, layout)


def _size(value: object) -> tuple[int, int]:
    sides = value if isinstance(value, list) else [value, value]
    whole = all(isinstance(s, int) and 0 < s <= _LARGEST_SIDE for s in sides)
    if len(sides) != 2 or not whole:
        raise ValueError(
            f'has the input "size" {value!r}; write the side in pixels, 1 to {_LARGEST_SIDE}, or '
            "[height, width]"
        )
    height, width = (int(side) for side in sides if isinstance(side, int))
    return height, width


def _range(value: object, depth: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if isinstance(value, Mapping):
        return _mean_and_std(value, depth)
    ends = _RANGES.get(str(value).replace("–", "-").replace(" ", ""))
    if ends is None:
        raise ValueError(
            f'has the input "range" {value!r}; write "0-255", "0-1", "-1-1", or "mean" and "std" '
            "of values of 0 to 1"
        )
    scale = 255 / (ends[1] - ends[0])
    return ((0.0 - ends[0]) * scale,) * depth, (scale,) * depth


def _mean_and_std(
    value: Mapping[str, Any], depth: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    for name in ("mean", "std"):
        numbers = value[name] if isinstance(value[name], list) else [value[name]] * depth
        right = all(isinstance(n, int | float) and np.isfinite(n) for n in numbers)
        if len(numbers) != depth or not right or (name == "std" and min(numbers) <= 0):
            kind = f"{depth} positive" if name == "std" else depth
            raise ValueError(f'has the "{name}" {value[name]!r}; it needs {kind} numbers')
        found.append(tuple(255.0 * n for n in numbers))
    return found[0], found[1]


def _labels(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list) else []
    right = all(isinstance(w, str) and w.strip() and w.isprintable() for w in words)
    if not 2 <= len(words) <= _MOST_LABELS or not right:
        raise ValueError('needs "labels": its own names, in the order of its outputs')
    twice = {w for w in words if words.count(w) > 1}
    if twice:
        raise ValueError(f"lists the label {min(twice)!r} twice; each output needs its own name")
    return tuple(words)


def _targets(labels: tuple[str, ...], names: object) -> tuple[str | None, ...]:
    if not isinstance(names, Mapping):
        raise ValueError('has "names" that are not an object: {"own name": "angry" or null}')
    unknown = [name for name in names if name not in labels]
    if unknown:
        raise ValueError(f'maps {unknown[0]!r} in "names", which is not among its "labels"')
    wrong = [n for n, target in names.items() if target is not None and target not in EXPRESSIONS]
    if wrong:
        raise ValueError(
            f"maps {wrong[0]!r} to {names[wrong[0]]!r}; write one of {', '.join(EXPRESSIONS)}, or "
            "null to leave it out"
        )
    targets = tuple(_target(label, names) for label in labels)
    if len(set(targets) - {None}) < 2:
        raise ValueError("names fewer than two of the seven expressions")
    return targets


def _target(label: str, names: Mapping[str, Any]) -> str | None:
    if label in names:
        target: str | None = names[label]
        return target
    plain = label.strip().lower()
    found = _SYNONYMS.get(plain, plain)
    if found not in EXPRESSIONS:
        raise ValueError(
            f'has the label {label!r}, which is none of the seven: add "names": {{"{label}": ...}} '
            f"with one of {', '.join(EXPRESSIONS)}, or null to leave it out"
        )
    return found
