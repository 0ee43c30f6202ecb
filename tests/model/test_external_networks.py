"""Networks made elsewhere: asked rightly whatever their kind, and refused with a sentence."""

import json
import math
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import LABELS, SMALLEST, WEIGHTS, describe, write_keras, write_onnx, write_tflite

from emotion_core.errors import MissingDependencyError, ModelError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import list_models, load_bundle, model_problem
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.model.external import ExternalNetwork, InputFormat, read_external
from emotion_core.model.external_runner import prepared
from emotion_core.pipeline.network_hash import network_hash

# Own label → expression, less contempt.
MEANS = {"neutral": "neutral", "happiness": "happy", "surprise": "surprise", "sadness": "sad"}
MEANS |= {"anger": "angry", "disgust": "disgust", "fear": "fear"}


def faces(*grey: float) -> np.ndarray:
    return np.stack([np.full((48, 48, 1), g, np.float32) for g in grey])


def expected(value: float) -> np.ndarray:
    """Probabilities of the seven for the mean of the network's input, contempt left out."""
    logits = np.array([WEIGHTS[LABELS.index(own)] * value for own in MEANS])
    probs = np.exp(logits) / np.exp(logits).sum()
    return np.array([probs[list(MEANS.values()).index(e)] for e in EXPRESSIONS])


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a network of keras and of LiteRT."""
    models = tmp_path_factory.mktemp("models")
    write_keras(models / "keras")
    write_tflite(models / "tflite")
    colour = {"size": [32, 40], "channels": "rgb", "range": "-1–1"}
    write_tflite(models / "colour", (32, 40, 3), input=colour, output="probabilities")
    return models


@pytest.mark.parametrize("name", ["keras", "tflite"])
def test_a_network_of_another_size_order_and_number_of_labels(networks: Path, name: str) -> None:
    classifier = load_classifier(name, networks)
    probs = classifier.probabilities(classifier.logits(faces(0, 255, 51)))
    for row, value in zip(probs, (0.0, 1.0, 0.2), strict=True):
        np.testing.assert_allclose(row, expected(value), atol=1e-5)
    assert classifier.logits(np.empty((0, 48, 48, 1), np.float32)).shape == (0, 7)
    assert classifier.bundle.name == name
    assert classifier.unsure_threshold == 0.5


def test_colour_ranges_and_probabilities(networks: Path) -> None:
    classifier = load_classifier("colour", networks)
    probs = classifier.probabilities(classifier.logits(faces(0, 255)))
    np.testing.assert_allclose(probs[0], expected(-1), atol=1e-5)
    np.testing.assert_allclose(probs[1], expected(1), atol=1e-5)


def test_a_crop_keeps_its_rows_and_columns_and_each_channel_has_its_own_scale() -> None:
    form = InputFormat(96, 48, "rgb", (10.0, 20.0, 30.0), (2.0, 4.0, 8.0))
    crop = np.tile(np.arange(48, dtype=np.float32)[:, None, None], (1, 48, 1))
    image = prepared(crop, form, channels_first=False)
    assert image.shape == (96, 48, 3)
    assert image.dtype == np.float32
    # Twice as many rows, and the same in every column.
    rows = np.clip(np.arange(96) / 2 - 0.25, 0, 47)[:, None, None]
    wanted = np.broadcast_to((rows - form.mean) / form.std, image.shape)
    np.testing.assert_allclose(image, wanted, atol=1e-5)
    first = prepared(crop, form, channels_first=True)
    np.testing.assert_array_equal(first, image.transpose(2, 0, 1))


def test_onnx_with_mean_and_deviation(tmp_path: Path) -> None:
    scale: dict[str, Any] = {"mean": [0.4, 0.5, 0.6], "std": [0.5, 0.5, 0.5]}
    write_onnx(
        tmp_path / "onnx",
        ("batch", 3, None, None),
        input={"size": 64, "channels": "rgb", "range": scale},
    )
    classifier = load_classifier("onnx", tmp_path)
    (probs,) = classifier.probabilities(classifier.logits(faces(255)))
    np.testing.assert_allclose(probs, expected((1 - 0.5) / 0.5), atol=1e-5)


def test_onnx_without_its_runtime_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(tmp_path / "onnx", "network.onnx")
    (tmp_path / "onnx" / "network.onnx").write_bytes(b"never opened")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert model_problem("onnx", tmp_path) == ""
    with pytest.raises(MissingDependencyError, match=r"pip install 'emotion-lab\[onnx\]'"):
        load_classifier("onnx", tmp_path)


def test_a_damaged_onnx_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    describe(tmp_path / "onnx", "network.onnx")
    (tmp_path / "onnx" / "network.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"network\.onnx cannot be used"):
        load_classifier("onnx", tmp_path)


@pytest.mark.parametrize("name", ["keras", "tflite"])
def test_many_threads_ask_one_network(networks: Path, name: str) -> None:
    classifier = Classifier(load_bundle(name, networks))
    crops = faces(*range(0, 256, 51))
    alone = classifier.logits(crops)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: classifier.logits(crops), range(8)):
            np.testing.assert_array_equal(found, alone)


def described(**changes: Any) -> ExternalNetwork:
    return read_external(SMALLEST | {"file": "n.onnx"} | changes)


def test_labels_that_mean_the_same_are_summed_and_those_left_out_are_not_counted() -> None:
    names = {"smile": "happy", "grin": "happy", "calm": "neutral", "other": None}
    network = described(labels=list(names), names=names, output="probabilities")
    logits, known = network.convert(np.array([0.2, 0.1, 0.1, 0.6]))
    probs = dict(zip(EXPRESSIONS, np.exp(logits), strict=True))
    assert probs["happy"] == pytest.approx(0.75)
    assert probs["neutral"] == pytest.approx(0.25)
    assert probs["fear"] == pytest.approx(1e-9)
    assert known == pytest.approx(0.4)
    assert network.never_answered == ("angry", "disgust", "fear", "sad", "surprise")


def test_extreme_logits_stay_numbers() -> None:
    logits, known = described().convert(np.array([900, -900, 0, 0, 0, 0, 0, 5000.0]))
    assert np.isfinite(logits).all()
    assert EXPRESSIONS[logits.argmax()] == "neutral"
    assert known == 0


def test_a_face_that_shows_contempt_is_unusual(networks: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "theirs"
    write_tflite(folder)
    # Happiness, the answer to a bright face, becomes what is left out.
    names = {"contempt": "happy", "happiness": None}
    describe(folder, "network.tflite", names=names)
    classifier = load_classifier("theirs", folder.parent)
    known = classifier.read(faces(0, 255)).activation
    assert known[0] == pytest.approx(7 / 8)
    assert 0 < known[1] < known[0]
    assert classifier.unusual_below == 0.5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_what_is_never_answered_has_no_probability_at_any_temperature(
    tmp_path: Path, temperature: float
) -> None:
    folder = tmp_path / "models" / "theirs"
    write_tflite(folder)
    names = {"contempt": "happy", "disgust": None}
    describe(folder, "network.tflite", names=names, temperature=temperature)
    classifier = load_classifier("theirs", folder.parent)
    probs = classifier.probabilities(classifier.logits(faces(0, 100, 255)))
    assert probs[:, EXPRESSIONS.index("disgust")].max() < 1e-8
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-6)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"labels": None}, "lacks 'labels'"),
    ({"input": None}, "lacks 'input'"),
    ({"version": 2}, "has the version 2"),
    ({"labels": [*LABELS[:-1], "boredom"], "names": {}}, "'boredom', which is none of the seven"),
    ({"labels": [*LABELS, "fear"]}, "lists the label 'fear' twice"),
    ({"labels": "happy"}, 'needs "labels"'),
    ({"names": {"contempt": "scorn"}}, "maps 'contempt' to 'scorn'"),
    ({"names": {"pain": None, "contempt": None}}, "maps 'pain' in \"names\""),
    ({"names": dict.fromkeys(LABELS)}, "fewer than two of the seven"),
    ({"output": "scores"}, "has the \"output\" 'scores'"),
    ({"file": "../other/model.tflite"}, "the name of a file in the same folder"),
    ({"file": "network.pt"}, "must end in .keras, .tflite, .onnx"),
    ({"input": SMALLEST["input"] | {"size": 0}}, 'has the input "size" 0'),
    ({"input": SMALLEST["input"] | {"channels": "cmyk"}}, "'cmyk'"),
    ({"input": SMALLEST["input"] | {"range": "0-100"}}, "'0-100'"),
    ({"input": SMALLEST["input"] | {"range": {"mean": 0.5}}}, "lacks 'std'"),
    ({"input": SMALLEST["input"] | {"range": {"mean": [1, 2], "std": 1}}}, 'has the "mean"'),
    ({"input": SMALLEST["input"] | {"range": {"mean": 0, "std": 0}}}, 'has the "std"'),
    ({"input": SMALLEST["input"] | {"layout": "NCHW"}}, "'NCHW'"),
    ({"input": 48}, 'needs an "input"'),
    ({"temperature": -1}, "has the temperature -1"),
    ({"unsure": {"threshold": 7}}, "has the unsure threshold 7"),
    ({"label_set": "affectnet"}, "names the label set 'affectnet'"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_a_description_that_cannot_be_used(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    describe(tmp_path / "theirs", "network.tflite", **changes)
    (tmp_path / "theirs" / "network.tflite").touch()
    problem = model_problem("theirs", tmp_path)
    assert sentence in problem
    assert "docs/own-network.md" in problem
    # It is listed all the same, where a network is chosen.
    assert list_models(tmp_path, served=True) == ["theirs"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    describe(tmp_path / "theirs", "network.onnx")
    assert "network.onnx is missing" in model_problem("theirs", tmp_path)
    assert list_models(tmp_path, served=True) == ["theirs"]


MISMATCHES: list[tuple[dict[str, Any], str]] = [
    ({"input": SMALLEST["input"] | {"size": 48}}, "takes an input of any×64×64×1"),
    ({"input": SMALLEST["input"] | {"channels": "rgb"}}, "64×64 pixels, rgb"),
    ({"input": SMALLEST["input"] | {"layout": "channels_first"}}, "takes an input of"),
    ({"labels": LABELS[:7], "names": {}}, "model.json lists 7 labels"),
    ({"output": "probabilities"}, 'write "output": "logits"'),
]


@pytest.mark.parametrize(("changes", "sentence"), MISMATCHES)
def test_a_network_that_is_not_what_model_json_says(
    networks: Path, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    describe(tmp_path / "theirs", "network.tflite", **changes)
    content = (networks / "tflite" / "network.tflite").read_bytes()
    (tmp_path / "theirs" / "network.tflite").write_bytes(content)
    with pytest.raises(ModelError) as refused:
        load_classifier("theirs", tmp_path)
    assert sentence in str(refused.value)


def test_probabilities_that_are_called_logits(networks: Path, tmp_path: Path) -> None:
    values = json.loads((networks / "colour" / "model.json").read_text()) | {"output": "logits"}
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "model.json").write_text(json.dumps(values))
    content = (networks / "colour" / "network.tflite").read_bytes()
    (tmp_path / "theirs" / "network.tflite").write_bytes(content)
    with pytest.raises(ModelError, match='write "output": "probabilities"'):
        load_classifier("theirs", tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["labels"].reverse(),
        lambda values: values["input"].update(range="0-255"),
        lambda values: values.update(temperature=2.0),
    ],
)
def test_what_decides_the_answers_is_in_the_hash(
    networks: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    file = networks / "tflite" / "model.json"
    before, text = network_hash(load_bundle("tflite", networks)), file.read_text()
    try:
        values = json.loads(text)
        change(values)
        file.write_text(json.dumps(values))
        assert network_hash(load_bundle("tflite", networks)) != before
        # What only people read changes nothing.
        file.write_text(json.dumps(json.loads(text) | {"about": "from a paper"}))
        assert network_hash(load_bundle("tflite", networks)) == before
    finally:
        file.write_text(text)


def test_quantised_ends_are_scaled(tmp_path: Path) -> None:
    import tensorflow as tf
    from made_networks import keras_network

    describe(tmp_path / "int8", "network.tflite")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras_network())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    steps = np.linspace(0, 1, 20, dtype=np.float32)
    converter.representative_dataset = lambda: ([np.full((1, 64, 64, 1), s)] for s in steps)
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # as in model/tflite_export.py
        (tmp_path / "int8" / "network.tflite").write_bytes(converter.convert())
    classifier = load_classifier("int8", tmp_path)
    (probs,) = classifier.probabilities(classifier.logits(faces(255)))
    np.testing.assert_allclose(probs, expected(1), atol=0.02)
    assert math.isclose(probs.sum(), 1, abs_tol=1e-5)
