"""Options that several commands share, each said in one place."""

import argparse
from pathlib import Path


def add_data_option(parser: argparse.ArgumentParser, more: str = "") -> None:
    """`--data`, labelled faces; `more` is said of this command alone."""
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
