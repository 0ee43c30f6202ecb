"""Training: from labelled faces to the best weights, resumable, on any Keras 3 backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import need_room
from emotion_core.datasets.dataset import Dataset, Split, targets
from emotion_core.datasets.other_faces import OtherFaces, check_apart
from emotion_core.errors import CheckpointError, DatasetError, OutputError, SettingsError
from emotion_core.labels import EXPRESSIONS, LABEL_SETS
from emotion_core.progress import Progress, ignore_progress
from emotion_core.training.checkpoint import RunFolder, RunState, bytes_kept
from emotion_core.training.judge import Judge, total_score
from emotion_core.training.last_layer import adjust
from emotion_core.training.sampler import BalancedBatches
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.trainer import (
    build_heads,
    build_learner,
    computing_in,
    make_trainer,
    served_head,
)
from emotion_core.training.transfer import (
    begin_with,
    earlier_network,
    load_teacher,
    load_weights,
    teach,
)

# Of the original labels in a second head: a single person's choice each.
_SMOOTHING = 0.1
# Settings of a run that another one may resume it with.
_MAY_CHANGE = ("epochs", "prior_removed", "smile_gain")


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
    other_faces: OtherFaces | None = None,
) -> FitResult:
    """Train a network, or resume a run that was stopped.

    Args:
        dataset: with a `train` and a `validation` split; the test split is never looked at.
        settings: the recipe; a resumed run must have the same, apart from `epochs` and what is done
            after the last of them.
        run_path: working folder of this run; created if missing. Runs inside it serve as teachers
            under their folders' names.
        resume: continue from the contents of `run_path`; without it a run begun there is an error.
        on_progress: called after every batch and epoch, in this thread.
        models_dir: folder of the models that the recipe builds on; None: the installation's.
        other_faces: measured after epochs and part of the choice of the best; their pool is
            learnt from where the recipe says so.

    Raises:
        DatasetError: a split is missing, has no image with a label of the set to learn, or
            holds faces that are meant for measuring.
        ModelError: a model that the recipe builds on is missing or of another shape.
        CheckpointError: there is a run already, or the one there cannot be resumed.
        OutputError: the disk does not take the run's state; what it held before is intact.
    """
    train, validation = dataset.split("train"), dataset.split("validation")
    _check_labels(train, validation, settings)
    _check_other_faces(train, settings, other_faces)
    folder = RunFolder(run_path)
    seen = other_faces.sha256 if other_faces else ""
    state = _begin_or_resume(folder, settings, dataset.fingerprint, seen, resume)
    keras.utils.set_random_seed(settings.seed)
    network = build_heads(settings)
    if state.epochs_done < settings.epochs:
        others = other_faces.sets if other_faces else ()
        judge = Judge(validation.inputs(), validation.labels(settings.label_set), others)
        pool = other_faces.pool if other_faces and settings.pool_share else None
        run = _Run(train, settings, folder, state, models_dir)
        run.train(network, judge, pool, on_progress)
    load_weights(network, folder.best_weights(state.best_epoch))
    served = served_head(network)
    adjust(served, train.images, _targets(train, settings), settings)
    return FitResult(served, state)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the epochs that are left need."""

    train_split: Split
    settings: TrainingSettings
    folder: RunFolder
    state: RunState
    models_dir: Path | None

    def train(
        self,
        network: keras.Model,
        judge: Judge,
        pool: NDArray[np.uint8] | None,
        on_progress: OnTrainingProgress | None,
    ) -> None:
        """Train to the last epoch; `network` takes the weights that are judged after each."""
        settings, state = self.settings, self.state
        with computing_in(settings.precision):
            run_path = self.folder.path
            teachers = [load_teacher(t, run_path, self.models_dir) for t in settings.teachers]
            learner = build_learner(settings)
        batches = training_batches(self.train_split, settings, state.epochs_done, teachers, pool)
        with computing_in(settings.precision):
            views = teachers if settings.same_view else []
            trainer = make_trainer(learner, settings, len(batches), views)
        self._begin(trainer, learner)
        keeper = _Keeper(self.folder, state, settings, learner, network, judge, on_progress)
        trainer.fit(
            batches,
            epochs=settings.epochs,
            initial_epoch=state.epochs_done,
            callbacks=[keeper],
            verbose=0,
            # The sampler has done so, from only the seed and the epoch.
            shuffle=False,
        )

    def _begin(self, trainer: keras.Model, learner: keras.Model) -> None:
        if self.state.epochs_done:
            load_weights(trainer, self.folder.state_weights(self.state.epochs_done))
        elif self.settings.start_from:
            earlier = earlier_network(self.settings.start_from, self.models_dir)
            begin_with(served_head(learner), earlier, self.settings.start_from)


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


def _check_other_faces(
    train: Split, settings: TrainingSettings, other_faces: OtherFaces | None
) -> None:
    if other_faces is not None:
        check_apart(train.images, other_faces.sets)
    elif settings.pool_share:
        raise SettingsError(
            "This recipe also learns from unlabelled faces of other origin: name their file with "
            "--other-faces."
        )


