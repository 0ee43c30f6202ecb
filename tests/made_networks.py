"""Small networks of each kind, made in code, in model folders as other people would write them.

Each answers with the mean grey of its input times a weight of its own for each label, so that a
test can compute what it must say.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Another order than the seven's, nouns, and one more.
LABELS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
WEIGHTS = np.array([0.5, 2.0, 1.0, -1.0, 0.0, -2.0, -0.5, 0.25], np.float32)
SMALLEST: dict[str, Any] = {
    "version": 1,
    "input": {"size": 64, "channels": "gray", "range": "0-1"},
    "labels": LABELS,
    "names": {"contempt": None},
    "output": "logits",
}


def describe(folder: Path, named: str, /, **changes: Any) -> Path:
    """Write model.json; an entry that is changed to None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    values = SMALLEST | {"file": named} | changes
    kept = {name: value for name, value in values.items() if value is not None}
    (folder / "model.json").write_text(json.dumps(kept))
    return folder


def keras_network(shape: tuple[int, ...] = (64, 64, 1), softmax: bool = False) -> Any:
    """Input (N, *shape), output (N, 8)."""
    import keras

    image = keras.Input(shape)
    grey = keras.layers.GlobalAveragePooling2D()(image)
    answers = keras.layers.Dense(len(LABELS), activation="softmax" if softmax else None)
    network = keras.Model(image, answers(grey))
    answers.set_weights([np.tile(WEIGHTS, (shape[-1], 1)) / shape[-1], np.zeros(len(LABELS))])
    return network


def write_keras(folder: Path, shape: tuple[int, ...] = (64, 64, 1), **changes: Any) -> Path:
    """A model folder with network.keras."""
    describe(folder, "network.keras", **changes)
    keras_network(shape, softmax=changes.get("output") == "probabilities").save(
        folder / "network.keras"
    )
    return folder


def write_tflite(folder: Path, shape: tuple[int, ...] = (64, 64, 1), **changes: Any) -> Path:
    """A model folder with network.tflite."""
    import contextlib
    import io

    import tensorflow as tf

    describe(folder, "network.tflite", **changes)
    network = keras_network(shape, softmax=changes.get("output") == "probabilities")
    with contextlib.redirect_stdout(io.StringIO()):
        content = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    (folder / "network.tflite").write_bytes(content)
    return folder


def write_onnx(folder: Path, shape: tuple[Any, ...] = (1, 1, 64, 64), **changes: Any) -> Path:
    """A model folder with network.onnx: pictures with their channels first.

    Skips the test where onnx or onnxruntime is not installed.
    """
    import pytest

    onnx = pytest.importorskip("onnx", reason="onnx is not installed: it makes this network")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: it reads .onnx files")
    describe(folder, "network.onnx", **changes)
    depth, helper, kind = int(shape[1]), onnx.helper, onnx.TensorProto.FLOAT
    weights: NDArray[np.float32] = np.tile(WEIGHTS, (depth, 1)) / np.float32(depth)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["face"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["grey"]),
            helper.make_node("MatMul", ["grey", "weights"], ["answers"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("face", kind, list(shape))],
        [helper.make_tensor_value_info("answers", kind, [shape[0], len(LABELS)])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opsets = [helper.make_opsetid("", 17)]
    # A version of the format that older runtimes read, too.
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, folder / "network.onnx")
    return folder
