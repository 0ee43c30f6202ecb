"""`export`: results folders → files of ELAN, BORIS, Praat, WebVTT or BIDS."""

import argparse
import sys
from pathlib import Path

from emotion_core.commands.options import (
    add_format_options,
    add_json_option,
    check_json_option,
    write_annotations,
    write_json_option,
)
from emotion_core.commands.progress import printable
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.interchange.document import Document
from emotion_core.interchange.formats import write
from emotion_core.interchange.from_results import document_of
from emotion_core.results.paths import FACES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="results folder of a video or a live recording, or a folder of them",
    )
    add_format_options(parser)
    add_json_option(parser, "write the outcome for machines")


def run(options: argparse.Namespace) -> int:
    """Write everything that can be written; returns 0, or 1 where a folder could not be read."""
    check_json_option(options.json)
    read: dict[Path, Document] = {}
    failed: dict[Path, str] = {}
    for folder in _folders(options.results):
        try:
            read[folder] = document_of(folder)
        except (EmotionCoreError, OSError) as error:
            failed[folder] = str(error)
            print(printable(f"{folder}: {error}"), file=sys.stderr)
    if len(read) > 1 and options.output is None:
        raise SettingsError("There are several results: name a file or a folder with --output.")
    files: list[Path] = []
    if read:
        output = options.output or next(iter(read))
        written = write(list(read.values()), options.to, next(iter(read.values())).name)
        files = write_annotations(written, output)
    outcome = {
        "files": [str(path) for path in files],
        "failed": {str(folder): why for folder, why in failed.items()},
    }
    write_json_option(options.json, outcome)
    return int(bool(failed))


def _folders(given: list[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in given:
        inside = [] if (folder / FACES).is_file() else sorted(folder.glob(f"*/{FACES}"))
        found += [file.parent for file in inside] or [folder]
    return list(dict.fromkeys(found))
