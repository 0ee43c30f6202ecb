"""`study`: many recordings → tables, statistics, curves and a report, in one folder."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Final

from emotion_core.commands.options import (
    add_engine_options,
    add_format_options,
    add_frame_options,
    add_json_option,
    add_models_dir_option,
    add_network_options,
    add_progress_option,
    add_running_options,
    add_speaking_option,
    check_jobs_option,
    check_json_option,
)

# Name → what `--help` says. Each is a module of this package, imported when it is called: only
# `run` needs the statistics.
ACTIONS: Final = {
    "new": "Make a study, or the synthetic sample study.",
    "add": "Add videos, results folders and event files to a study.",
    "analyze": "Read the faces in the videos of a study; finished ones are skipped.",
    "run": "Compute readings, tables, statistics, curves and the report of a study.",
    "coding": "Show how far each coder is, and write the codes as CSV.",
    "agreement": "Compare the codes of people with each other and with the machine's readings.",
    "export-faces": "Write the faces that people coded as labelled pictures for training.",
    "export": "Pack a study into a zip, or write its recordings for ELAN, BORIS, Praat …",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every action."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = {name: _action(actions, name, text) for name, text in ACTIONS.items()}
    made["new"].add_argument("--name", default="", help="(the folder's own name)")
    made["new"].add_argument(
        "--sample",
        action="store_true",
        help="24 synthetic participants in two groups who saw three films",
    )
    _add(made["add"])
    _analyze(made["analyze"])
    add_models_dir_option(made["run"])
    add_progress_option(made["run"])
    made["coding"].add_argument(
        "--csv", type=Path, metavar="FILE", help="write every code, one row a code"
    )
    _agreement(made["agreement"])
    _export_faces(made["export-faces"])
    made["export"].add_argument("zip", type=Path, nargs="?", metavar="ZIP", help="file to write")
    add_format_options(made["export"], required=False)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("study", type=Path, metavar="DIR", help="folder of the study")
    add_json_option(parser, "write the outcome for machines")
    return parser


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="video, results folder, or folder"
    )
    parser.add_argument(
        "--pattern",
        default="",
        help="what the files' names say, such as '{participant}_{stimulus}.mp4'; without it, each "
        "file is another participant",
    )
    parser.add_argument(
        "--events",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="events: CSV, BORIS, ELAN, PsychoPy or E-Prime; may be given several times",
    )
    parser.add_argument(
        "--action-units",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="CSV of OpenFace or py-feat, named after its recording or video; may be given several "
        "times",
    )
    parser.add_argument(
        "--of",
        default="*",
        metavar="RECORDING",
        help="whose events they are: a recording, column=value, or * for all (*)",
    )
    parser.add_argument(
        "--offset",
        type=float,
        default=0.0,
        metavar="S",
        help="added to the times of the events; clock_offset_s is added by itself to times of "
        "BORIS, ELAN, Praat, WebVTT and BIDS, which are those of the video",
    )


def _analyze(parser: argparse.ArgumentParser) -> None:
    add_frame_options(parser)
    parser.add_argument(
        "--recording",
        action="append",
        metavar="NAME",
        help="only this recording; may be given several times (all)",
    )
    parser.add_argument("--annotate", action="store_true", help="write annotated.mp4, too")
    parser.add_argument(
        "--everybody",
        action="store_true",
        help="several people are in the picture. Otherwise there is one participant in each video "
        "for whose recording no person is named",
    )
    add_speaking_option(parser)
    add_network_options(parser)
    add_running_options(parser)
    add_engine_options(parser)


def _agreement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--coder",
        action="append",
        metavar="NAME",
        help="only this coder; 'machine' names the readings; may be given several times (as in "
        "study.toml, else all)",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="S",
        help="events are the same if they begin within so many seconds (as in study.toml, else 1)",
    )
    parser.add_argument(
        "--uncoded-as",
        metavar="CODE",
        help="what people mean where they give no code, such as neutral (as in study.toml, else "
        "nothing)",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the figures here, too")


def _export_faces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FOLDER", help="new folder to write"
    )
    parser.add_argument(
        "--coder", default="", metavar="NAME", help="whose codes (where all coders agree)"
    )
    parser.add_argument(
        "--per-stretch",
        type=int,
        default=3,
        metavar="N",
        help="most faces of one coded stretch (3)",
    )
    add_progress_option(parser)


def run(options: argparse.Namespace) -> int:
    """Do one action; returns the exit status."""
    check_json_option(options.json)
    if options.action == "analyze":
        check_jobs_option(options.jobs)
    module = importlib.import_module(
        f"emotion_core.commands.study_{options.action.replace('-', '_')}"
    )
    return int(module.run(options))
