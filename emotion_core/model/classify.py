"""The served network: crops in, logits and calibrated probabilities out, without tensorflow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import FrameError, ModelError
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.model.bundle import DEFAULT, ModelBundle, load_bundle
from emotion_core.model.calibrate import softmax
from emotion_core.model.external import LEAST_PROBABILITY
from emotion_core.model.external_runner import ExternalRunner
from emotion_core.model.likeness import noise_of

INPUT_SHAPE = (48, 48, 1)
# Where the two largest logits are closer than this, the answer is unclear: the face is classified
# again, mirrored. On FER+ validation that is a third of the faces, and brings all that mirroring
# every one of them brings: accuracy from 0.856 to 0.862, macro-F1 from 0.793 to 0.802.
UNCLEAR_MARGIN = 1.0
_HOW_DESCRIBED = 'its "file", "input", "labels" and "output" in model.json (docs/own-network.md).'
_LOADING = threading.Lock()
_LOADED: dict[tuple[Any, ...], Classifier] = {}


class Reading(NamedTuple):
    """What a network says of N faces.

    Attributes:
        logits: (N, 7) float32, in the order of `EXPRESSIONS`.
        activation: (N,) float32, how strongly the network responds to each face: the mean of the
            pooled features, 0 or more; NaN where the network does not give its features. What is
            not a face excites few of the features that faces excite, so it tells how far a crop is
            from anything the network knows (Dhamija et al. 2018, arXiv 1811.04110). Of a network
            made elsewhere, the share of its probability on the seven, 0-1: little is left where it
            names another expression.
        features: (N, F) float32, what tells kinds of faces apart: the network's pooled features,
            and last the noise of the crop (`likeness.noise_of`); F is 0 where the network does not
            give its own.
    """

    logits: NDArray[np.float32]
    activation: NDArray[np.float32]
    features: NDArray[np.float32]


class Runner(Protocol):
    """A network ready to be asked about one face."""

    def ask(
        self, crop: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
        """(7,) logits of a crop (1, 48, 48, 1), how strongly the network responds to it, and its
        own (F,) features, which may be none."""
        ...


class _Served:
    """The network that this program trained, in LiteRT's interpreter.

    The features are int8: (value - zero) * scale; no network made before version 0.3 gives them.
    """

    def __init__(self, bundle: ModelBundle, content: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        file = bundle.served_file
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
            entry = self._interpreter.get_input_details()[0]
            result, *more = self._interpreter.get_output_details()
        except (ValueError, RuntimeError, IndexError) as error:
            raise ModelError(
                f"{file} is damaged ({error}). Restore it, or train the model again."
            ) from error
        shapes = (tuple(entry["shape"]), tuple(result["shape"]))
        if shapes != ((1, *INPUT_SHAPE), (1, NUM_EXPRESSIONS)):
            raise ModelError(
                f"{file} maps {shapes[0]} to {shapes[1]}, expected (1, 48, 48, 1) to (1, 7). A "
                f"network made elsewhere needs {_HOW_DESCRIBED}"
            )
        if entry["dtype"] != np.float32 or result["dtype"] != np.float32:
            raise ModelError(
                f"{file} must take and give float32; train the model again. A network made "
                f"elsewhere needs {_HOW_DESCRIBED}"
            )
        features = more[0] if more and more[0]["dtype"] == np.int8 else None
        quantization: tuple[float, int] = features["quantization"] if features else (0.0, 0)
        self._scale, self._zero = quantization
        self._features = features["index"] if features else None
        self._entry, self._result = entry["index"], result["index"]

    def ask(
        self, crop: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
        """The logits, and the pooled features after their mean; NaN where they are not given."""
        self._interpreter.set_tensor(self._entry, crop)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._result)[0]
        if self._features is None:
            return logits, np.nan, np.empty(0, np.float32)
        levels = self._interpreter.get_tensor(self._features)
        features = (levels.ravel().astype(np.float32) - self._zero) * self._scale
        return logits, float(features.mean()), np.asarray(features, np.float32)


class Classifier:
    """One loaded network, shared by all pipelines of a process, from any thread.

    LiteRT's interpreter serves one caller at a time, so the object keeps a small stock of them:
    as many as ever ran at once, each a few hundred kB in addition to the shared weights.

    Args:
        bundle: the model folder.
        threads: of one interpreter; with several callers one each is fastest.

    Raises:
        ModelError: the served network cannot be loaded or has another shape.
    """

    labels = EXPRESSIONS

    def __init__(self, bundle: ModelBundle, threads: int = 1) -> None:
        self.bundle = bundle
        self.temperature = bundle.temperature
        self.unsure_threshold = bundle.unsure_threshold
        self.unusual_below = bundle.unusual_below
        never = bundle.external.never_answered if bundle.external else ()
        self._never = np.array([EXPRESSIONS.index(name) for name in never], np.int64)
        self._load = _runners(bundle, threads)
        self._idle: queue.LifoQueue[Runner] = queue.LifoQueue()
        self._idle.put(self._load())

    def logits(self, crops: NDArray[np.float32], second_look: bool = True) -> NDArray[np.float32]:
        """Logits of faces; of an unclear face the mean over the crop and its mirror image.

        Args:
            crops: (N, 48, 48, 1) float32, grey, 0-255; N may be 0.
            second_look: False asks about each face once, whatever the answer.

        Returns:
            (N, 7) float32, in the order of `labels`.

        Raises:
            FrameError: crops of another shape.
        """
        return self.read(crops, second_look).logits

    def read(self, crops: NDArray[np.float32], second_look: bool = True) -> Reading:
        """All that the network says of faces; of an unclear face as in `logits`.

        Args:
            crops: (N, 48, 48, 1) float32, grey, 0-255; N may be 0.
            second_look: as in `logits`.

        Raises:
            FrameError: crops of another shape.
        """
        crops = np.asarray(crops, np.float32)
        if crops.ndim != 4 or crops.shape[1:] != INPUT_SHAPE:
            raise FrameError(f"Crops must have the shape (N, 48, 48, 1), got {crops.shape}.")
        found = self._ask(crops)
        if second_look:
            for i in np.flatnonzero(_margins(found.logits) < UNCLEAR_MARGIN):
                for first, again in zip(found, self._ask(crops[i : i + 1, :, ::-1]), strict=True):
                    first[i] = (first[i] + again[0]) / 2
        if not found.features.shape[1]:
            return found
        features = np.concatenate([found.features, noise_of(crops)[:, None]], axis=1)
        return found._replace(features=features)

    def _ask(self, crops: NDArray[np.float32]) -> Reading:
        if not len(crops):
            none = np.empty(0, np.float32)
            return Reading(none.reshape(0, NUM_EXPRESSIONS), none, none.reshape(0, 0))
        with self._borrowed() as network:
            # One by one: a batch gains nothing on a CPU, and a change of its size costs a new plan.
            found = [network.ask(crops[i : i + 1]) for i in range(len(crops))]
        logits, activation, features = zip(*found, strict=True)
        return Reading(np.stack(logits), np.array(activation, np.float32), np.stack(features))

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities (N, 7) float32; each row sums to 1."""
        probs = softmax(logits, self.temperature)
        if self._never.size:
            # Divided by a temperature, the logit of what is never answered would become likely.
            probs[:, self._never] = np.minimum(probs[:, self._never], LEAST_PROBABILITY)
            probs /= probs.sum(axis=1, keepdims=True)
        return probs

    @contextmanager
    def _borrowed(self) -> Iterator[Runner]:
        try:
            loaded = self._idle.get_nowait()
        except queue.Empty:
            loaded = self._load()
        try:
            yield loaded
        finally:
            self._idle.put(loaded)


