"""`train`: labelled faces → a model folder."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.commands.options import (
    add_data_option,
    add_json_option,
    add_models_dir_option,
    check_json_option,
    write_json_option,
)
from emotion_core.commands.progress import progress_bar
from emotion_core.datasets.own_faces import split_by_person, with_original
from emotion_core.errors import DatasetError, SettingsError
from emotion_core.labels import LABEL_SETS
from emotion_core.model.bundle import DEFAULT, load_bundle, models_folder
from emotion_core.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emotion_core.datasets.dataset import Dataset
    from emotion_core.model.bundle import ModelBundle
    from emotion_core.training.fit import TrainingProgress
    from emotion_core.training.settings import TrainingSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options; those left out keep the recipe's defaults."""
    add_data_option(parser)
    parser.add_argument("--name", required=True, help="name of the model folder to write")
    parser.add_argument("--labels", choices=LABEL_SETS, help="label set to learn (ferplus)")
    parser.add_argument(
        "--recipe",
        choices=("balanced", "classic", "fine-tune"),
        help="'classic' is the plain baseline: usual layers, hard labels, no augmentation; "
        "'fine-tune' is for a trained network and few faces: gentle and short ('fine-tune' with "
        "--start-from, otherwise 'balanced')",
    )
    parser.add_argument("--epochs", type=int, help="how often the training images are gone through")
    parser.add_argument("--batch-size", type=int, help="images a step")
    parser.add_argument("--learning-rate", type=float, help="largest step size of Adam")
    parser.add_argument("--label-mix", type=float, help="share of the other label set, 0-1")
    parser.add_argument("--balance", type=float, help="0 draws all faces alike, 1 all expressions")
    parser.add_argument(
        "--channels", type=_channels, metavar="A,B,C,D", help="of the four blocks (24,48,96,192)"
    )
    parser.add_argument(
        "--augment",
        choices=("webcam", "mild", "none"),
        help="how far training faces are changed: as by a webcam (the default), little, or not",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        help="mixed_bfloat16 is faster where the processor knows it (float32)",
    )
    _add_own_faces(parser)
    parser.add_argument(
        "--teacher", metavar="MODEL[,MODEL]", help="learn from these models' answers too"
    )
    parser.add_argument("--teacher-share", type=float, help="their share of the target, 0-1")
    parser.add_argument("--seed", type=int, help="of weights, order and augmentation")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    add_models_dir_option(parser)
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), help="where runs keep their state (runs/)"
    )
    add_json_option(parser, "write the outcome for machines")


def _add_own_faces(parser: argparse.ArgumentParser) -> None:
    """Options for a trained network and somebody's own faces."""
    parser.add_argument(
        "--start-from", metavar="MODEL", help="begin with this model's weights, in its shape"
    )
    parser.add_argument(
        "--person",
        metavar="REGEX",
        help="finds in an image's name who is seen, as its first group; a fifth of the faces, of "
        "people of their own, becomes the validation split (default: the data's own)",
    )
    parser.add_argument(
        "--original",
        type=Path,
        metavar="DATA",
        help="what the model of --start-from learnt from: as many of its training faces as there "
        "are own ones are mixed in, and the change of accuracy on its validation split is told",
    )


