"""`train`: labelled faces → a model folder."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from emotion_core.commands.options import (
    add_data_option,
    add_json_option,
    add_models_dir_option,
    check_json_option,
)
from emotion_core.errors import SettingsError
from emotion_core.labels import LABEL_SETS
from emotion_core.model.bundle import DEFAULT, models_folder

# What a recipe of several networks decides itself.
_DECIDED: Final = (
    *("batch_size", "learning_rate", "label_mix", "balance", "channels", "augment"),
    *("start_from", "teacher", "teacher_share", "seed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options; those left out keep the recipe's defaults."""
    add_data_option(parser)
    parser.add_argument("--name", required=True, help="name of the model folder to write")
    parser.add_argument("--labels", choices=LABEL_SETS, help="label set to learn (ferplus)")
    parser.add_argument(
        "--recipe",
        choices=("best", "quick", "classic", "fine-tune"),
        help="'best' trains three teachers and then the network, as the networks that are served "
        "were made: about a day on two cores; 'quick' takes about an hour there; 'classic' is the "
        "plain baseline: usual layers, hard labels, no augmentation; 'fine-tune' is for a trained "
        "network and few faces: gentle and short ('fine-tune' with --start-from, otherwise "
        "'quick')",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help="how often the training images are gone through; with 'best' by the network that is "
        "served, and by its teachers in proportion",
    )
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
        choices=("auto", "float32", "mixed_bfloat16"),
        default="auto",
        help="what the network computes in; auto, the default, times ten steps of each, and takes "
        "float32 where the training is shorter than that",
    )
    _add_other_faces(parser)
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


def _add_other_faces(parser: argparse.ArgumentParser) -> None:
    """Options for faces of another origin than the data."""
    parser.add_argument(
        "--other-faces",
        type=Path,
        metavar="FILE",
        help="an .npz of faces of other origin that are measured after each epoch, see "
        "emotion_core/datasets/other_faces.py ('other_faces.npz' next to --data, where there is "
        "one; 'none' leaves it out)",
    )
    parser.add_argument(
        "--other-faces-weight",
        type=float,
        metavar="0-1",
        help="share of their mean recall in the choice of the epoch that is kept (0.25)",
    )
    parser.add_argument(
        "--other-faces-every",
        type=int,
        metavar="N",
        help="measure them after every N epochs, and keep one of those (1, with 'best' 5)",
    )


def run(options: argparse.Namespace) -> int:
    """Train, then calibrate, quantise and describe the model; returns the exit status."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        raise SettingsError("--name may hold letters, digits, '.', '_' and '-' only.")
    check_json_option(options.json)
    if options.original and not options.start_from:
        raise SettingsError("--original needs --start-from: it is what that model learnt from.")
    if options.name == DEFAULT or (models_folder(options.models_dir) / options.name).is_file():
        raise SettingsError(f"--name {options.name} is taken: choose another name.")
    decided = [name for name in _DECIDED if getattr(options, name) is not None]
    if options.recipe == "best" and decided:
        words = ", ".join("--" + name.replace("_", "-") for name in decided)
        raise SettingsError(f"The recipe 'best' decides {words} itself: leave it out.")
    # Wrong options must be told at once, not after tensorflow's ten seconds.
    from emotion_core.commands.train_run import train

    return train(options)


def _channels(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(
            f"four numbers above 0 are needed, such as 24,48,96,192; got {text!r}"
        )
    return tuple(int(part) for part in parts)