def _runners(bundle: ModelBundle, threads: int) -> Callable[[], Runner]:
    """What makes another runner of the network of a model folder."""
    external = bundle.external
    if external is not None:
        first = ExternalRunner(bundle.served_file, external, threads)
        if first.shared:
            return lambda: first
        return lambda: ExternalRunner(bundle.served_file, external, threads)
    try:
        content = bundle.served_file.read_bytes()
    except OSError as error:
        raise ModelError(f"{bundle.served_file} cannot be read: {error}") from error
    return lambda: _Served(bundle, content, threads)


def _margins(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) by how much the largest of each (N, 7) exceeds the second largest."""
    ordered = np.sort(logits, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2], np.float32)


def load_classifier(
    name: str = DEFAULT, models_dir: Path | None = None, threads: int = 1
) -> Classifier:
    """The served network of a model folder; arguments as in `load_bundle`.

    A process loads a network once: the same files give the same object. A model folder that has
    been replaced is loaded again.

    Raises:
        ModelError: there is no such model, or its folder is damaged.

    Examples:
        >>> import numpy as np
        >>> from emotion_core import load_classifier
        >>> classifier = load_classifier()
        >>> logits = classifier.logits(np.zeros((2, 48, 48, 1), np.float32))
        >>> classifier.probabilities(logits).sum(axis=1).round(3)
        array([1., 1.], dtype=float32)
    """
    bundle = load_bundle(name, models_dir)
    key = (threads, *bundle.files_state())
    with _LOADING:
        if key not in _LOADED:
            # The older network of a rewritten folder is released once it is no longer in use.
            for other in [k for k in _LOADED if k[:2] == key[:2]]:
                del _LOADED[other]
            _LOADED[key] = Classifier(bundle, threads)
        return _LOADED[key]
