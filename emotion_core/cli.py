"""The command line: finds the command, runs it, turns expected errors into a line and a status.

Exit status: 0 done, 1 some input failed (the others are done and kept), 2 wrong usage.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.extras import missing_extra
from emotion_core.jobs.lease import watch_lease

# Name → what `--help` says. Each name is a module of emotion_core.commands, imported when called:
# `analyze` must not wait for what `train` imports.
COMMANDS = {
    "analyze": "Read the expressions in video files and folders.",
    "export": "Write a video's results for ELAN, BORIS, Praat, WebVTT or BIDS.",
    "study": "Compare the recordings of many participants: tables, statistics, a report.",
    "train": "Train a network into a model folder; stops and resumes without loss.",
    "adapt": "Learn a small correction of a network from a few labelled faces.",
    "evaluate": "Measure a model on labelled faces.",
    "explain": "Show why a face was read as it was.",
    "lsl": "Send a video's readings over the Lab Streaming Layer, as a camera's are.",
    "check-model": "Show what is understood of a model folder, and read one face with it.",
    "benchmark": "Measure the speed of every stage on this machine.",
    "model-card": "Write MODEL_CARD.md from the models' own files.",
}
ABOUT = (
    "Reads facial expressions in videos and photos; trains and measures the network that does so. "
    "Exit status: 0 done, 1 some input failed (the others are done and kept), 2 wrong usage."
)
EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None, program: str = "python -m emotion_core") -> int:
    """Run one command; returns the exit status.

    Args:
        argv: the words of the command line after the program's name; None: those of the process.
        program: what the user called, named in help and errors.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments and arguments[0] in COMMANDS else None
    parser = _parser(name, program)
    options = parser.parse_args(arguments)
    _print_anything()
    watch_lease()
    # TensorFlow's C++ start-up messages are of no use on a command line.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return int(_module(options.command).run(options))
    except SettingsError as error:
        _tell(f"error: {error}")
        return EXIT_USAGE
    except EmotionCoreError as error:
        _tell(f"error: {error}")
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        _tell(f"error: {missing_extra(error)}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("stopped; what was done is kept", file=sys.stderr)
        return EXIT_FAILED


def _tell(text: str) -> None:
    """Print on standard error; a file's name in it must not write on the user's screen."""
    print(
        "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text),
        file=sys.stderr,
    )


def _print_anything() -> None:
    """A terminal or log of another alphabet must not end a run over a sign it does not know."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _module(name: str):  # type: ignore[no-untyped-def]  # a module with add_arguments and run
    return importlib.import_module(f"emotion_core.commands.{name.replace('-', '_')}")


def _parser(name: str | None, program: str) -> argparse.ArgumentParser:
    """All commands are listed; only the one asked for is imported and given its options."""
    parser = argparse.ArgumentParser(prog=program, description=ABOUT)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, text in COMMANDS.items():
        sub = commands.add_parser(command, help=text, description=text)
        if command == name:
            _module(command).add_arguments(sub)
    return parser
