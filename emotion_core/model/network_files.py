"""Files of networks made elsewhere, opened alike: Keras, LiteRT, ONNX. One face at a time.

onnxruntime is an optional package, and keras takes seconds to import: both are imported only where
a file needs them.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import EmotionCoreError, ModelError
from emotion_core.extras import missing_extra
from emotion_core.model.network import read_keras

Shape = tuple[int | None, ...]
_T = TypeVar("_T")


class NetworkFile(Protocol):
    """An opened network with one input.

    Attributes:
        shape: of the input, the batch first; None where any size fits.
        usual_layout: of pictures where the shape leaves it open.
        shared: whether several threads may ask it at once.
    """

    shape: Shape
    usual_layout: str
    shared: bool

    def fit(self, shape: tuple[int, ...]) -> None:
        """Settle the shape of what will be given, the batch of one included."""
        ...

    def ask(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """All outputs for one face, float."""
        ...


class LiteRtFile:
    """A .tflite file; input and outputs may be float32 or quantised."""

    usual_layout = "channels_last"
    shared = False

    def __init__(self, file: Path, threads: int) -> None:
        interpreter = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter: Any = interpreter.Interpreter(
            model_content=file.read_bytes(), num_threads=threads
        )
        self._entry, *more = self._interpreter.get_input_details()
        _one_input(1 + len(more))
        signature = self._entry.get("shape_signature", self._entry["shape"])
        self.shape: Shape = tuple(None if n < 0 else int(n) for n in signature)

    def fit(self, shape: tuple[int, ...]) -> None:
        """Settle the input's shape."""
        if tuple(self._entry["shape"]) != shape:
            self._interpreter.resize_tensor_input(self._entry["index"], shape)
        self._interpreter.allocate_tensors()
        self._entry = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()

    def ask(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """All outputs for one face."""
        self._interpreter.set_tensor(self._entry["index"], _quantised(batch, self._entry))
        self._interpreter.invoke()
        return [_plain(self._interpreter.get_tensor(d["index"]), d) for d in self._outputs]


def _quantised(values: NDArray[np.float32], details: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(details["dtype"])
    scale, zero = details["quantization"]
    if dtype.kind == "f" or not scale:
        return values.astype(dtype)
    ends = np.iinfo(dtype)
    return np.clip(np.rint(values / scale) + zero, ends.min, ends.max).astype(dtype)


def _plain(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    scale, zero = details["quantization"]
    if values.dtype.kind == "f" or not scale:
        return values
    return (values.astype(np.float64) - zero) * scale


class KerasFile:
    """A .keras file, asked by one thread at a time."""

    usual_layout = "channels_last"
    shared = True

    def __init__(self, file: Path, threads: int) -> None:
        del threads  # TensorFlow's own are shared by the whole process.
        # The live page loads it, and after tensorflow that would end the process: both bring
        # functions of OpenSSL with the same names.
        with contextlib.suppress(ImportError):
            importlib.import_module("pylibsrtp")
        self._network = read_keras(file)
        inputs = self._network.inputs
        _one_input(len(inputs))
        self.shape: Shape = tuple(inputs[0].shape)
        self._asking = threading.Lock()

    def fit(self, shape: tuple[int, ...]) -> None:
        """Keras checks it by itself."""

    def ask(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """All outputs for one face."""
        with self._asking:
            found = self._network.predict_on_batch(batch)
        values = list(found.values()) if isinstance(found, dict) else found
        return [np.asarray(v) for v in (values if isinstance(values, list | tuple) else [values])]


class OnnxFile:
    """An .onnx file, on the CPU."""

    usual_layout = "channels_first"
    shared = True

    def __init__(self, file: Path, threads: int) -> None:
        try:
            runtime = importlib.import_module("onnxruntime")
        except ModuleNotFoundError as error:
            raise missing_extra(error) from error
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # What is wrong is raised, too.
        providers = ["CPUExecutionProvider"]
        self._session = runtime.InferenceSession(str(file), options, providers=providers)
        entries = self._session.get_inputs()
        _one_input(len(entries))
        self._name, kind = entries[0].name, entries[0].type
        if kind not in _ONNX_TYPES:
            raise ValueError(f"its input holds {kind}")
        self._dtype = _ONNX_TYPES[kind]
        # A free size has a name, or none.
        self.shape: Shape = tuple(n if isinstance(n, int) else None for n in entries[0].shape)

    def fit(self, shape: tuple[int, ...]) -> None:
        """The runtime checks it by itself."""

    def ask(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """All outputs for one face."""
        values = np.rint(batch).clip(0, 255) if self._dtype is np.uint8 else batch
        found = self._session.run(None, {self._name: values.astype(self._dtype)})
        return [np.asarray(value) for value in found if not isinstance(value, list)]


_ONNX_TYPES: Final[dict[str, type]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_KINDS: Final[dict[str, Callable[[Path, int], NetworkFile]]] = {
    ".keras": KerasFile,
    ".tflite": LiteRtFile,
    ".onnx": OnnxFile,
}


def _one_input(count: int) -> None:
    if count != 1:
        raise ValueError(f"it has {count} inputs")


def open_file(file: Path, threads: int) -> NetworkFile:
    """Open a network.

    Args:
        file: ends in .keras, .tflite or .onnx.
        threads: of one question, where the file's runtime lets choose.

    Raises:
        ModelError: it cannot be opened, or has several inputs.
        MissingDependencyError: an .onnx file, and onnxruntime is not installed.
    """
    return guarded(file, lambda: _KINDS[file.suffix.lower()](file, threads))


def guarded(file: Path, work: Callable[[], _T]) -> _T:
    """What `work` returns; whatever a runtime raises is told as a fault of the file.

    Raises:
        ModelError: `work` failed.
    """
    try:
        return work()
    except (EmotionCoreError, MemoryError):
        raise
    # Each runtime has errors of its own, some of them bare Exceptions.
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{file} cannot be used ({words}). Export the network again with one input and "
            "standard layers."
        ) from error
