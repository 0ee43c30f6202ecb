"""What may help a network to read faces of other origin: short trainings, one change in each.

emotion-lab train --data ferplus.zip --recipe quick --name quick
python -m benchmarks.training_choices --start-from models/quick [--only NAME …] [--log]

Prints and writes results/training_choices.json, about three minutes a choice on two cores, those
with a teacher three times as long. What the file holds already is not trained again. Each training
begins with the weights of the same network, of the recipe `quick`, and goes on for four epochs:
what helps a small network that far need not help a large one from the beginning. The last epoch's
averaged weights are scored on FER+ validation and on faces of other origin, never on a test split.
`plain` is trained with three seeds: their spread says how much of a difference is chance.
"""

import argparse
import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from benchmarks.common import RESULTS, save
from emotion_core.config import MODELS_DIR, PROJECT_ROOT
from emotion_core.datasets.dataset import Dataset, Split, targets
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import OtherFaces, open_other_faces
from emotion_core.evaluation.evaluate import RARE
from emotion_core.evaluation.experiment_log import Run, log_run
from emotion_core.evaluation.metrics import point_scores
from emotion_core.evaluation.other_faces import mean_scores
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.calibrate import centred_logits, fit_temperature, softmax
from emotion_core.training import trainer as trainers
from emotion_core.training.augment import Augment, AugmentSettings
from emotion_core.training.fit import training_batches
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.trainer import build_heads, computing_in, make_trainer, served_head
from emotion_core.training.transfer import begin_with, earlier_network

NAME: Final = "training_choices"
DATA: Final = PROJECT_ROOT.parent / "shared/data"
SECOND_TEACHER: Final = PROJECT_ROOT.parent / "shared/models/wide"
BASE: Final = TrainingSettings(
    label_mix=0.0,
    epochs=4,
    batch_size=128,
    learning_rate=1e-3,
    warmup_epochs=0.5,
    ema_momentum=0.998,
    precision="mixed_bfloat16",
)
TAUGHT: Final = {"teacher": "ferplus", "teacher_share": 0.7}
Answers = NDArray[np.float32]
Faces = NDArray[Any]
Targets = NDArray[np.float32]
Blend = Callable[[Faces, Targets], tuple[Faces, Targets]]


class Styled(Augment):
    """The usual changes, and others that cameras and their users make, each to a third of faces."""

    def __init__(self, changes: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._changes = changes

    def call(self, images: Any, training: bool = False) -> Any:
        """Change a batch when training."""
        images = super().call(images, training)
        if training:
            for name in self._changes:
                images = self._some(images, getattr(self, f"_{name}"), 1 / 3)
        return ops.clip(images, 0.0, 255.0)

    def _perspective(self, images: Any) -> Any:
        """The head seen from nearer, from a side: corners move by up to a tenth."""
        n, side = ops.shape(images)[0], images.shape[1]
        # What comes in from outside is the picture mirrored, instead of black.
        edge = side // 4
        wider = ops.pad(images, [[0, 0], [edge, edge], [edge, edge], [0, 0]], mode="symmetric")
        corners = edge + np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32)
        start = ops.tile(ops.convert_to_tensor(corners)[None], (n, 1, 1))
        moved = start + self._uniform((n, 4, 2), -0.1, 0.1) * side
        turned = ops.image.perspective_transform(wider, start, moved)
        return turned[:, edge:-edge, edge:-edge]

    def _lamp(self, images: Any) -> Any:
        """Light from one side, and a curve of the greys such as cameras apply."""
        n, side = ops.shape(images)[0], images.shape[1]
        across = ops.convert_to_tensor(np.linspace(-1, 1, side, dtype=np.float32))
        right, down = (self._uniform((n, 1, 1, 1), -0.35, 0.35) for _ in range(2))
        light = 1 + right * across[None, None, :, None] + down * across[None, :, None, None]
        unit = ops.clip(images * light / 255.0, 0.0, 1.0)
        bend = self._uniform((n, 1, 1, 1), -0.6, 0.6)
        return 255.0 * (unit + bend * (unit * unit * (3 - 2 * unit) - unit))

    def _sharpness(self, images: Any) -> Any:
        """From soft to sharpened by the camera."""
        kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype("float32")[:, :, None, None]
        soft = ops.conv(images, kernel / kernel.sum(), padding="same")
        return images + self._uniform((ops.shape(images)[0], 1, 1, 1), -0.9, 1.5) * (images - soft)


