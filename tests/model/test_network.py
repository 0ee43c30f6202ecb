"""The network is the promised one, and its parts are where others look for them."""

import keras
import numpy as np
import pytest

from emotion_core.errors import SettingsError
from emotion_core.model.network import (
    EMBEDDING_LAYER,
    NetworkSettings,
    build_network,
    logits_model,
)

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.float32)


@pytest.mark.parametrize("architecture", ["residual", "classic"])
def test_four_blocks_two_dense_layers_and_a_softmax(architecture: str) -> None:
    network = build_network(NetworkSettings(architecture=architecture))
    names = [layer.name for layer in network.layers]
    assert [n for n in names if n in {f"block_{i}" for i in range(9)}] == [
        "block_1",
        "block_2",
        "block_3",
        "block_4",
    ]
    assert sum(isinstance(layer, keras.layers.Dense) for layer in network.layers) == 3
    assert network.input_shape == (None, 48, 48, 1)
    probs = np.asarray(network(FACES))
    assert probs.shape == (3, 7)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-6)
    logits = np.asarray(logits_model(network)(FACES), np.float64)
    powers = np.exp(logits)
    np.testing.assert_allclose(probs, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    assert network.get_layer(EMBEDDING_LAYER).output.shape[0] is None


def test_size_of_the_served_network_stays_small() -> None:
    assert build_network().count_params() < 1_000_000


def test_classic_is_the_usual_stack() -> None:
    network = build_network(NetworkSettings(architecture="classic"))
    convolutions = [x for x in network.layers if isinstance(x, keras.layers.Conv2D)]
    assert [(c.filters, c.kernel_size[0]) for c in convolutions] == [
        (64, 3),
        (128, 5),
        (512, 3),
        (512, 3),
    ]
    dense = [x.units for x in network.layers if isinstance(x, keras.layers.Dense)]
    assert dense == [256, 512, 7]


@pytest.mark.parametrize("bad", [{"architecture": "vgg"}, {"channels": (1, 2, 3)}, {"dense": (1,)}])
def test_other_shapes_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        NetworkSettings(**bad)  # type: ignore[arg-type]
