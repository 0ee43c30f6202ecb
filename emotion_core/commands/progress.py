"""The progress of all commands: a bar that moves on a terminal and is silent in a log file, or
lines of JSON for a program that reads them."""

import json

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from emotion_core.progress import Event


def tell_json(event: Event) -> None:
    """Print an event as one line."""
    # Surrogates represent bytes of a file name that are not UTF-8; JSON escapes carry them.
    print(json.dumps(event), flush=True)


def printable(text: str) -> str:
    """A name may hold line breaks or terminal controls: it must not write on the user's screen."""
    return "".join(c if c.isprintable() else "�" for c in text)


def progress_bar() -> Progress:
    """A bar with count, time spent and time left, on standard error: results go to standard out."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
