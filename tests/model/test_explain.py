"""Heat maps and embeddings: small networks whose answer is known, and the sanity check of the
served one."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import FrameError, ModelError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import load_bundle
from emotion_core.model.explain import checked_crop, embeddings, heat_maps
from emotion_core.model.network import NetworkSettings, build_network, load_network
from emotion_core.vision.crop import crop_faces

HAPPY = EXPRESSIONS.index("happy")
# Layers from the answer down to the picture: the cascade of Adebayo et al. 2018.
CASCADE = ("logits", "dense_1_linear", "block_4_conv_1", "block_1_conv_1")


@pytest.fixture(scope="module")
def tiny() -> Any:
    return build_network(NetworkSettings(channels=(4, 4, 8, 8), dense=(16, 16)))


@pytest.fixture(scope="module")
def served() -> Any:
    return load_network(load_bundle())


@pytest.fixture
def face(portrait: ImageArray) -> FloatArray:
    return crop_faces(portrait, np.array([[113, 66, 209, 162]], np.float32))[0]


def randomised(network: Any, down_to: str, seed: int) -> Any:
    """A copy whose weights are drawn anew, with their old spread, from the answer down to a layer;
    normalisation keeps its scale, which holds no picture."""
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    rng = np.random.default_rng(seed)
    for layer in reversed(copy.layers):
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.normal(0, w.std() + 1e-8, w.shape) for w in layer.get_weights()])
        if layer.name == down_to:
            return copy
    raise AssertionError(f"no layer {down_to}")


def alike(one: FloatArray, other: FloatArray) -> float:
    """Mean rank correlation of the maps of all expressions that have one in both networks."""
    ranks = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    return float(np.nanmean(ranks))


@pytest.mark.filterwarnings("ignore:An input array is constant")
@pytest.mark.parametrize("down_to", CASCADE)
def test_the_served_maps_change_when_the_weights_are_randomised(
    served: Any, face: FloatArray, down_to: str
) -> None:
    """Adebayo et al. 2018, arXiv 1810.03292: a map that stays shows edges, not evidence.

    One draw may come near the learnt weights of one expression by luck: all seven, twice.
    """
    before = heat_maps(served, face)
    assert before[HAPPY].max() == pytest.approx(1.0)
    found = [alike(before, heat_maps(randomised(served, down_to, seed), face)) for seed in (0, 1)]
    assert abs(np.mean(found)) < 0.4


def test_the_served_map_of_a_smile_glows_at_the_mouth(served: Any, face: FloatArray) -> None:
    heat = heat_maps(served, face)[HAPPY]
    assert heat[28:44].mean() > 2 * heat[:14].mean()


def single_pixel_network() -> Any:
    """The happy logit is the grey value around one place; nothing else speaks for anything."""
    import keras
    from keras import layers

    image = keras.Input((48, 48, 1))
    x = layers.AveragePooling2D(4, name="block")(image)
    weights = np.zeros((144, 7), np.float32)
    weights[9 * 12 + 2, HAPPY] = 1.0
    logits = layers.Dense(7, name="logits")
    network = keras.Model(image, layers.Softmax()(logits(layers.Flatten()(x))))
    logits.set_weights([weights, np.zeros(7, np.float32)])
    return network


def test_the_heat_lies_where_the_evidence_is() -> None:
    maps = heat_maps(single_pixel_network(), np.full((48, 48), 100.0), layers=("block",))
    row, column = np.unravel_index(maps[HAPPY].argmax(), (48, 48))
    assert 36 <= row < 40
    assert 8 <= column < 12
    assert maps[HAPPY, :30].max() == 0
    assert np.delete(maps, HAPPY, axis=0).max() == 0


def test_maps_have_a_fixed_shape_and_range(tiny: Any, face: FloatArray) -> None:
    maps = heat_maps(tiny, face)
    assert maps.shape == (7, 48, 48)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() <= 1
    assert np.array_equal(maps, heat_maps(tiny, face[:, :, 0]))


def test_the_classic_network_is_explained_too(face: FloatArray) -> None:
    maps = heat_maps(build_network(NetworkSettings(architecture="classic")), face)
    assert maps.max() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_embeddings_have_length_one(tiny: Any, count: int) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (count, 48, 48), np.uint8)
    values = embeddings(tiny, crops)
    assert len(values) == count
    if count:
        assert values.shape == (count, 16)
        assert np.allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((48, 47)),
        np.zeros((1, 48, 48, 1)),
        np.full((48, 48), np.nan),
        np.full((48, 48), 300.0),
        np.full((48, 48), -1.0),
    ],
)
def test_what_is_no_crop_is_refused(tiny: Any, bad: NDArray[np.float64]) -> None:
    with pytest.raises(FrameError, match="crop"):
        checked_crop(bad)
    with pytest.raises(FrameError):
        heat_maps(tiny, bad)


def test_a_network_without_these_layers_is_named(tiny: Any, face: FloatArray) -> None:
    with pytest.raises(ModelError, match="cannot be explained"):
        heat_maps(tiny, face, layers=("nowhere",))
    with pytest.raises(ModelError, match="cannot be compared"):
        embeddings(single_pixel_network(), face[None])
