"""`study add`: videos, results folders and event files → rows of recordings.csv and events.csv."""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from emotion_core.batch.inputs import find_videos
from emotion_core.batch.outcomes import FAILURES
from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.progress import Event as Outcome
from emotion_core.results.paths import FACES
from emotion_core.study.additions import Additions, add_events, add_recordings
from emotion_core.study.checks import check_study
from emotion_core.study.event_files import import_events
from emotion_core.study.folder import Study
from emotion_core.study.other_files import add_other_tables


def run(options: argparse.Namespace) -> int:
    """Add everything that can be added; returns 0, or 1 where something could not."""
    if not (options.files or options.events or options.action_units):
        raise SettingsError("Name a video, a results folder, --events or --action-units FILE.")
    study = Study.open(options.study)
    outcomes = _add_files(study, options.files, options.pattern) if options.files else []
    outcomes += _told(add_other_tables(study.reopened(), options.action_units))
    outcomes += [_add_events(study, path, options) for path in options.events]
    for outcome in outcomes:
        failed = outcome["status"] in FAILURES
        line = f"{outcome['file']}: {outcome['status']} {outcome['message']}".strip()
        print(printable(line), file=sys.stderr if failed else sys.stdout)
    for problem in check_study(Study.open(options.study)):
        print(printable(str(problem)), file=sys.stderr)
    write_json_option(options.json, outcomes)
    return int(any(o["status"] in FAILURES for o in outcomes))


def _add_files(study: Study, given: Iterable[Path], pattern: str) -> list[Outcome]:
    outcomes: list[Outcome] = []
    files: list[Path] = []
    for found in _expanded(given):
        if not isinstance(found, Path):
            outcomes.append(found)
        elif found.exists():
            files.append(found)
        else:
            outcomes.append(_outcome(found, "failed", "There is no such file."))
    return outcomes + _told(add_recordings(study, files, pattern))


def _told(added: Additions) -> list[Outcome]:
    outcomes = [_outcome(file, "added", name) for file, name in added.added.items()]
    return outcomes + [_outcome(file, "failed", why) for file, why in added.failed.items()]


def _expanded(given: Iterable[Path]) -> Iterable[Path | Outcome]:
    """Results folders as they are; of other folders the results folders and videos in them."""
    for path in given:
        # Unlike pathlib, it takes a name that no file can have for a missing file.
        if not os.path.isdir(path) or (path / FACES).is_file():  # noqa: PTH112
            yield path
            continue
        results = sorted(file.parent for file in path.rglob(FACES))
        yield from results or find_videos([path])


def _add_events(study: Study, path: Path, options: argparse.Namespace) -> Outcome:
    try:
        # As it is now: events are found by the names of recordings that were just added.
        study = study.reopened()
        read = import_events(
            path,
            recording=options.of,
            offset_s=options.offset,
            recordings=study.recordings,
        )
        new = add_events(study, read.events)
    except EmotionCoreError as error:
        return _outcome(path, "failed", str(error))
    words = [f"{new} events from {read.format}"]
    words += [f"{len(read.events) - new} known already"] if new < len(read.events) else []
    return _outcome(path, "added", ", ".join(words) + "".join(f"; {p}" for p in read.problems))


def _outcome(path: Path, status: str, message: str) -> Outcome:
    return {"file": str(path), "status": status, "message": message}
