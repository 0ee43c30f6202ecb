"""What is counted from the list of layers is what keras counts."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest

from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import ModelError
from emotion_core.model.architecture import architecture_file, architecture_of, read_architecture
from emotion_core.model.bundle import default_name
from emotion_core.model.network import NetworkSettings, build_network

PARTS = ["input", "block 1", "block 2", "block 3", "block 4"]


def config_of(network: keras.Model) -> dict[str, Any]:
    """config.json as keras writes it, without the weights beside it."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(network)))


@pytest.mark.parametrize(
    ("architecture", "between"), [("residual", "average"), ("classic", "flatten")]
)
def test_both_networks_are_counted_as_keras_counts_them(architecture: str, between: str) -> None:
    network = build_network(NetworkSettings(architecture=architecture))
    found = architecture_of(config_of(network))
    assert found.parameters == network.count_params()
    assert [s.title for s in found.stages] == [*PARTS, between, "dense 1", "dense 2", "softmax"]
    for layer in found.layers:
        built = network.get_layer(layer.name)
        assert layer.parameters == built.count_params(), layer.name
        if layer.kind != "InputLayer":
            assert layer.output_shape == tuple(built.output.shape[1:]), layer.name
    assert found.uncounted == ()


def test_multiply_adds_are_those_of_the_textbook() -> None:
    face = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="a")(face)
    x = keras.layers.DepthwiseConv2D(3, padding="valid", name="b")(x)
    x = keras.layers.SeparableConv2D(16, 3, padding="same", name="c")(x)
    x = keras.layers.Conv2D(16, 1, groups=4, name="d")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(face, keras.layers.Dense(7, name="e")(x))
    found = architecture_of(config_of(network))
    work = {layer.name: layer.multiply_adds for layer in found.layers if layer.multiply_adds}
    assert work == {
        "a": 24 * 24 * 9 * 1 * 8,
        "b": 22 * 22 * 9 * 8,
        "c": 22 * 22 * (9 * 8 + 8 * 16),
        "d": 22 * 22 * 16 * 4,
        "e": 16 * 7,
    }
    assert found.parameters == network.count_params()
    assert found.uncounted == ()


def test_a_layer_that_cannot_be_counted_is_named() -> None:
    face = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(face)
    network = keras.Model(face, keras.layers.LayerNormalization(name="odd")(x))
    assert architecture_of(config_of(network)).uncounted == ("odd",)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "missing"),
        (b"no zip at all", "cannot be read"),
        ("{", "cannot be read"),
        ('{"config": {"layers": []}}', "no layer"),
        ('{"config": {"layers": [{"class_name": "Dense", "name": "x"}]}}', "cannot be read"),
        ("[1]", "cannot be read"),
    ],
)
def test_a_file_that_is_no_network_is_said(tmp_path: Path, config: object, words: str) -> None:
    path = tmp_path / "model.keras"
    if isinstance(config, bytes):
        path.write_bytes(config)
    elif isinstance(config, str):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", config)
    with pytest.raises(ModelError, match=words):
        read_architecture(path)


def test_the_layers_are_known_where_only_the_scores_are_kept(tmp_path: Path) -> None:
    whole = PROJECT_ROOT / "models" / default_name() / "model.keras"
    with zipfile.ZipFile(whole) as file:
        file.extract("config.json", tmp_path)
    found = read_architecture(architecture_file(tmp_path))
    assert found == read_architecture(architecture_file(whole.parent))
    (tmp_path / "config.json").unlink()
    with pytest.raises(ModelError, match=r"model\.keras is missing"):
        read_architecture(architecture_file(tmp_path))