def training_batches(
    train: Split,
    settings: TrainingSettings,
    first_epoch: int,
    teachers: Sequence[keras.Model],
    pool: NDArray[np.uint8] | None,
) -> BalancedBatches:
    """The images that carry a usable label, with what the network should answer."""
    wanted = _targets(train, settings)
    heads = [wanted]
    if settings.second_head:
        heads.append(_second_targets(train, settings))
    usable = np.concatenate(heads, axis=1).sum(axis=1) > 0
    images, heads = train.images[usable][..., None], [said[usable] for said in heads]
    # Drawn by what people said: a teacher that overlooks the rare must not make them rarer.
    first = heads[0].sum(axis=1) > 0
    classes = np.where(first, heads[0].argmax(axis=1), heads[-1].argmax(axis=1))
    if teachers and not settings.same_view:
        heads[0] = teach(heads[0], images, teachers, settings.teacher_share)
    said = np.concatenate(heads, axis=1)
    unlabelled = 0 if pool is None else len(pool)
    if pool is not None and unlabelled:
        images = np.concatenate([images, pool[..., None]])
        said = np.concatenate([said, np.zeros((unlabelled, said.shape[1]), np.float32)])
    return BalancedBatches(
        images,
        said,
        classes,
        settings.batch_size,
        settings.balance,
        settings.seed,
        first_epoch,
        unlabelled,
        settings.pool_share,
    )


def _second_targets(train: Split, settings: TrainingSettings) -> NDArray[np.float32]:
    """What the second head learns: the other label set, each by itself."""
    (other,) = (name for name in LABEL_SETS if name != settings.label_set)
    return targets(train, other, label_smoothing=_SMOOTHING if other == "fer2013" else 0.0)


def _begin_or_resume(
    folder: RunFolder,
    settings: TrainingSettings,
    fingerprint: str,
    other_faces: str,
    resume: bool,
) -> RunState:
    state = folder.load()
    if state is None:
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder.path} cannot be made: {error}") from error
        return RunState(settings.to_dict(), fingerprint, other_faces=other_faces)
    if not resume:
        raise CheckpointError(
            f"{folder.path} holds a run of {state.epochs_done} epochs. Add --resume to go on with "
            "it, choose another --name, or delete that folder."
        )
    wanted = settings.to_dict()
    begun = TrainingSettings.from_dict(state.settings).to_dict()
    begun |= {name: wanted[name] for name in _MAY_CHANGE}
    if begun != wanted:
        changed = sorted(k for k, v in wanted.items() if begun[k] != v)
        raise CheckpointError(
            f"The run in {folder.path} was begun with other settings ({', '.join(changed)}). "
            "Resume it with the same ones, or choose another --name."
        )
    if state.fingerprint != fingerprint:
        raise CheckpointError(
            f"The run in {folder.path} was begun on other data than given now. Give the same "
            "--data, or choose another --name."
        )
    if state.other_faces != other_faces:
        raise CheckpointError(
            f"The run in {folder.path} was begun "
            + ("with another file of" if state.other_faces else "without")
            + " other faces than given now. Give the same --other-faces, or choose another --name."
        )
    if state.labels != list(EXPRESSIONS):
        raise CheckpointError(
            f"The run in {folder.path} answers in another order of expressions: "
            f"{', '.join(map(str, state.labels))}. Choose another --name."
        )
    state.settings = settings.to_dict()
    return state


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
        judge: Judge,
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
        model, every = self.model, self._settings.other_faces_every
        with_others = (epoch + 1) % every == 0 or epoch + 1 == self._settings.epochs
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        scores = self._keep_if_best(model, with_others)
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

    def _keep_if_best(self, model: keras.Model, with_others: bool) -> dict[str, float]:
        """Score the moving average of the weights; leave the model as it was."""
        current = self._learner.get_weights()
        if self._settings.ema_momentum:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        self._network.set_weights(self._learner.get_weights())
        scores = self._judge(self._network, with_others)
        score = total_score(scores, self._settings.other_faces_weight)
        # Scores with and without other faces cannot be compared.
        comparable = not self._state.other_faces or "cross_score" in scores
        if comparable and score > self._state.best_score:
            self._state.best_score, self._state.best_epoch = score, self._state.epochs_done + 1
            path = self._folder.best_weights(self._state.best_epoch)
            self._save(self._network.save_weights, path)
        self._learner.set_weights(current)
        return scores

    def _save(self, write: Callable[[Path], None], path: Path) -> None:
        try:
            need_room(path.parent, bytes_kept(self.model.count_params()))
            write(path)
        # HDF5 reports a disk that fills up meanwhile as either.
        except (OSError, RuntimeError) as error:
            raise OutputError(
                f"{path} cannot be written ({error}). Make room and add --resume: the run goes on "
                "after its last complete epoch."
            ) from error
