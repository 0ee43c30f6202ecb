"""Adding recordings and events to a study: from files, and from results of earlier analyses."""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from emotion_core.errors import InputError, OutputError
from emotion_core.results.export import output_error
from emotion_core.results.paths import FACES
from emotion_core.study.definitions import Event, Recording
from emotion_core.study.events import EventIndex, cleaned
from emotion_core.study.file_patterns import match
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.recordings import COLUMNS, recording_name

# Of a results folder, what a study reads; pictures and clips stay where they are.
_KEPT: Final = ("faces.csv", "summary.json", "edits.json")
# Of a study's settings, tables, codes and readings.
_OWN_SUFFIXES: Final = (".toml", ".csv", ".json", ".jsonl", ".parquet", ".sqlite", ".html")
# Milliseconds by which an event may differ from the same one.
_NEAR: Final = (-1, 0, 1)
_Place = tuple[str, str, int, int]


@dataclass(frozen=True, slots=True)
class Additions:
    """What became of files that were to be added: path → name of the recording, or why not."""

    added: dict[Path, str] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)


def add_recordings(
    study: Study, files: Sequence[Path], pattern: str = "", names: Sequence[str] = ()
) -> Additions:
    """Add videos and results folders as recordings.

    Args:
        study: the study; what is on disk is changed.
        files: videos and results folders; one that a recording has already is refused.
        pattern: what their names say (`file_patterns`). "" makes a participant of each file.
        names: what people call the files; their own names where left out.

    Raises:
        InputError: the pattern cannot be used.
        OutputError: the study cannot be written.
    """
    called = dict(zip(files, names or [file.name for file in files], strict=True))
    said = said_by_name(pattern, list(called.values()))
    result = Additions()

    def change(rows: tuple[Recording, ...]) -> tuple[Recording, ...]:
        result.added.clear()
        result.failed.clear()
        taken = [row.recording for row in rows]
        known = {os.path.realpath(study.source_of(row)) for row in rows}
        more: list[Recording] = []
        for file, name in called.items():
            if name not in said:
                result.failed[file] = f"The name does not fit the pattern {pattern}."
            elif os.path.realpath(file) in known:
                result.failed[file] = "It is in the study already."
            else:
                wished = said[name].get("recording") or name
                row = _row(recording_name(wished, taken), study.portable_path(file), said[name])
                taken.append(row.recording)
                known.add(os.path.realpath(file))
                more.append(row)
                result.added[file] = row.recording
        return (*rows, *more)

    study.change_recordings(change)
    return result


def _row(name: str, file: str, said: Mapping[str, str]) -> Recording:
    variables = {column: value for column, value in said.items() if column not in COLUMNS}
    person = said.get("person", "")
    return Recording(name, file, said.get("participant", ""), variables, person=person)


