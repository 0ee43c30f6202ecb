"""Options that several commands share, each said in one place, and the file of `--json`."""

import argparse
import json
from pathlib import Path

from emotion_core.errors import OutputError, SettingsError


def add_data_option(parser: argparse.ArgumentParser, more: str = "") -> None:
    """`--data`, labelled faces; `more` is added to this command's description only."""
    words = "FER+ folder or zip, fer2013.csv, or <split>/<expression>/*.png|jpg"
    parser.add_argument(
        "--data", type=Path, required=True, help=f"{words}; {more}" if more else words
    )


def add_models_dir_option(parser: argparse.ArgumentParser) -> None:
    """`--models-dir`."""
    parser.add_argument("--models-dir", type=Path, help="where model folders live")


def add_progress_option(parser: argparse.ArgumentParser) -> None:
    """`--progress`."""
    parser.add_argument(
        "--progress",
        choices=("bar", "json"),
        default="bar",
        help="'json' prints one JSON object a line",
    )


def add_json_option(parser: argparse.ArgumentParser, text: str) -> None:
    """`--json`; `text` says what is written."""
    parser.add_argument("--json", type=Path, metavar="FILE", help=text)


def check_json_option(path: Path | None) -> None:
    """It is better to learn before an hour of work than after it that its result cannot be written.

    Raises:
        SettingsError: no file can be made there.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise SettingsError(f"--json {path} must be a file in a folder that exists.")


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
