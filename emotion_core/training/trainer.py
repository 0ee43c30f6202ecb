"""What a training step computes: augmentation, the network with its heads, teachers, the loss.

Everything is layers and functions of `keras.ops`, so that it runs on any Keras 3 backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.network import build_network
from emotion_core.training.augment import Augment
from emotion_core.training.batch_norm import with_fused_norms
from emotion_core.training.schedule import WarmCosine
from emotion_core.training.settings import TrainingSettings

Tensor = Any

# What both heads read.
_TRUNK = "dense_2_dropout"
_LEAST = 1e-7


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_heads(settings: TrainingSettings) -> keras.Model:
    """The network to train; with a second head its answers are a list of two."""
    network = build_network(settings.network)
    if not settings.second_head:
        return network
    features = network.get_layer(_TRUNK).output
    second = keras.layers.Dense(NUM_EXPRESSIONS, dtype="float32", name="logits_2")(features)
    second = keras.layers.Softmax(dtype="float32", name="probabilities_2")(second)
    return keras.Model(network.input, [network.output, second], name="two_heads")


def build_learner(settings: TrainingSettings) -> keras.Model:
    """The same network, as it is trained: its steps are faster, its weights the same."""
    return with_fused_norms(build_heads(settings))


def served_head(network: keras.Model) -> keras.Model:
    """The network without its second head; the weights are shared."""
    if len(network.outputs) == 1:
        return network
    return keras.Model(network.input, network.outputs[0], name="expression")


def make_trainer(
    network: keras.Model,
    settings: TrainingSettings,
    steps: int,
    teachers: Sequence[keras.Model] = (),
) -> keras.Model:
    """The network behind its augmentation, with optimizer and loss.

    Args:
        network: of `build_learner`.
        settings: the recipe.
        steps: of an epoch.
        teachers: with as many heads at least; they answer in every step, about the same view.
            With several, each face is one teacher's.
    """
    face = keras.Input(network.input_shape[1:], name="augmented_face")
    x = Augment(settings.augment, seed=settings.seed)(face) if settings.augment else face
    heads = len(network.outputs)
    parts = _as_list(network(x))
    if teachers:
        parts += AskInTurn(teachers, heads, name="teachers")(x)
    answers = parts[0] if len(parts) == 1 else keras.layers.Concatenate(dtype="float32")(parts)
    model = keras.Model(face, answers, name="trainer")
    warmup = round(settings.warmup_epochs * steps)
    optimizer = keras.optimizers.Adam(
        WarmCosine(settings.learning_rate, warmup, max(settings.epochs * steps - warmup, 1)),
        weight_decay=settings.weight_decay or None,
        use_ema=settings.ema_momentum > 0,
        ema_momentum=settings.ema_momentum or 0.99,
    )
    optimizer.build(model.trainable_variables)
    # Given by its name, the metric is made while the first step is traced, and tensorflow traces a
    # function that made a variable once more.
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    loss: str | Callable[[Tensor, Tensor], Tensor] = "categorical_crossentropy"
    if len(parts) > 1:
        loss = _loss(settings, heads, bool(teachers))
        accuracy = keras.metrics.MeanMetricWrapper(_accuracy, name="accuracy")
    model.compile(optimizer, loss=loss, metrics=[accuracy])
    return model


def _as_list(answers: Any) -> list[Any]:
    return list(answers) if isinstance(answers, list | tuple) else [answers]


class AskInTurn(keras.layers.Layer):
    """Teachers' answers about the faces of a batch: each face is asked of one of them.

    A step then costs the answers of one teacher, however many there are. The loss is linear in its
    target, so that the expected gradient is that of their mean answer; faces are drawn anew in each
    epoch, and over the epochs each is asked of all teachers alike.

    (N, 48, 48, 1) in, at least as many faces as teachers; a list of (N, 7) float32, one for each
    head, out.
    """

    def __init__(self, teachers: Sequence[keras.Model], heads: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self._teachers = [
            with_fused_norms(keras.Model(teacher.input, teacher.outputs[:heads]))
            for teacher in teachers
        ]
        self.trainable = False

    def call(self, faces: Tensor) -> list[Tensor]:
        """Ask about a batch."""
        count, places = len(self._teachers), ops.arange(ops.shape(faces)[0])
        told = [
            _as_list(teacher(faces[first::count], training=False))
            for first, teacher in enumerate(self._teachers)
        ]
        back = ops.argsort(ops.concatenate([places[first::count] for first in range(count)]))
        return [ops.take(ops.concatenate(each), back, axis=0) for each in zip(*told, strict=True)]


def _columns(values: Tensor, place: int) -> Tensor:
    return values[:, place * NUM_EXPRESSIONS : (place + 1) * NUM_EXPRESSIONS]


def _loss(
    settings: TrainingSettings, heads: int, taught: bool
) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross-entropy of each head with its target, weighted; see `_target`.

    Columns of the target: seven a head; of the answers: seven a head, then seven a head told by
    the teachers.
    """
    weights = (1 - settings.second_head, settings.second_head)[:heads]

    def loss(said: Tensor, answers: Tensor) -> Tensor:
        total = 0.0
        for head, weight in enumerate(weights):
            target = _columns(said, head)
            if taught:
                told = ops.stop_gradient(_columns(answers, heads + head))
                target = _target(target, told, settings.teacher_share)
            logs = ops.log(ops.clip(_columns(answers, head), _LEAST, 1.0))
            total = total - weight * ops.sum(target * logs, axis=-1)
        return total

    return loss


def _target(said: Tensor, told: Tensor, share: float) -> Tensor:
    """People's answer and the teachers', mixed; the teachers' where no one labelled the face."""
    labelled = ops.sum(said, axis=-1, keepdims=True) > 0
    return ops.where(labelled, (1 - share) * said + share * told, told)


def _accuracy(said: Tensor, answers: Tensor) -> Tensor:
    """The served head's share of right answers among the labelled faces of a batch."""
    target, answer = _columns(said, 0), _columns(answers, 0)
    labelled = ops.cast(ops.sum(target, axis=-1) > 0, "float32")
    right = ops.cast(ops.argmax(target, axis=-1) == ops.argmax(answer, axis=-1), "float32")
    return ops.sum(right * labelled) / ops.maximum(ops.sum(labelled), 1.0)