class Jigsaw(keras.layers.Layer):
    """A side task: in which order the four quarters of a shuffled face are (arXiv 2105.06421).

    Passes its faces on unchanged, and adds the loss of the task.
    """

    def __init__(self, trunk: keras.Model, weight: float, seed: int) -> None:
        super().__init__()
        self._trunk, self._weight = trunk, weight
        self._orders = np.array(list(itertools.permutations(range(4))), np.int32)
        self._guess = keras.layers.Dense(len(self._orders), dtype="float32")
        self._guess.build(trunk.output_shape)
        self._draw = keras.random.SeedGenerator(seed)

    def call(self, faces: Any, training: bool = False) -> Any:
        """(N, 48, 48, 1) in and out."""
        if not training:
            return faces
        n, side = ops.shape(faces)[0], faces.shape[1]
        half = side // 2
        wanted = keras.random.randint((n,), 0, len(self._orders), seed=self._draw)
        tiles = ops.transpose(ops.reshape(faces, (n, 2, half, 2, half)), (0, 1, 3, 2, 4))
        order = ops.take(ops.convert_to_tensor(self._orders), wanted, axis=0)
        tiles = ops.reshape(tiles, (n, 4, half, half))
        tiles = ops.take_along_axis(tiles, order[:, :, None, None], 1)
        mixed = ops.transpose(ops.reshape(tiles, (n, 2, 2, half, half)), (0, 1, 3, 2, 4))
        guess = self._guess(self._trunk(ops.reshape(mixed, (n, side, side, 1)), training=True))
        losses = keras.losses.sparse_categorical_crossentropy(wanted, guess, from_logits=True)
        self.add_loss(self._weight * ops.mean(losses))
        return faces


@dataclass(frozen=True)
class Choice:
    """What differs from the plain training.

    Attributes:
        about: in words.
        settings: of the recipe.
        blend: makes, of the training split, what changes a batch of images and targets.
        looks: further changes of the faces, by the names in `Styled`.
        jigsaw: weight of the side task in the loss.
        second_teacher: another network teaches, too.
    """

    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    blend: Callable[[Split], Blend] | None = None
    looks: tuple[str, ...] = ()
    jigsaw: float = 0.0
    second_teacher: bool = False


def by_layer(kind: type[keras.layers.Layer], **arguments: float) -> Callable[[Split], Blend]:
    """A layer of keras that blends the images of a batch, and their targets."""

    def made(_: Split) -> Blend:
        layer = kind(**arguments, seed=0, dtype="float32")

        def blend(images: Faces, said: Targets) -> tuple[Faces, Targets]:
            mixed = layer({"images": images.astype(np.float32), "labels": said}, training=True)
            return ops.convert_to_numpy(mixed["images"]), ops.convert_to_numpy(mixed["labels"])

        return blend

    return made


def by_confusion(train: Split) -> Blend:
    """A tenth of each target goes to what people also say of faces of that expression."""
    said = targets(train, "ferplus", 0.0)
    first = said.argmax(axis=1)
    also = np.stack([said[(first == k) & said.any(axis=1)].mean(axis=0) for k in range(7)])
    return lambda images, said: (images, np.asarray(0.9 * said + 0.1 * said @ also, np.float32))