def said_by_name(pattern: str, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What the names of files say by a pattern; those that do not fit it are left out.

    Args:
        pattern: as of `file_patterns.match`; "" makes a participant of each file.
        names: of files, with their suffix.

    Raises:
        InputError: the pattern cannot be used.
    """
    if not pattern:
        return {name: {"participant": recording_name(name, ())} for name in names}
    rows = match(pattern, names).rows
    return {row["file"]: {k: v for k, v in row.items() if k != "file"} for row in rows}


def take_results(study: Study, results: Path, name: str, said: Mapping[str, str]) -> str:
    """Copy the readings of an analysis into the study as a new recording; returns its name.

    Args:
        study: the study; what is on disk is changed.
        results: a results folder.
        name: wished for; made safe and unique.
        said: participant and further columns.

    Raises:
        InputError: there is no table of faces.
        OutputError: the study cannot be written.
    """
    if not (results / FACES).is_file():
        raise InputError(f"{results.name} has no readings any more: analyse the video again.")
    taken = [row.recording for row in study.reopened().recordings]
    taken += [folder.name for folder in (study.folder / ANALYSED).glob("*")]
    free = recording_name(name, taken)
    target = study.folder / ANALYSED / free
    try:
        target.mkdir(parents=True)
        for file in (results / kept for kept in _KEPT):
            if file.is_file():
                shutil.copyfile(file, target / file.name)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise output_error(target, error) from error
    row = _row(free, study.portable_path(target), said)
    study.change_recordings(lambda rows: (*rows, row))
    return free


def remove_recordings(study: Study, names: Collection[str]) -> None:
    """Take recordings out of a study, and delete what its folder holds of them.

    What other recordings use stays, and so do files elsewhere and folders without results.

    Raises:
        OutputError: the study cannot be written, or a file cannot be deleted.
    """
    gone = [row for row in study.reopened().recordings if row.recording in names]
    left = study.change_recordings(lambda rows: [r for r in rows if r.recording not in names])
    used = [path for row in left.recordings for path in _paths(left, row)]
    for row in gone:
        _delete(study.readings_file(row))
        for path in _paths(study, row):
            if _is_own(study, path) and not any(_nested(path, other) for other in used):
                _delete(path)


def _paths(study: Study, row: Recording) -> list[Path]:
    """Where a recording's results and its source are, links followed."""
    paths = (study.analysis_folder(row), study.source_of(row))
    return [Path(os.path.realpath(path)) for path in paths]


def _is_own(study: Study, path: Path) -> bool:
    """Whether a path is a video or results in the study's folder: not that folder itself, its
    tables, or the folder of all videos, which a slip may name."""
    folder = study.folder.resolve()
    if path == folder or not path.is_relative_to(folder):
        return False
    if path.is_dir():
        return (path / FACES).is_file() or path.parent == folder / ANALYSED
    return path.name == FACES or path.suffix.lower() not in _OWN_SUFFIXES


def _nested(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def drop_outside(study: Study, allowed: Sequence[Path]) -> list[str]:
    """Take recordings out whose files are neither in the study nor in an allowed folder.

    A study from elsewhere must not read files of a server that its owner may not read.

    Returns:
        Their names.

    Raises:
        OutputError: the study cannot be written.
    """
    rows = study.reopened().recordings
    outside = [r.recording for r in rows if is_outside(study, study.source_of(r), allowed)]
    if outside:
        study.change_recordings(lambda now: [r for r in now if r.recording not in outside])
    return outside


def is_outside(study: Study, path: Path, allowed: Sequence[Path]) -> bool:
    """Whether a path is neither in the study's folder nor in an allowed one, links followed."""
    roots = [Path(os.path.realpath(folder)) for folder in (study.folder, *allowed)]
    real = Path(os.path.realpath(path))
    return not any(real.is_relative_to(root) for root in roots)


def _delete(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path.name} could not be deleted: {error.strerror}.") from error


def add_events(study: Study, events: Iterable[Event]) -> int:
    """Add events that the study does not have yet; returns how many.

    An event is there already where one of its kind and label lies within a millisecond of it in the
    same recording, even if it was written for several: what other programs keep in milliseconds is
    the same when it comes back.

    Raises:
        OutputError: the study cannot be written.
    """
    wanted, added = dict.fromkeys(map(cleaned, events)), 0
    recordings = {row.recording: row for row in study.reopened().recordings}

    def change(now: tuple[Event, ...]) -> list[Event]:
        nonlocal added
        index, known = EventIndex(now), dict[str, set[_Place]]()
        new = []
        for event in wanted:
            name = event.recording
            if name not in known:
                row = recordings.get(name)
                there = index.of(row) if row else [e for e in now if e.recording == name]
                known[name] = {place for e in there for place in _places(e, _NEAR)}
            if not known[name] & {*_places(event)}:
                new.append(event)
        added = len(new)
        return [*now, *new]

    study.change_events(change)
    return added


def _places(event: Event, near: Sequence[int] = (0,)) -> Iterator[_Place]:
    """What an event is, and when, in milliseconds, and up to how many of these earlier or later."""
    start, end = round(event.start_s * 1000), round(event.end_s * 1000)
    for before, after in product(near, near):
        yield str(event.kind), event.label, start + before, end + after
