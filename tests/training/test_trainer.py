"""What a training step computes: the same numbers as keras', sooner; teachers asked in turn."""

import dataclasses

import keras
import numpy as np
import pytest

from emotion_core.model.network import NetworkSettings
from emotion_core.training.batch_norm import BatchNormalization, with_fused_norms
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.trainer import (
    AskInTurn,
    build_heads,
    build_learner,
    computing_in,
    make_trainer,
)

SETTINGS = TrainingSettings(
    batch_size=12,
    second_head=0.4,
    network=NetworkSettings(channels=(4, 4, 8, 8), dense=(8, 8), block_dropout=0, dense_dropout=0),
    augment=None,
)


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 1)).astype(np.float32)


def said(count: int, heads: int = 2) -> np.ndarray:
    classes = np.random.default_rng(1).integers(0, 7, count)
    return np.tile(np.eye(7, dtype=np.float32)[classes], heads)


def norms(network: keras.Model) -> list[keras.layers.Layer]:
    return [at for at in network.layers if isinstance(at, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 3)])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_fused_norm_gives_keras_numbers(shape: tuple[int, ...], frozen: bool) -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, shape).astype(np.float32)
    layers = keras.layers.BatchNormalization(), BatchNormalization()
    answers = []
    for layer in layers:
        layer.build(shape)
        layer.set_weights([np.float32(v) * np.ones(3, np.float32) for v in (1.5, 0.5, 1.0, 4.0)])
        layer.trainable = not frozen
        answers.append([layer(x, training=True), layer(x, training=False), *layer.weights])
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=2e-5, atol=2e-5)


def test_a_learner_learns_as_its_network_does() -> None:
    """Through the gradients, the moving moments and Adam, over three steps."""
    plain = build_heads(SETTINGS)
    fast = with_fused_norms(plain)
    losses = []
    for network in (plain, fast):
        trainer = make_trainer(network, SETTINGS, 10)
        losses.append([trainer.train_on_batch(faces(12), said(12))[0] for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    assert losses[0][2] < losses[0][0]
    for ours, theirs in zip(fast.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_learner_computes_in_the_precision_of_its_network() -> None:
    with computing_in("mixed_bfloat16"):
        plain = build_heads(SETTINGS)
    fast = with_fused_norms(plain)
    kept = [
        {at.name: at.dtype_policy.name for at in network.layers if at.weights or "drop" in at.name}
        for network in (fast, plain)
    ]
    assert kept[0] == kept[1]
    assert "mixed_bfloat16" in kept[0].values()
    assert [type(at) for at in norms(fast)] == [BatchNormalization] * len(norms(plain))
    for training in (True, False):
        answers = [network(faces(12), training=training) for network in (fast, plain)]
        for ours, theirs in zip(*answers, strict=True):
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=0.02)


def test_each_face_is_asked_of_one_teacher_in_turn() -> None:
    teachers = [build_heads(SETTINGS) for _ in range(3)]
    for number, teacher in enumerate(teachers):
        teacher.get_layer("logits").set_weights([np.zeros((8, 7)), 9.0 * np.eye(7)[number]])
        teacher.get_layer("logits_2").set_weights([np.zeros((8, 7)), 9.0 * np.eye(7)[6 - number]])
    ask = AskInTurn(teachers, 2)
    for count in (12, 7, 3):
        first, second = (np.asarray(each).argmax(axis=1) for each in ask(faces(count)))
        assert first.tolist() == [place % 3 for place in range(count)]
        assert second.tolist() == [6 - place % 3 for place in range(count)]
    (only,) = AskInTurn(teachers[1:2], 1)(faces(4))
    assert np.asarray(only).argmax(axis=1).tolist() == [1] * 4


def test_an_answer_is_about_the_face_it_was_asked_for() -> None:
    """The same teacher three times answers as one does, also in a whole step."""
    teacher = build_heads(SETTINGS)
    once, thrice = (AskInTurn([teacher] * times, 2) for times in (1, 3))
    for ours, theirs in zip(thrice(faces(10)), once(faces(10)), strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-6)
    assert not thrice.trainable_variables
    settings = dataclasses.replace(SETTINGS, teacher="t", teacher_share=0.7, same_view=True)
    learner = build_learner(settings)
    losses = []
    for count in (1, 3):
        trainer = make_trainer(learner, settings, 10, [teacher] * count)
        losses.append(trainer.evaluate(faces(12), said(12), verbose=0)[0])
        assert len(trainer.trainable_variables) == len(learner.trainable_variables)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
