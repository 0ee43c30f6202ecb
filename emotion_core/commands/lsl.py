"""`lsl`: a video's readings over the Lab Streaming Layer in real time, or the streams there are."""

import argparse
import importlib
from pathlib import Path

from emotion_core.commands.options import (
    add_json_option,
    add_models_dir_option,
    check_json_option,
)
from emotion_core.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A video to play, or a list to print."""
    parser.add_argument("video", nargs="?", type=Path, metavar="VIDEO", help="played as a camera")
    parser.add_argument("--list", action="store_true", help="print the streams on the network")
    parser.add_argument("--name", default="emotion-lab", help="of the stream (%(default)s)")
    parser.add_argument("--wait", action="store_true", help="begin when another program receives")
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_models_dir_option(parser)
    add_json_option(parser, "write what was sent, or the list, for machines")


def run(options: argparse.Namespace) -> int:
    """Send a video's readings until its end, or list the streams; returns 0."""
    check_json_option(options.json)
    if options.list == (options.video is not None):
        raise SettingsError("Give a VIDEO to send, or --list.")
    # Only now: it needs the extra, which `--help` does not.
    return int(importlib.import_module("emotion_core.commands.lsl_send").run(options))
