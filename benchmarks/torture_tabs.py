"""Several tabs of several servers edit one result at random times: no edit may be lost in silence.

python -m benchmarks.torture tabs [--short]

Each process names, leaves out and marks people and moments of its own, as the pages do: every edit
goes through `change_edits`. A further process reads all the time. Right is that in the end every
edit is on disk or was reported to the process that made it, and that no reader ever meets a damaged
file. Writes results/torture_tabs.json.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from benchmarks.common import save
from emotion_core.errors import EmotionCoreError
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import change_edits, load_edits

_TABS: Final = 2
_EDITS: Final = 300
_LONGEST_PAUSE_S: Final = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Edit, read and count; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="40 edits for each tab")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="tabs-") as folder:
        figures = torture(Path(folder), 40 if options.short else _EDITS, seed=options.seed)
    save("torture_tabs", figures)
    return int(figures["lost"] + figures["damaged_reads"] > 0)


def torture(folder: Path, edits: int, *, tabs: int = _TABS, seed: int = 0) -> dict[str, Any]:
    """Edit a result by several processes at once.

    Args:
        folder: of the result; empty.
        edits: that each process makes.
        tabs: how many processes.
        seed: of the pauses between the edits.

    Returns:
        Figures: made, kept, reported and lost edits, reads, and the slowest edit.
    """
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    ended = context.Event()
    reader = context.Process(target=_read, args=(folder, ended, answers))
    writers = [
        context.Process(target=_edit, args=(folder, tab, edits, seed + tab, answers))
        for tab in range(tabs)
    ]
    started = time.monotonic()
    for process in (reader, *writers):
        process.start()
    # A process that dies answers nothing: better an error here than an endless wait.
    reports = [answers.get(timeout=600) for _ in writers]
    ended.set()
    reads, damaged = answers.get(timeout=60)
    for process in (reader, *writers):
        process.join()
    return _figures(folder, tabs, edits, reports) | {
        "reads": reads,
        "damaged_reads": damaged,
        "seconds": round(time.monotonic() - started, 2),
    }


def _figures(
    folder: Path, tabs: int, edits: int, reports: list[tuple[list[tuple[int, int]], float]]
) -> dict[str, Any]:
    final = load_edits(folder)
    reported = {one for report, _ in reports for one in report}
    everything = {(tab, number) for tab in range(tabs) for number in range(edits)}
    kept = {one for one in everything if _is_kept(final, *one)}
    lost = everything - kept - reported
    return {
        "verdict": f"{len(kept)} of {len(everything)} edits kept, {len(reported)} reported, "
        f"{len(lost)} lost",
        "edits": len(everything),
        "kept": len(kept),
        "reported": len(reported),
        "lost": len(lost),
        "slowest_edit_s": round(max(seconds for _, seconds in reports), 3),
    }


def _person(tab: int, number: int) -> int:
    return 1 + 100_000 * tab + number


def _change(edits: Edits, tab: int, number: int) -> Edits:
    """A third each: a name, somebody left out, and a marker."""
    person = _person(tab, number)
    if number % 3 == 0:
        return edits.rename(person, f"person {person}")
    if number % 3 == 1:
        return edits.exclude(person)
    return edits.add_marker(Marker(float(number), float(number), f"marker {person}"))


def _is_kept(edits: Edits, tab: int, number: int) -> bool:
    return _change(edits, tab, number) == edits or any(
        marker.label == f"marker {_person(tab, number)}" for marker in edits.markers
    )


def _edit(folder: Path, tab: int, edits: int, seed: int, answers: Any) -> None:
    pause = random.Random(seed)
    reported, slowest_s = [], 0.0
    for number in range(edits):
        time.sleep(pause.uniform(0, _LONGEST_PAUSE_S))
        started = time.monotonic()
        try:
            change_edits(folder, lambda now, number=number: _change(now, tab, number))  # type: ignore[misc]
        except EmotionCoreError:
            reported.append((tab, number))
        slowest_s = max(slowest_s, time.monotonic() - started)
    answers.put((reported, slowest_s))


def _read(folder: Path, ended: Event, answers: Any) -> None:
    reads = damaged = 0
    while not ended.is_set():
        reads += 1
        try:
            damaged += load_edits(folder).lost > 0
        except EmotionCoreError:
            damaged += 1
    answers.put((reads, damaged))


if __name__ == "__main__":
    sys.exit(main())
