"""Options that several commands share, each said in one place, and the file of `--json`."""

import argparse
import json
import sys
from pathlib import Path

from emotion_core.atomic_io import replace_file
from emotion_core.batch.cluster_options import ClusterOptions
from emotion_core.batch.locations import Location, location
from emotion_core.commands.progress import printable
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.interchange.document import Written
from emotion_core.interchange.formats import FORMATS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import check_made_for, from_json, load_adaptation
from emotion_core.model.bundle import ModelBundle
from emotion_core.pipeline.network_hash import network_hash
from emotion_core.results.export import output_error


def add_data_option(parser: argparse.ArgumentParser, more: str = "") -> None:
    """`--data`, labelled faces; `more` is added to this command's description only."""
    words = "FER+ folder or zip, fer2013.csv, or <split>/<expression>/*.png|jpg"
    parser.add_argument(
        "--data", type=Path, required=True, help=f"{words}; {more}" if more else words
    )


def add_models_dir_option(parser: argparse.ArgumentParser) -> None:
    """`--models-dir`."""
    parser.add_argument("--models-dir", type=Path, help="where model folders live")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """What reads a video: the network, its adaptation, and the detector of faces."""
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_models_dir_option(parser)
    add_adaptation_options(parser)
    parser.add_argument(
        "--detector-model",
        type=Path,
        metavar="FILE",
        help="find the faces with OpenCV's YuNet, from this .onnx file (EMOTION_LAB_YUNET)",
    )


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """`--every` or `--rate`: which frames of a video are analysed."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--every", type=int, default=1, metavar="N", help="analyse every Nth frame")
    which.add_argument("--rate", type=float, metavar="HZ", help="analyse so many frames a second")


def add_speaking_option(parser: argparse.ArgumentParser) -> None:
    """`--speaking-smoothing`."""
    parser.add_argument(
        "--speaking-smoothing",
        type=float,
        metavar="STRENGTH",
        help="smooth the readings of people who speak by this much, 0 (raw) to 1; others by 0.5",
    )


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """How videos are gone through: `--force`, `--jobs`, `--pieces`, `--progress`, `--preview`."""
    parser.add_argument("--force", action="store_true", help="analyse finished videos again")
    add_jobs_option(parser)
    add_pieces_option(parser)
    add_progress_option(parser)
    parser.add_argument(
        "--preview", action="store_true", help="keep the newest frame as preview.jpg while running"
    )


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """`--engine` and `--address`: which machines read the videos."""
    parser.add_argument(
        "--engine",
        choices=("processes", "ray"),
        default="processes",
        help="what reads the videos: processes of this machine, or the machines of a Ray cluster; "
        "with ray, --jobs is the number of its cores to use (default: all)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="with --engine ray: of the cluster's head (default: RAY_ADDRESS, else the cluster of "
        "this machine, else this machine only)",
    )


def chosen_cluster(options: argparse.Namespace, out: Location) -> ClusterOptions | None:
    """The cluster that was asked for; None: this machine reads the videos.

    Args:
        options: of `add_engine_options` and `add_running_options`.
        out: where all results go.

    Raises:
        SettingsError: options that exclude each other.
    """
    if options.engine != "ray":
        if options.address is not None:
            raise SettingsError("--address goes with --engine ray.")
        return None
    if options.pieces is not None:
        raise SettingsError("--pieces splits videos among processes of this machine, not with ray.")
    if options.preview:
        raise SettingsError("--preview shows a frame of this machine: it excludes --engine ray.")
    return ClusterOptions(options.address, out, options.jobs)


def place(text: str) -> Location:
    """A path or URL of the command line, as argparse takes it."""
    try:
        return location(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_adaptation_options(parser: argparse.ArgumentParser) -> None:
    """`--adaptation` and `--strength`."""
    parser.add_argument(
        "--adaptation",
        metavar="NAME",
        help="correct the network's answers: a name or file that `adapt` wrote",
    )
    parser.add_argument(
        "--strength",
        type=float,
        metavar="0-1",
        help="how much of the adaptation is applied (what its making chose)",
    )


def chosen_adaptation(options: argparse.Namespace, bundle: ModelBundle) -> Adaptation | None:
    """The adaptation that was asked for, made for this network.

    Raises:
        InputError: there is none of that name, it is damaged or was made for another network.
        SettingsError: the strength is not 0 to 1, or given without an adaptation.
    """
    if options.adaptation is None:
        if options.strength is not None:
            raise SettingsError("--strength needs an --adaptation.")
        return None
    model = {"name": bundle.name, "sha256": network_hash(bundle)}
    if options.adaptation.lstrip().startswith("{"):
        # The pages hand over the contents: nothing is left on the disk when the job is deleted.
        adaptation = _from_text(options.adaptation)
        check_made_for(adaptation, model)
    else:
        adaptation = load_adaptation(options.adaptation, model=model)
    return adaptation.with_strength(options.strength)


def _from_text(text: str) -> Adaptation:
    try:
        return from_json(text)
    except ValueError as error:
        raise InputError(f"--adaptation holds no usable adaptation ({error}).") from error


def add_progress_option(parser: argparse.ArgumentParser) -> None:
    """`--progress`."""
    parser.add_argument(
        "--progress",
        choices=("bar", "json"),
        default="bar",
        help="'json' prints one JSON object a line",
    )


def add_jobs_option(parser: argparse.ArgumentParser) -> None:
    """`--jobs`."""
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="read N videos at once, each in a process of its own; 1 reads them in this process "
        "(default: one for each core, as far as free memory allows)",
    )


def add_pieces_option(parser: argparse.ArgumentParser) -> None:
    """`--pieces`."""
    parser.add_argument(
        "--pieces",
        type=_pieces,
        metavar="N|auto",
        help="split each video into N overlapping pieces, which several processes read at once "
        "(see --jobs), and join the tables; auto: as many pieces as give every process work, each "
        "some minutes long (default: read each video in one go)",
    )


def _pieces(text: str) -> int | str:
    if text != "auto" and not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1000):
        raise argparse.ArgumentTypeError(f"must be 'auto' or a number from 1 to 1000, got {text!r}")
    return text if text == "auto" else int(text)


def check_jobs_option(jobs: int | None) -> None:
    """Refuse a number that cannot be.

    Raises:
        SettingsError: it is below 1.
    """
    if jobs is not None and jobs < 1:
        raise SettingsError(f"--jobs must be 1 or more, got {jobs}.")


def add_format_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """`--to` and `--output`."""
    parser.add_argument(
        "--to",
        choices=tuple(FORMATS),
        required=required,
        help="format: " + ", ".join(f"{name} for {f.program}" for name, f in FORMATS.items()),
    )
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="file to write, or a folder for it"
    )


def write_annotations(written: Written, output: Path) -> list[Path]:
    """Write exported files; returns their paths, and tells what the format could not hold.

    Args:
        written: at least one file.
        output: an existing folder, or a file: the first takes its name, others its stem.

    Raises:
        SettingsError: there is no such folder, or several files were to have one name.
        OutputError: a file cannot be written.
    """
    paths = _paths(list(written.files), output)
    for path, data in zip(paths, written.files.values(), strict=True):
        write_target(path, data)
        print(printable(str(path)))
    for problem in written.problems:
        print(printable(problem), file=sys.stderr)
    return paths


def _paths(names: list[str], output: Path) -> list[Path]:
    if output.is_dir():
        return [output / name for name in names]
    if not output.absolute().parent.is_dir():
        raise SettingsError(f"--output {output}: there is no folder {output.absolute().parent}.")
    paths = [output, *(output.with_suffix(Path(name).suffix) for name in names[1:])]
    if len(set(paths)) < len(paths):
        raise SettingsError(f"{len(paths)} files are written: --output must be a folder.")
    return paths


def add_json_option(parser: argparse.ArgumentParser, text: str) -> None:
    """`--json`; `text` says what is written."""
    parser.add_argument("--json", type=Path, metavar="FILE", help=text)


def check_json_option(path: Path | None) -> None:
    """`check_target` for `--json`."""
    check_target(path, "--json ")


def check_target(path: Path | None, option: str = "") -> None:
    """It is better to learn before an hour of work than after it that its result cannot be written.

    Args:
        path: a file to write; None where none is asked for.
        option: named before the path.

    Raises:
        SettingsError: no file can be made there.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise SettingsError(f"{option}{path} must be a file in a folder that exists.")


def write_target(path: Path, data: bytes) -> None:
    """Write a file at once.

    Raises:
        OutputError: it cannot be written; an earlier one is kept.
    """
    try:
        replace_file(path, data)
    except OSError as error:
        raise output_error(path, error) from error


def write_json_option(path: Path | None, value: object) -> None:
    """Write the outcome where `--json` asked for it; bytes of a name that are not UTF-8 become
    escapes.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is None:
        return
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    try:
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}.") from error