WIDE: Final = AugmentSettings(gamma=0.4, contrast=0.35, blur=0.15, half_size=0.15)
CHOICES: Final[dict[str, Choice]] = {
    "plain": Choice("nothing"),
    "two heads": Choice("the original labels on a second head", {"second_head": 0.4}),
    "mixed labels": Choice("a fifth of the original labels in the target", {"label_mix": 0.2}),
    "one teacher": Choice("taught by the served network, once", TAUGHT),
    "same view": Choice("taught about the same view", TAUGHT | {"same_view": True}),
    "two teachers": Choice(
        "taught about the same view by two networks",
        TAUGHT | {"same_view": True},
        second_teacher=True,
    ),
    "noisy student": Choice(
        "taught about the same view, a fifth of unlabelled faces of other origin",
        TAUGHT | {"same_view": True, "pool_share": 0.2},
    ),
    "MixUp": Choice("MixUp, alpha 0.2", blend=by_layer(keras.layers.MixUp, alpha=0.2)),
    "CutMix": Choice("CutMix, alpha 1", blend=by_layer(keras.layers.CutMix, factor=1.0)),
    "jigsaw": Choice("a self-supervised side task, a fifth of the loss", jigsaw=0.2),
    "mild": Choice("milder changes of the faces", {"augment": AugmentSettings.mild()}),
    "wide": Choice("stronger changes of light and sharpness", {"augment": WIDE}),
    "perspective": Choice("perspective", looks=("perspective",)),
    "lamp": Choice("light from one side, tone curves", looks=("lamp",)),
    "sharpness": Choice("soft to oversharpened", looks=("sharpness",)),
    "even smoothing": Choice("a tenth of the target spread evenly", {"label_smoothing": 0.1}),
    "confused smoothing": Choice("a tenth of the target by confusion", blend=by_confusion),
    "plain, seed 1": Choice("nothing but the seed", {"seed": 1}),
    "plain, seed 2": Choice("nothing but the seed", {"seed": 2}),
}


class Blended(keras.utils.PyDataset):
    """The batches of another data set, changed."""

    def __init__(self, batches: keras.utils.PyDataset, blend: Blend) -> None:
        super().__init__()
        self._batches, self._blend = batches, blend

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Faces, Targets]:
        return self._blend(*self._batches[index])

    def on_epoch_end(self) -> None:
        """Draw the next epoch."""
        self._batches.on_epoch_end()


def trained(
    choice: Choice, dataset: Dataset, others: OtherFaces, base: TrainingSettings, start: Path
) -> keras.Model:
    """The network after its last epoch, in float32; `start` is the model folder it begins with."""
    settings = dataclasses.replace(base, **choice.settings)
    keras.utils.set_random_seed(settings.seed)
    with computing_in(settings.precision):
        teachers = [earlier_network(name) for name in settings.teachers]
        if choice.second_teacher:
            teachers.append(earlier_network(SECOND_TEACHER.name, SECOND_TEACHER.parent))
        learner = build_heads(settings)
        begin_with(served_head(learner), earlier_network(start.name, start.parent), start.name)
        looks = (lambda *a, **k: Styled(choice.looks, *a, **k)) if choice.looks else Augment
        pool = others.pool if settings.pool_share else None
        train = dataset.split("train")
        batches: keras.utils.PyDataset = training_batches(train, settings, 0, teachers, pool)
        if choice.blend is not None:
            batches = Blended(batches, choice.blend(train))
        with patch.object(trainers, "Augment", looks):
            network = with_jigsaw(learner, choice.jigsaw, settings.seed)
            views = teachers if settings.same_view else []
            trainer = make_trainer(network, settings, len(batches), views)
    trainer.fit(batches, epochs=settings.epochs, verbose=2, shuffle=False)
    trainer.optimizer.finalize_variable_values(trainer.trainable_variables)
    network = build_heads(settings)
    network.set_weights(learner.get_weights())
    return served_head(network)


def with_jigsaw(network: keras.Model, weight: float, seed: int) -> keras.Model:
    """The network behind the side task, on the same weights; 0 for none."""
    if not weight:
        return network
    trunk = keras.Model(network.input, network.get_layer("dense_2_dropout").output)
    faces = keras.Input(network.input_shape[1:])
    return keras.Model(faces, network(Jigsaw(trunk, weight, seed)(faces)))