def run(options: argparse.Namespace) -> int:
    """Train, then calibrate, quantise and describe the model; returns the exit status."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        raise SettingsError("--name may hold letters, digits, '.', '_' and '-' only.")
    check_json_option(options.json)
    if options.original and not options.start_from:
        raise SettingsError("--original needs --start-from: it is what that model learnt from.")
    # Wrong options must be told at once, not after tensorflow's ten seconds.
    from emotion_core.training.export_model import finish_model
    from emotion_core.training.fine_tuning import change_on
    from emotion_core.training.fit import fit

    run_path = options.runs_dir / options.name
    folder = models_folder(options.models_dir) / options.name
    if options.name == DEFAULT or folder.is_file():
        raise SettingsError(f"--name {options.name} is taken: choose another name.")
    start = load_bundle(options.start_from, options.models_dir) if options.start_from else None
    settings = _settings(options, start)
    dataset, original = _data(options, start)
    settings = _resumed(_fitting(settings, options, dataset), options, run_path)
    with progress_bar() as bar:
        reporter = _Reporter(bar)
        result = fit(dataset, settings, run_path, options.resume, reporter, options.models_dir)
        finishing = _Finishing(bar)
        metadata = finish_model(folder, options.name, result, settings, dataset, finishing)
    _say(metadata, folder, dataset.notes)
    # The file of the model folder knows no NaN.
    told = json.loads((folder / "model.json").read_text("utf-8"))
    if original is not None and start is not None:
        told["change_on_original"] = change_on(
            original, start, load_bundle(options.name, options.models_dir)
        )
        print(_change_text(told["change_on_original"]))
    write_json_option(options.json, told)
    return 0


def _data(options: argparse.Namespace, start: ModelBundle | None) -> tuple[Dataset, Dataset | None]:
    """What is learnt and validated, and the data set that the earlier model learnt from."""
    from emotion_core.datasets.loading import load_dataset

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


def _fitting(
    settings: TrainingSettings, options: argparse.Namespace, dataset: Dataset
) -> TrainingSettings:
    """Folders carry one label an image, which is not a vote: it need not be said."""
    train = dataset.split("train")
    if options.labels is None and not train.votes.any() and (train.fer2013 >= 0).any():
        return dataclasses.replace(settings, label_set="fer2013")
    return settings


def _resumed(
    settings: TrainingSettings, options: argparse.Namespace, run_path: Path
) -> TrainingSettings:
    """With the number of epochs that a run was begun with: another one would bend the course of the
    learning rate, or end the run at once."""
    from emotion_core.training.checkpoint import RunFolder
    from emotion_core.training.settings import TrainingSettings

    begun = RunFolder(run_path).load() if options.resume and options.epochs is None else None
    if begun is None:
        return settings
    epochs = TrainingSettings.from_dict(begun.settings).epochs
    return dataclasses.replace(settings, epochs=epochs)


def _settings(options: argparse.Namespace, start: ModelBundle | None) -> TrainingSettings:
    from emotion_core.training.augment import AugmentSettings
    from emotion_core.training.fine_tuning import shape_of
    from emotion_core.training.settings import TrainingSettings

    given = {
        "label_set": options.labels,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "label_mix": options.label_mix,
        "balance": options.balance,
        "start_from": options.start_from,
        "teacher": options.teacher,
        "teacher_share": options.teacher_share,
        "precision": options.precision,
        "seed": options.seed,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    recipes: dict[str, Callable[[], TrainingSettings]] = {
        "balanced": TrainingSettings,
        "classic": TrainingSettings.classic,
        "fine-tune": TrainingSettings.fine_tuning,
    }
    base = recipes[options.recipe or ("balanced" if start is None else "fine-tune")]()
    if options.augment is not None:
        ways = {"webcam": AugmentSettings(), "mild": AugmentSettings.mild(), "none": None}
        changes["augment"] = ways[options.augment]
    network = base.network if start is None else shape_of(start)
    if options.channels is not None:
        network = dataclasses.replace(network, channels=options.channels)
    return dataclasses.replace(base, **changes, network=network)


def _channels(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(
            f"four numbers above 0 are needed, such as 24,48,96,192; got {text!r}"
        )
    return tuple(int(part) for part in parts)


class _Reporter:
    """Moves the bar, and prints a line for every epoch."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._task = bar, bar.add_task("training", total=None)

    def __call__(self, progress: TrainingProgress) -> None:
        text = progress.step
        self._bar.update(
            self._task, total=progress.total, completed=progress.done, description=text
        )
        if progress.row:
            row = progress.row
            self._bar.console.print(
                f"{text}: loss {row['loss']:.3f}, validation accuracy {row['val_accuracy']:.4f}, "
                f"macro-F1 {row['val_macro_f1']:.4f}, {row['seconds']:.0f} s",
                highlight=False,
            )


class _Finishing:
    """A bar for quantising, calibrating and measuring."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._task = bar, bar.add_task("quantising", total=None)

    def __call__(self, progress: Progress) -> None:
        self._bar.update(
            self._task, total=progress.total, completed=progress.done, description=progress.step
        )


def _say(metadata: dict[str, Any], folder: Path, notes: Sequence[str]) -> None:
    print("\n".join([*notes, f"wrote {folder}"]))
    for name, value in metadata["metrics"]["validation"].items():
        print(f"  validation {name}: {value}")


def _change_text(change: dict[str, Any]) -> str:
    """How the accuracy on the original data changed; points in percent."""
    gap = change["difference"]
    return (
        f"{change['label_set']} labels of {change['source']}, validation split "
        f"({change['images']:,} images): accuracy {change['before']:.3f} before, "
        f"{change['after']:.3f} now; difference {gap['value']:+.3f} [{gap['low']:+.3f}, "
        f"{gap['high']:+.3f}]"
    )
