"""A network made elsewhere, opened, tried on one picture and ready to be asked about faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import ModelError
from emotion_core.model.external import LOGITS, PROBABILITIES, ExternalNetwork, InputFormat
from emotion_core.model.network_files import NetworkFile, Shape, guarded, open_file

# Rounding of float16, and of an int8 softmax, which answers in steps of 1/256.
_SUM_TOLERANCE: Final = 0.05
_HELP: Final = "docs/own-network.md explains the entries."


class ExternalRunner:
    """The network of one file.

    Args:
        file: of the network.
        described: what model.json says of it.
        threads: of one question.

    Raises:
        ModelError: the file cannot be opened, or is not what model.json describes.
        MissingDependencyError: its runtime is not installed.
    """

    def __init__(self, file: Path, described: ExternalNetwork, threads: int = 1) -> None:
        self._file, self._described = file, described
        self._network: NetworkFile = open_file(file, threads)
        self._shape = input_shape(
            file, self._network.shape, described.input, self._network.usual_layout
        )
        like = described.input
        self._channels_first = self._shape[1:] == (like.depth, like.height, like.width)
        guarded(file, lambda: self._network.fit(self._shape))
        self._output = self._try()
        self.shared = self._network.shared

    def ask(
        self, crop: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
        """The logits (7,) of a crop (1, 48, 48, 1) float32 grey 0-255, the share of the
        probability, 0-1, that falls on the seven, and no features."""
        logits, share = self._described.convert(np.ravel(self._outputs(crop)[self._output]))
        return logits, share, np.empty(0, np.float32)

    def _outputs(self, crop: NDArray[np.float32]) -> list[NDArray[Any]]:
        image = prepared(crop[0], self._described.input, self._channels_first)
        return guarded(self._file, lambda: self._network.ask(image.reshape(self._shape)))

    def _try(self) -> int:
        """Which output holds the answer; every fault that one picture shows is told now."""
        ramp = np.linspace(15, 110, 48)
        outputs = self._outputs((ramp + ramp[:, None])[None, ..., None].astype(np.float32))
        count = len(self._described.labels)
        fitting = [i for i, values in enumerate(outputs) if values.size == count]
        if len(fitting) != 1:
            shapes = ", ".join(str(tuple(v.shape)) for v in outputs) or "nothing"
            which = "none of them" if not fitting else "more than one"
            raise ModelError(
                f"{self._file} answers with {shapes}, and model.json lists {count} labels: {which} "
                f"fits. List one label for each output, in their order. {_HELP}"
            )
        self._check_answer(np.ravel(outputs[fitting[0]]).astype(np.float64))
        return fitting[0]

    def _check_answer(self, values: NDArray[np.float64]) -> None:
        shares = values.min() >= 0 and abs(values.sum() - 1) <= _SUM_TOLERANCE
        problem = ""
        if not np.isfinite(values).all():
            problem = "answers with values that are not numbers; the file may be damaged"
        elif self._described.output == PROBABILITIES and not shares:
            problem = (
                f"gives values from {values.min():.3g} to {values.max():.3g} with the sum "
                f'{values.sum():.3g}, which are not probabilities: write "output": "{LOGITS}"'
            )
        elif self._described.output == LOGITS and shares and abs(values.sum() - 1) <= 1e-3:
            problem = (
                "gives values of 0 or more with the sum 1, which are probabilities: write "
                f'"output": "{PROBABILITIES}"'
            )
        if problem:
            raise ModelError(f"{self._file} {problem}. {_HELP}")


def prepared(
    crop: NDArray[np.float32], form: InputFormat, channels_first: bool
) -> NDArray[np.float32]:
    """A crop (48, 48, 1) float32 grey 0-255 as the network wants it.

    Returns:
        (height, width, depth) float32, scaled; (depth, height, width) if `channels_first`.
    """
    size = (form.width, form.height)
    smaller = min(size) < min(crop.shape[:2])
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    grey = cv2.resize(crop[..., 0], size, interpolation=how)
    # Channel by channel: numpy is many times slower along a last axis of three.
    scaled = [
        (grey - np.float32(mean)) / np.float32(std)
        for mean, std in zip(form.mean, form.std, strict=True)
    ]
    return np.stack(scaled, axis=0 if channels_first else -1)


def input_shape(
    file: Path, found: Shape, described: InputFormat, usual_layout: str
) -> tuple[int, ...]:
    """The shape of the network's input that holds what model.json describes, batch of one.

    Args:
        file: for the message.
        found: shape that the network wants; None where any size fits.
        described: size, channels and perhaps the layout.
        usual_layout: taken where the shape allows both.

    Raises:
        ModelError: none fits.
    """
    height, width, depth = described.height, described.width, described.depth
    layouts: dict[str, tuple[int, ...]] = {
        "channels_last": (1, height, width, depth),
        "channels_first": (1, depth, height, width),
    }
    first = described.layout or usual_layout
    wanted = [layouts[first]]
    if not described.layout:
        wanted += [shape for name, shape in layouts.items() if name != first]
    wanted += [(1, height, width)] if depth == 1 else []
    for shape in wanted:
        if len(shape) == len(found) and all(
            n in (None, size) for n, size in zip(found, shape, strict=True)
        ):
            return shape
    has = "×".join("any" if n is None else str(n) for n in found)
    raise ModelError(
        f"{file} takes an input of {has} (the batch first), which does not hold what model.json "
        f'describes: {height}×{width} pixels, {described.channels}. Correct "size", "channels" or '
        f'"layout". {_HELP}'
    )
