"""`study export-faces`: what people coded → labelled pictures, split by participant."""

import argparse
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable, progress_bar, tell_json
from emotion_core.progress import OnProgress, Progress
from emotion_core.study.coded_faces import plan_faces
from emotion_core.study.folder import Study
from emotion_core.video.labelled_faces import WrittenFaces, next_commands, write_faces


def run(options: argparse.Namespace) -> int:
    """Write the pictures; returns 0, or 1 where some coded faces could not be read."""
    study = Study.open(options.study)
    plan = plan_faces(study, options.coder, options.per_stretch)
    with ExitStack() as stack:
        tell: OnProgress = _line if options.progress == "json" else stack.enter_context(_bar())
        written = write_faces(plan.moments, options.to, tell)
    problems = [*plan.problems, *written.problems]
    outcome = {"folder": str(options.to), **asdict(written), "problems": problems}
    write_json_option(options.json, outcome)
    if options.progress == "json":
        tell_json({"event": "end"})
    else:
        for line in (*problems, *lines_of(written), *next_commands(shlex.quote(str(options.to)))):
            print(printable(line))
    return int(bool(written.problems))


def lines_of(written: WrittenFaces) -> list[str]:
    """What was written, a line for each split."""
    lines = []
    for split, counts in written.splits.items():
        words = ", ".join(f"{expression} {n}" for expression, n in counts.items())
        lines.append(f"{split}: {written.people[split]} participants, {words}")
    if written.near_duplicates:
        lines.append(f"{written.near_duplicates} left out as near-duplicates")
    return lines


def _line(now: Progress) -> None:
    event = {"event": "progress", "status": "running", "message": now.step}
    tell_json(event | {"fraction": now.fraction})


@contextmanager
def _bar() -> Iterator[OnProgress]:
    with progress_bar() as bar:
        task = bar.add_task("Cut out the faces", total=1)
        yield lambda now: bar.update(task, completed=now.done, total=max(now.total, 1))
