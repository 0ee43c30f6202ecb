"""Training: from labelled faces to the best weights, resumable, on any Keras 3 backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import need_room
from emotion_core.datasets.dataset import Dataset, Split, targets
from emotion_core.errors import CheckpointError, DatasetError, OutputError
from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.network import build_network
from emotion_core.progress import Progress, ignore_progress
from emotion_core.training.augment import Augment
from emotion_core.training.checkpoint import RunFolder, RunState
from emotion_core.training.sampler import BalancedBatches
from emotion_core.training.schedule import WarmCosine
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.transfer import begin_with, earlier_network, teach

# What is kept of each parameter: the weight, Adam's two moments, and the moving average.
_NUMBERS_KEPT = 4
# The rest of a file of weights, with a margin.
_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingProgress(Progress):
    """What a running fit reports after every batch and every epoch.

    Attributes:
        epoch, epochs: the epoch under way, counted from 1, and how many there will be.
        batch, batches: finished batches of this epoch, and its batches.
        row: the epoch's row of history.csv when it has just ended, else None.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    row: dict[str, float] | None = None

    @classmethod
    def at(
        cls,
        epoch: int,
        epochs: int,
        batch: int,
        batches: int,
        row: dict[str, float] | None = None,
    ) -> TrainingProgress:
        """`batch` of `batches` in `epoch` of `epochs`, both counted from 1."""
        done = (epoch - 1) * batches + batch
        step = f"epoch {epoch}/{epochs}"
        return cls(step, done, epochs * batches, epoch, epochs, batch, batches, row)


OnTrainingProgress = Callable[[TrainingProgress], None]


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """The best network by validation, and how it came about."""

    network: keras.Model
    state: RunState


def fit(
    dataset: Dataset,
    settings: TrainingSettings,
    run_path: Path,
    resume: bool = False,
    on_progress: OnTrainingProgress | None = None,
    models_dir: Path | None = None,
) -> FitResult:
    """Train a network, or resume a run that was stopped.

    Args:
        dataset: with a `train` and a `validation` split; the test split is never looked at.
        settings: the recipe; a resumed run must have the same, apart from `epochs`.
        run_path: working folder of this run; created if missing.
        resume: continue from the contents of `run_path`; without it a run begun there is an error.
        on_progress: called after every batch and epoch, in this thread.
        models_dir: folder of the models that the recipe builds on; None: the installation's.

    Raises:
        DatasetError: a split is missing, or has no image with a label of the set to learn.
        ModelError: a model that the recipe builds on is missing or of another shape.
        CheckpointError: there is a run already, or the one there cannot be resumed.
        OutputError: the disk does not take the run's state; what it held before is intact.
    """
    train, validation = dataset.split("train"), dataset.split("validation")
    _check_labels(train, validation, settings)
    folder = RunFolder(run_path)
    state = _begin_or_resume(folder, settings, dataset.fingerprint, resume)
    keras.utils.set_random_seed(settings.seed)
    batches = _batches(train, settings, state.epochs_done, models_dir)
    network = build_network(settings.network)
    with _policy(settings.precision):
        learner = build_network(settings.network)
        trainer = _trainer(learner, settings, len(batches))
    if settings.start_from and not state.epochs_done:
        earlier = earlier_network(settings.start_from, models_dir)
        begin_with(learner, earlier, settings.start_from)
    if state.epochs_done:
        _load_weights(trainer, folder.state_weights(state.epochs_done))
    if state.epochs_done < settings.epochs:
        judge = _Judge(validation.inputs(), validation.labels(settings.label_set))
        keeper = _Keeper(folder, state, settings, learner, network, judge, on_progress)
        trainer.fit(
            batches,
            epochs=settings.epochs,
            initial_epoch=state.epochs_done,
            callbacks=[keeper],
            verbose=0,
            # The sampler has done so, from only the seed and the epoch.
            shuffle=False,
        )
    _load_weights(network, folder.best_weights(state.best_epoch))
    return FitResult(network, state)


def _targets(train: Split, settings: TrainingSettings) -> NDArray[np.float32]:
    return targets(
        train,
        settings.label_set,
        settings.label_mix,
        settings.label_smoothing,
        settings.hard_labels,
    )


def _check_labels(train: Split, validation: Split, settings: TrainingSettings) -> None:
    wanted = _targets(train, settings)
    labelled = {
        train.name: wanted.sum(axis=1) > 0,
        validation.name: validation.labels(settings.label_set) >= 0,
    }
    for name, kept in labelled.items():
        if not kept.any():
            raise DatasetError(
                f"The {name} split has no image with a {settings.label_set} label. Choose the "
                "other set with --labels, or give other --data."
            )


def _batches(
    train: Split, settings: TrainingSettings, first_epoch: int, models_dir: Path | None
) -> BalancedBatches:
    """The images that carry a usable label, with what the network should answer."""
    wanted = _targets(train, settings)
    usable = wanted.sum(axis=1) > 0
    images, wanted = train.images[usable][..., None], wanted[usable]
    # Drawn by what people said: a teacher that overlooks the rare must not make them rarer.
    classes = wanted.argmax(axis=1)
    if settings.teacher:
        teachers = [earlier_network(t.strip(), models_dir) for t in settings.teacher.split(",")]
        wanted = teach(wanted, images, teachers, settings.teacher_share)
    return BalancedBatches(
        images, wanted, classes, settings.batch_size, settings.balance, settings.seed, first_epoch
    )


