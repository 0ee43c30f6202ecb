from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core.datasets.dataset import Split
from emotion_core.errors import DatasetError, ModelError
from emotion_core.model import tflite_export


def split(labels: list[int]) -> Split:
    count = len(labels)
    images = np.random.default_rng(0).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    names = np.array([f"{i}.png" for i in range(count)])
    return Split("train", names, images, np.zeros((count, 10), np.int16), np.array(labels, np.int8))


def test_representative_faces_show_every_expression_alike() -> None:
    labels = [3] * 80 + [1] * 4 + [4] * 40 + [-1] * 30
    data = split(labels)
    faces = tflite_export.representative_faces(data, "fer2013", count=30, seed=1)
    assert faces.shape == (24, 48, 48, 1)
    assert faces.dtype == np.float32
    rows = {image.tobytes(): label for image, label in zip(data.images, labels, strict=True)}
    shown = [rows[f[..., 0].astype(np.uint8).tobytes()] for f in faces]
    assert {c: shown.count(c) for c in set(shown)} == {3: 10, 4: 10, 1: 4}


def test_a_split_without_labels_is_named() -> None:
    with pytest.raises(DatasetError, match="ferplus"):
        tflite_export.representative_faces(split([0, 1]), "ferplus")


def test_agreement_by_hand() -> None:
    ours = np.array([[0.6, 0.4], [0.3, 0.7]])
    served = np.array([[0.4, 0.6], [0.3, 0.7]])
    found = tflite_export.agreement(ours, served)
    assert (found.images, found.same_answer) == (2, 0.5)
    assert found.mean_difference == pytest.approx(0.1)
    assert found.largest_difference == pytest.approx(0.2)
    with pytest.raises(ValueError, match="compare"):
        tflite_export.agreement(ours[:0], served[:0])


@pytest.fixture(scope="module")
def network() -> Any:
    keras = pytest.importorskip("keras")
    from emotion_core.model.network import NetworkSettings, build_network

    keras.utils.set_random_seed(0)
    return build_network(NetworkSettings(channels=(4, 4, 8, 8), dense=(16, 16)))


def run(data: bytes, crops: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=1)
    face = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(face["index"], crops.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(face["index"], crops)
    interpreter.invoke()
    logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return logits, interpreter.get_tensor_details()


def test_the_served_network_is_int8_inside_and_answers_float_logits(
    network: Any, tmp_path: Path
) -> None:
    from emotion_core.model.network import logits_model

    faces = split([0] * 40).images[..., None].astype(np.float32)
    path = tmp_path / "model.tflite"
    tflite_export.write_quantised(network, faces, path)
    logits, tensors = run(path.read_bytes(), faces)
    expected = np.asarray(logits_model(network)(faces, training=False))
    assert logits.dtype == np.float32
    assert logits.shape == (40, 7)
    assert np.abs(logits - expected).max() < 0.05 * np.ptp(expected) + 0.02
    # Only the two ends are float32.
    assert sum(t["dtype"] == np.float32 for t in tensors if "tfl.pseudo" not in t["name"]) <= 4
    weights = [t for t in tensors if len(t["quantization_parameters"]["scales"]) > 1]
    assert any(len(t["quantization_parameters"]["scales"]) == 8 for t in weights), "per channel"
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]


def test_the_served_network_tells_its_features_as_keras_computes_them(network: Any) -> None:
    import keras
    from ai_edge_litert.interpreter import Interpreter

    faces = split([0] * 20).images[..., None].astype(np.float32)
    content = tflite_export.quantise_network(network, faces)
    assert tflite_export.with_features(content) == content, "it has them already"
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    _, features = interpreter.get_output_details()
    scale, zero = features["quantization"]
    found = []
    for face in faces:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], face[None])
        interpreter.invoke()
        found.append((interpreter.get_tensor(features["index"])[0].astype(float) - zero) * scale)
    pooled = keras.Model(network.input, network.get_layer("pool").output)
    expected = np.asarray(pooled(faces, training=False))
    assert np.abs(np.array(found) - expected).max() < 0.06 * np.ptp(expected) + 2 * scale


def test_a_network_without_logits_is_refused(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    face = keras.Input((48, 48, 1))
    plain = keras.Model(face, keras.layers.Flatten()(face))
    with pytest.raises(ModelError, match="logits"):
        tflite_export.write_quantised(
            plain, np.zeros((1, 48, 48, 1), np.float32), tmp_path / "m.tflite"
        )
    assert not list(tmp_path.iterdir())


def test_the_float_network_to_be_timed_answers_as_keras_does(network: Any) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (3, 48, 48, 1)).astype(np.float32)
    from emotion_core.model.network import logits_model

    ours, details = run(tflite_export.float_network(network), crops)
    assert np.abs(ours - logits_model(network)(crops).numpy()).max() < 1e-4
    assert not [d for d in details if d["dtype"] == np.int8]
