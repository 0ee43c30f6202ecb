"""The work of `train`: from its options to a recipe, a plan, and the steps of a chain."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import progress_bar
from emotion_core.commands.train_text import change_text, epoch_text, plan_text, precision_text
from emotion_core.datasets.dataset import Dataset
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import FILE_NAME, OtherFaces, open_other_faces
from emotion_core.datasets.own_faces import split_by_person, with_original
from emotion_core.errors import CheckpointError, DatasetError, SettingsError
from emotion_core.model.bundle import ModelBundle, load_bundle, models_folder
from emotion_core.progress import Progress
from emotion_core.training.augment import AugmentSettings
from emotion_core.training.chain import (
    ChainState,
    Step,
    Work,
    anything_done,
    check_room,
    check_same,
    read_state,
    run_chain,
    steps_of,
)
from emotion_core.training.checkpoint import RunFolder
from emotion_core.training.fine_tuning import change_on, shape_of
from emotion_core.training.fit import OnTrainingProgress, TrainingProgress
from emotion_core.training.plan import is_short, plan, room_needed, timed
from emotion_core.training.recipes import RECIPES, Recipe
from emotion_core.training.settings import TrainingSettings


def train(options: argparse.Namespace) -> int:
    """Plan, train, then calibrate, quantise and describe the model; returns the exit status."""
    run_path = options.runs_dir / options.name
    folder = models_folder(options.models_dir) / options.name
    start = load_bundle(options.start_from, options.models_dir) if options.start_from else None
    if start is not None and start.path.resolve() == folder.resolve():
        raise SettingsError(
            f"--name {options.name} would replace the network that --start-from begins with: "
            "choose another name."
        )
    begun = _begun(run_path, options)
    if begun is not None:
        options.recipe = options.recipe or begun.recipe
        options.labels = options.labels or begun.label_set
    # A wrong option is told before anything is read.
    recipe = _recipe(options, start)
    dataset, original = _data(options, start)
    others, words = _other_faces(options, begun), list(dataset.notes)
    if options.labels is None and _kinds_of_labels(dataset) == (False, True):
        options.labels = "fer2013"
        recipe = _recipe(options, start)
    recipe = _fitting(recipe, dataset, others, words)
    recipe = _resumed(recipe, options, run_path, begun)
    with progress_bar() as bar:
        shown = _Shown(bar)
        work = Work(options.name, dataset, run_path, folder, others, shown.training, shown.other)
        steps, state = _begin(recipe, options, work, begun, words)
        _announce(work, steps, state, words)
        shown.several = bool(recipe.teachers)
        run_chain(work, steps, state)
    told = json.loads((folder / "model.json").read_text("utf-8"))
    print(f"wrote {folder}")
    for name, value in told["metrics"]["validation"].items():
        print(f"  validation {name}: {'no such face' if value is None else value}")
    if original is not None and start is not None:
        told["change_on_original"] = change_on(
            original, start, load_bundle(options.name, options.models_dir)
        )
        print(change_text(told["change_on_original"]))
    write_json_option(options.json, told)
    return 0


def _data(options: argparse.Namespace, start: ModelBundle | None) -> tuple[Dataset, Dataset | None]:
    """What is learnt and validated, and the data set that the earlier model learnt from."""
    dataset, seed = load_dataset(options.data), options.seed or 0
    if options.person:
        dataset = split_by_person(dataset, options.person, seed)
    elif "train" not in dataset.splits:
        raise DatasetError(
            f"{options.data.name} has no training split. Put the faces into train/<expression> and "
            "validation/<expression>, no person in both, or say with --person who is seen."
        )
    if start is None or not options.original:
        return dataset, None
    original = load_dataset(options.original)
    return with_original(dataset, original, start.label_set, seed), original


def _begun(run_path: Path, options: argparse.Namespace) -> ChainState | None:
    """What a run was begun with; also of one that an earlier version began.

    Raises:
        CheckpointError: there is a run and it was not asked to go on, or it is damaged.
    """
    state, first = read_state(run_path), RunFolder(run_path).load()
    if state is not None and not anything_done(run_path, state):
        # It failed before its first epoch, for a reason that is gone or that is told again.
        if options.resume:
            options.recipe = options.recipe or state.recipe
            options.labels = options.labels or state.label_set
            options.epochs = options.epochs or state.epochs or None
        return None
    if state is None and first is not None:
        settings = TrainingSettings.from_dict(first.settings)
        state = ChainState(
            options.recipe or ("fine-tune" if options.start_from else "quick"),
            settings.label_set,
            first.fingerprint,
            first.other_faces,
            settings.precision,
        )
    if state is not None and not options.resume:
        raise CheckpointError(
            f"{run_path} holds a run of the recipe {state.recipe!r}. Add --resume to go on with "
            "it, choose another --name, or delete that folder."
        )
    return state


def _other_faces(options: argparse.Namespace, begun: ChainState | None) -> OtherFaces | None:
    """The file that was named, or the one next to the data, which a run begun without leaves."""
    if options.other_faces is not None:
        return None if str(options.other_faces) == "none" else open_other_faces(options.other_faces)
    found = options.data.absolute().parent / FILE_NAME
    if not found.is_file() or (begun is not None and not begun.other_faces):
        return None
    return open_other_faces(found)


def _recipe(options: argparse.Namespace, start: ModelBundle | None) -> Recipe:
    name = options.recipe or ("quick" if start is None else "fine-tune")
    recipe = RECIPES[name](options.labels or "ferplus")
    given = {
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "label_mix": options.label_mix,
        "balance": options.balance,
        "start_from": options.start_from,
        "teacher": options.teacher,
        "teacher_share": options.teacher_share,
        "seed": options.seed,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if options.augment is not None:
        ways = {"webcam": AugmentSettings(), "mild": AugmentSettings.mild(), "none": None}
        changes["augment"] = ways[options.augment]
    shape = recipe.network.network if start is None else shape_of(start)
    if options.channels is not None:
        shape = dataclasses.replace(shape, channels=options.channels)
    network = dataclasses.replace(recipe.network, **changes, network=shape)
    recipe = dataclasses.replace(recipe, network=network)
    if options.epochs is not None:
        recipe = recipe.lasting(options.epochs)
    measured = {
        "other_faces_weight": options.other_faces_weight,
        "other_faces_every": options.other_faces_every,
    }
    return recipe.changed(**{key: value for key, value in measured.items() if value is not None})


def _kinds_of_labels(dataset: Dataset) -> tuple[bool, bool]:
    """Whether the faces to learn from carry people's votes, and single labels.

    Folders give one label an image, which is not a vote: it need not be said.
    """
    split = dataset.split("train")
    return bool(split.votes.any()), bool((split.fer2013 >= 0).any())


def _fitting(
    recipe: Recipe, dataset: Dataset, others: OtherFaces | None, words: list[str]
) -> Recipe:
    """The recipe for what the data hold; `words` tells what is left out."""
    if recipe.network.second_head and not all(_kinds_of_labels(dataset)):
        recipe = recipe.changed(second_head=0.0)
        words.append("The data carry one label set: the networks have no second head.")
    if recipe.network.pool_share and (others is None or not len(others.pool)):
        recipe = recipe.without_pool()
        words.append("Without other faces, nothing is learnt from unlabelled ones.")
    return recipe


def _resumed(
    recipe: Recipe, options: argparse.Namespace, run_path: Path, chain: ChainState | None
) -> Recipe:
    """With the number of epochs that a run was begun with: another one would bend the course of the
    learning rate, or end the run at once."""
    if chain is None or options.epochs is not None:
        return recipe
    epochs, begun = chain.epochs, RunFolder(run_path).load()
    if not epochs and begun is not None:
        epochs = TrainingSettings.from_dict(begun.settings).epochs
    return recipe.lasting(epochs) if epochs else recipe


def _begin(
    recipe: Recipe,
    options: argparse.Namespace,
    work: Work,
    begun: ChainState | None,
    words: list[str],
) -> tuple[tuple[Step, ...], ChainState]:
    """The steps, and the state to go on with; a new chain times this machine first."""
    # Damaged faces are measured where the time for it is short beside the training.
    measured = recipe.name in ("best", "quick")
    asked = options.precision
    if begun is not None:
        precision = begun.precision if asked == "auto" else asked
        others = work.other_faces.sha256 if work.other_faces else ""
        label_set = recipe.network.label_set
        wanted = ChainState(recipe.name, label_set, work.dataset.fingerprint, others, precision)
        check_same(begun, wanted, work.run_path)
        begun.epochs = recipe.network.epochs
        return steps_of(recipe.changed(precision=precision), measured), begun
    speeds: dict[str, float] = {}
    if is_short(work, steps_of(recipe)):
        recipe = recipe.changed(precision="float32" if asked == "auto" else asked)
    else:
        recipe, tried, speeds = timed(recipe, asked)
        words.append(precision_text(tried, recipe.network.precision))
    state = ChainState(
        recipe.name,
        recipe.network.label_set,
        work.dataset.fingerprint,
        work.other_faces.sha256 if work.other_faces else "",
        recipe.network.precision,
        speeds,
        epochs=recipe.network.epochs,
    )
    return steps_of(recipe, measured), state


def _announce(work: Work, steps: Sequence[Step], state: ChainState, words: Sequence[str]) -> None:
    """Print the plan, and refuse it where the disk is too small."""
    planned = plan(work, steps, state)
    runs, model = room_needed(planned)
    print("\n".join([*words, plan_text(planned, runs + model)]), flush=True)
    check_room({work.run_path: runs, work.model_path: model})


class _Shown:
    """Moves the bars, and prints a line for every epoch."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._tasks = bar, dict[str, Any]()
        self.several = False

    def training(self, step: Step) -> OnTrainingProgress:
        """What a training reports to."""
        name = f"{step.name}, " if self.several else ""
        task = self._bar.add_task("training", total=None)

        def report(progress: TrainingProgress) -> None:
            text = name + progress.step
            self._bar.update(task, total=progress.total, completed=progress.done, description=text)
            if progress.row:
                self._bar.console.print(epoch_text(text, progress.row), highlight=False)

        return report

    def other(self, progress: Progress) -> None:
        """What quantising, calibrating and measuring report to."""
        if progress.step not in self._tasks:
            self._tasks[progress.step] = self._bar.add_task(progress.step, total=progress.total)
        task = self._tasks[progress.step]
        self._bar.update(task, total=progress.total, completed=progress.done)