def _begin_or_resume(
    folder: RunFolder, settings: TrainingSettings, fingerprint: str, resume: bool
) -> RunState:
    state = folder.load()
    if state is None:
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder.path} cannot be made: {error}") from error
        return RunState(settings.to_dict(), fingerprint)
    if not resume:
        raise CheckpointError(
            f"{folder.path} holds a run of {state.epochs_done} epochs. Add --resume to go on with "
            "it, choose another --name, or delete that folder."
        )
    begun = TrainingSettings.from_dict(state.settings).to_dict() | {"epochs": settings.epochs}
    if begun != settings.to_dict():
        changed = sorted(k for k, v in settings.to_dict().items() if begun[k] != v)
        raise CheckpointError(
            f"The run in {folder.path} was begun with other settings ({', '.join(changed)}). "
            "Resume it with the same ones, or choose another --name."
        )
    if state.fingerprint != fingerprint:
        raise CheckpointError(
            f"The run in {folder.path} was begun on other data than given now. Give the same "
            "--data, or choose another --name."
        )
    state.settings = settings.to_dict()
    return state


def _load_weights(model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
    # What HDF5 and keras raise on flipped bytes.
    except (OSError, ValueError, LookupError, RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is damaged or of another network ({error}). Delete its folder to begin again."
        ) from error


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Layers made inside compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _trainer(network: keras.Model, settings: TrainingSettings, steps: int) -> keras.Model:
    """The network behind its augmentation, with optimizer and loss."""
    face = keras.Input(network.input_shape[1:], name="augmented_face")
    x = Augment(settings.augment, seed=settings.seed)(face) if settings.augment else face
    model = keras.Model(face, network(x), name="trainer")
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
    model.compile(optimizer, loss="categorical_crossentropy", metrics=[accuracy])
    return model


class _Judge:
    """Scores a network on the validation images that carry a label."""

    def __init__(self, inputs: NDArray[np.float32], labels: NDArray[np.int8]) -> None:
        self._inputs, self._labels = inputs[labels >= 0], labels[labels >= 0]

    def __call__(self, network: keras.Model) -> dict[str, float]:
        probs = keras.ops.convert_to_numpy(network.predict(self._inputs, 256, verbose=0))
        guess = probs.argmax(axis=1)
        table = confusion_matrix(self._labels, guess, NUM_EXPRESSIONS)
        likely = np.clip(probs[np.arange(len(guess)), self._labels], 1e-7, 1)
        return {
            "val_loss": float(-np.log(likely).mean()),
            "val_accuracy": float((guess == self._labels).mean()),
            "val_macro_f1": float(macro_f1(table)),
        }


class _Keeper(keras.callbacks.Callback):
    """After each epoch: score the averaged weights, keep the best, save all there is.

    `learner` is what is trained, `network` its float32 copy, which is scored and kept.
    """

    def __init__(
        self,
        folder: RunFolder,
        state: RunState,
        settings: TrainingSettings,
        learner: keras.Model,
        network: keras.Model,
        judge: _Judge,
        on_progress: OnTrainingProgress | None,
    ) -> None:
        super().__init__()
        self._folder, self._state, self._settings = folder, state, settings
        self._learner, self._network, self._judge = learner, network, judge
        self._report = on_progress or ignore_progress
        self._epoch, self._began = state.epochs_done, 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Note when the epoch began; its augmentation and dropout follow from seed and epoch."""
        self._epoch, self._began = epoch, time.monotonic()
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for number, state in enumerate(states):
            # Checkpoints do not hold them. Each draw adds one to the second number.
            state.assign([self._settings.seed + (number << 16), epoch << 18])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Report."""
        batches = self.params["steps"]
        self._report(
            TrainingProgress.at(self._epoch + 1, self._settings.epochs, batch + 1, batches)
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Score, keep the best, save."""
        logs = logs or {}
        model = self.model
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        scores = self._keep_if_best(model)
        row = {
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            "accuracy": float(logs["accuracy"]),
            **scores,
            "learning_rate": rate,
            "seconds": round(time.monotonic() - self._began, 2),
        }
        self._state.history.append(row)
        self._save(model.save_weights, self._folder.state_weights(epoch + 1))
        self._folder.save(self._state)
        batches = self.params["steps"]
        self._report(TrainingProgress.at(epoch + 1, self._settings.epochs, batches, batches, row))

    def _keep_if_best(self, model: keras.Model) -> dict[str, float]:
        """Score the moving average of the weights; leave the model as it was."""
        current = self._learner.get_weights()
        if self._settings.ema_momentum:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        self._network.set_weights(self._learner.get_weights())
        scores = self._judge(self._network)
        # Accuracy by itself neglects the rare expressions, and macro-F1 follows their noise.
        score = (scores["val_accuracy"] + scores["val_macro_f1"]) / 2
        if score > self._state.best_score:
            self._state.best_score, self._state.best_epoch = score, self._state.epochs_done + 1
            path = self._folder.best_weights(self._state.best_epoch)
            self._save(self._network.save_weights, path)
        self._learner.set_weights(current)
        return scores

    def _save(self, write: Callable[[Path], None], path: Path) -> None:
        try:
            need_room(path.parent, _FILE_BYTES + _NUMBERS_KEPT * 4 * self._network.count_params())
            write(path)
        # HDF5 reports a disk that fills up meanwhile as either.
        except (OSError, RuntimeError) as error:
            raise OutputError(
                f"{path} cannot be written ({error}). Make room and add --resume: the run goes on "
                "after its last complete epoch."
            ) from error