def scores(
    dataset: Dataset, others: OtherFaces, answer: Callable[[NDArray[np.uint8]], Answers]
) -> dict[str, float]:
    """On FER+ validation and on faces of other origin, after the temperature of validation."""
    validation = dataset.split("validation")
    truth = validation.labels("ferplus")
    kept = truth >= 0
    probs, truth = answer(validation.images[kept]), truth[kept].astype(np.int64)
    temperature = fit_temperature(centred_logits(probs), truth)
    own = point_scores(truth, softmax(centred_logits(probs), temperature), RARE)
    found = {k: float(own[k]) for k in ("accuracy", "balanced_accuracy", "macro_f1", "ece")}
    found["rare_recall"] = float(own["rare_recall"])
    told = [softmax(centred_logits(answer(f.images)), temperature) for f in others.sets]
    found["cross_score"], found["cross_ece"] = mean_scores(told, others.sets)
    for faces, probs in zip(others.sets, told, strict=True):
        for expression in faces.judged:
            rows = faces.labels == EXPRESSIONS.index(expression)
            hits = probs[rows].argmax(axis=1) == EXPRESSIONS.index(expression)
            found[f"{faces.name} {expression}"] = float(hits.mean())
    return {k: round(v, 4) for k, v in found.items()}


def answers_of(network: keras.Model) -> Callable[[NDArray[np.uint8]], Answers]:
    """(N, 7) probabilities of (N, 48, 48) faces."""

    def answer(images: NDArray[np.uint8]) -> Answers:
        said = network.predict(images.reshape(-1, 48, 48, 1).astype(np.float32), 256, verbose=0)
        return np.asarray(ops.convert_to_numpy(said), np.float32)

    return answer


def without_prior(
    answer: Callable[[NDArray[np.uint8]], Answers], frequency: Answers, share: float
) -> Callable[[NDArray[np.uint8]], Answers]:
    """The same with a share of the prior taken out (Menon et al. 2021, arXiv 2007.07314)."""
    return lambda images: softmax(centred_logits(answer(images)) - share * np.log(frequency))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start-from", type=Path, required=True, help="a model folder")
    parser.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES))
    parser.add_argument("--epochs", type=int, default=BASE.epochs)
    parser.add_argument("--log", action="store_true", help="add the new ones to models/runs.csv")
    options = parser.parse_args(arguments)
    dataset = load_dataset(DATA / "ferplus.zip")
    others = open_other_faces(DATA / "other_faces.npz")
    base = dataclasses.replace(BASE, epochs=options.epochs)
    for name in options.only:
        known = _known()
        if name in known:
            continue
        answer = answers_of(trained(CHOICES[name], dataset, others, base, options.start_from))
        new = {name: {"about": CHOICES[name].about, **scores(dataset, others, answer)}}
        if name == "plain":
            votes = targets(dataset.split("train"), "ferplus", 0.0).mean(axis=0)
            for share in (0.1, 0.5, 1.0):
                about = f"the plain network, {share:g} of the prior taken out"
                adjusted = without_prior(answer, votes / votes.sum(), share)
                new[f"prior {share:g}"] = {"about": about, **scores(dataset, others, adjusted)}
        save(NAME, {"epochs": base.epochs, "choices": known | new})
        if options.log:
            _log(new, dataset)


def _known() -> dict[str, Any]:
    path = RESULTS / f"{NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text())["choices"] if path.exists() else {}
    return found


def _log(new: Mapping[str, Mapping[str, Any]], dataset: Dataset) -> None:
    validation = dataset.split("validation").labels("ferplus")
    for name, row in new.items():
        values = {k: v for k, v in row.items() if isinstance(v, float) and math.isfinite(v)}
        images, note = int((validation >= 0).sum()), f"one change: {row['about']}"
        log_run(
            MODELS_DIR,
            Run(name, "trial", dataset.source.name, "validation", "ferplus", images, values, note),
        )


if __name__ == "__main__":
    main()
