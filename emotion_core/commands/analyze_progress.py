"""How `analyze` shows people how it goes: a bar, and one line for each video on standard out."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from emotion_core.batch.outcomes import FAILED
from emotion_core.commands.progress import printable, progress_bar
from emotion_core.progress import Event, Tell

_PARTS = 1000
# Names of videos in the bar's description; more would push the bar off a narrow terminal.
_MOST_NAMES = 2


@contextlib.contextmanager
def bar_of_each() -> Iterator[Tell]:
    """One video after the other: the bar is that of the current one."""
    with progress_bar() as bar:
        task = bar.add_task("", total=_PARTS)

        def tell(event: Event) -> None:
            kind = event["event"]
            if kind == "file_start":
                bar.reset(task, total=_PARTS, description=_name(event))
            elif kind == "progress":
                bar.update(task, completed=round(_PARTS * event["fraction"]))
            elif kind == "file_end":
                _print_end(event)

        yield tell


@contextlib.contextmanager
def bar_of_all() -> Iterator[Tell]:
    """Several videos at once: one bar for all, in videos, with the time left for all of them."""
    with progress_bar() as bar:
        task = bar.add_task("", total=1)
        fractions: dict[int, float] = {}
        rates: dict[int, float] = {}
        running: dict[int, str] = {}
        failures = 0

        def tell(event: Event) -> None:
            nonlocal failures
            kind, number = event["event"], event.get("number", -1)
            if kind == "start":
                bar.reset(task, total=event["files"])
            elif kind == "file_start":
                running[number] = _name(event)
            elif kind == "progress":
                fractions[number], rates[number] = event["fraction"], event["fps"]
            elif kind == "note":
                print(printable(event["message"]), file=sys.stderr)
            elif kind == "file_again":
                fractions.pop(number, None)
                rates.pop(number, None)
                print(printable(event["message"]), file=sys.stderr)
            elif kind == "file_end":
                running.pop(number, None)
                rates.pop(number, None)
                fractions[number] = 1.0
                failures += event["status"] == FAILED
                _print_end(event)
            words = _names(running) + _pace(sum(rates.values()), failures)
            bar.update(task, completed=sum(fractions.values()), description=words)

        yield tell


def _names(running: dict[int, str]) -> str:
    shown = list(running.values())[:_MOST_NAMES]
    more = len(running) - len(shown)
    return ", ".join(shown) + (f" +{more}" if more else "")


def _pace(frames_per_s: float, failures: int) -> str:
    words = f" · {frames_per_s:.0f} frames/s" if frames_per_s else ""
    return words + (f" · {failures} failed" if failures else "")


def _name(event: Event) -> str:
    return printable(Path(event["file"]).name)


def _print_end(event: Event) -> None:
    words = " · ".join(w for w in (event["status"], event["folder"] or "", event["message"]) if w)
    out = sys.stderr if event["status"] == FAILED else sys.stdout
    print(f"{_name(event)}: {printable(words)}", file=out)
