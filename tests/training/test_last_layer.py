"""What is changed of the last layer after training."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from emotion_core.labels import EXPRESSIONS
from emotion_core.model.network import LOGITS_LAYER, NetworkSettings, build_network
from emotion_core.training.last_layer import adjust, find_more_smiles, remove_prior
from emotion_core.training.recipes import best
from emotion_core.training.settings import TrainingSettings

HAPPY, NEUTRAL = EXPRESSIONS.index("happy"), EXPRESSIONS.index("neutral")


@pytest.fixture
def network() -> keras.Model:
    """Untrained; the brighter a face, the surer it is said to be neutral, and else happy."""
    keras.utils.set_random_seed(0)
    made = build_network(NetworkSettings(channels=(4, 4, 4, 4), dense=(8, 8)))
    layer = made.get_layer(LOGITS_LAYER)
    kernel, bias = np.zeros((8, 7), np.float32), np.full(7, -9, np.float32)
    features = keras.Model(made.input, layer.input).predict(_faces(), verbose=0)
    values = np.linalg.svd(features - features.mean(axis=0))[2][0]
    along = features @ values
    kernel[:, NEUTRAL] = 4 * values / along.std()
    bias[NEUTRAL], bias[HAPPY] = -4 * along.mean() / along.std(), 0
    layer.set_weights([kernel, bias])
    return made


def _faces() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 1))
    return (noise * np.linspace(0.05, 1, 64)[:, None, None, None]).astype(np.uint8)


def logits(network: keras.Model) -> np.ndarray:
    layer = network.get_layer(LOGITS_LAYER)
    told = keras.Model(network.input, layer.output).predict(_faces(), verbose=0)
    return np.asarray(keras.ops.convert_to_numpy(told), np.float64)


def test_smiles_are_found_where_neutral_was_as_likely(network: keras.Model) -> None:
    before = logits(network)
    probs = np.exp(before) / np.exp(before).sum(axis=1, keepdims=True)
    near = find_more_smiles(network, _faces(), 1.5)
    after = logits(network)
    added = after - before
    assert near > 0.8
    assert np.corrcoef(added[:, HAPPY], probs[:, NEUTRAL])[0, 1] == pytest.approx(near, abs=1e-4)
    assert added[:, HAPPY].mean() == pytest.approx(1.5 * probs[:, NEUTRAL].mean(), abs=0.01)
    others = [k for k in range(7) if k != HAPPY]
    np.testing.assert_array_equal(added[:, others], 0)
    said, says = before.argmax(axis=1), after.argmax(axis=1)
    changed = said != says
    assert changed.any()
    assert set(said[changed]) == {NEUTRAL}
    assert set(says[changed]) == {HAPPY}


def test_a_share_of_the_prior_is_taken_out(network: keras.Model) -> None:
    before, said = logits(network), np.eye(7, dtype=np.float32)[[NEUTRAL, NEUTRAL, HAPPY, 0]]
    change = remove_prior(network, said, 0.5)
    assert change[NEUTRAL] == pytest.approx(0.5 * np.log(0.5))
    assert change[1] == pytest.approx(0.5 * np.log(1e-6)), "nobody said it"
    np.testing.assert_allclose(logits(network), before - change, atol=1e-4)


def test_a_recipe_says_what_is_changed(network: keras.Model) -> None:
    faces, before = _faces()[..., 0], logits(network)
    said = np.eye(7, dtype=np.float32)[np.arange(64) % 7]
    said[::2] = 0
    adjust(network, faces, said, TrainingSettings())
    np.testing.assert_array_equal(logits(network), before)
    adjust(network, faces, said, replace(TrainingSettings(), prior_removed=0.1))
    shifted = logits(network)
    assert not np.allclose(shifted, before)
    adjust(network, faces, said, replace(TrainingSettings(), smile_gain=1.0))
    assert (logits(network) - shifted)[:, HAPPY].min() > -0.5
    assert not np.allclose(logits(network), shifted)


def test_only_the_network_of_the_votes_finds_more_smiles() -> None:
    assert best("ferplus").network.smile_gain > 0
    assert best("fer2013").network.smile_gain == 0
    assert all(teacher.smile_gain == 0 for teacher in best().teachers.values())
