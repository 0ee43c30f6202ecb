"""A study's readings: one Parquet file a recording, at the common rate, ready for statistics.

A file is written again only when something that decides about its content has changed: the table
of faces, its edits, the row in recordings.csv, the settings, baseline or exclude events.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import BoolArray, IntArray
from emotion_core.errors import InputError
from emotion_core.progress import OnProgress, Progress, ignore_progress
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.results.face_table import Float64Array
from emotion_core.results.paths import EDITS, FACES, file_hash
from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.study.baseline import BaselineLevel, ForBaseline, correct, levels
from emotion_core.study.definitions import (
    Baseline,
    EventKind,
    Recording,
    Smoothing,
    StudySettings,
)
from emotion_core.study.folder import Study
from emotion_core.study.grid import spans_of
from emotion_core.study.other_signals import Placed, other_files, place_others
from emotion_core.study.person import participant_rows
from emotion_core.study.problems import Problem
from emotion_core.study.readings_file import (
    FORMAT,
    Header,
    Readings,
    Source,
    read_header,
    write_readings,
)
from emotion_core.study.resampling import Resampled, grid_of, resample
from emotion_core.study.smoothing import smooth

NOT_ANALYSED: Final = "The video has not been analysed yet."
LEFT_OUT: Final = "Left out in recordings.csv."
# Baselines that are computed from all recordings of a participant.
_POOLED: Final = (Baseline.EVENT, Baseline.MEDIAN)
# Arrow and numpy compute outside of Python's global lock: threads suffice, and start at once.
_WORKERS: Final = 2


def build_readings(study: Study, recording: Recording) -> Path:
    """Write a recording's readings if they are not up to date.

    Returns:
        The Parquet file.

    Raises:
        InputError: the recording is left out, not analysed or damaged, or its participant is not
            in the video.
        OutputError: the file cannot be written.
    """
    _update(study, _group_of(study, recording), [recording])
    if reason := missing_reason(study, recording):
        raise InputError(f"{recording.recording}: {reason}")
    return study.readings_file(recording)


def build_all(
    study: Study, progress: OnProgress = ignore_progress, workers: int | None = None
) -> list[Problem]:
    """Write the readings of all included recordings that are not up to date.

    Args:
        study: the study.
        progress: told after each participant or recording, on the calling thread; an exception
            that it raises cancels the rest. What is done is kept.
        workers: threads; None takes two.

    Returns:
        What is wrong with single recordings, also those that were up to date; the rest is usable.

    Raises:
        OutputError: the readings cannot be written.
    """
    groups = _groups(study)
    total, done = sum(map(len, groups)), 0
    with ThreadPoolExecutor(workers or _WORKERS) as pool:
        running = {pool.submit(_update, study, group, group): len(group) for group in groups}
        try:
            for future in as_completed(running):
                future.result()
                done += running[future]
                progress(Progress("Prepare the readings", done, total))
        finally:
            _cancel(running)
    return reading_problems(study)


def _cancel(futures: Iterable["Future[None]"]) -> None:
    for future in futures:
        future.cancel()


def reading_problems(study: Study) -> list[Problem]:
    """What is wrong with the readings as they are now, one entry for each sentence."""
    problems = []
    for recording in study.recordings:
        if not recording.include:
            continue
        reason = missing_reason(study, recording)
        header = None if reason else read_header(study.readings_file(recording))
        told = [reason] if reason else list(header.problems if header else ())
        problems += [Problem(f"recordings.csv, {recording.recording}", text) for text in told]
    return problems


def missing_reason(study: Study, recording: Recording) -> str:
    """Why a recording has no readings; "" if it has. They may be out of date."""
    if not recording.include:
        return f"Left out: {recording.reason}" if recording.reason else LEFT_OUT
    if study.results_folder(recording) is None:
        return NOT_ANALYSED
    header = read_header(study.readings_file(recording))
    return "Its readings have not been prepared yet." if header is None else header.failed


def _groups(study: Study) -> list[list[Recording]]:
    """The included recordings; those of which one baseline is computed are together."""
    if study.settings.baseline not in _POOLED:
        return [[recording] for recording in study.included]
    groups: dict[tuple[str, str], list[Recording]] = {}
    for recording in study.included:
        # Recordings without a participant may be of different people.
        key = (recording.participant, "" if recording.participant else recording.recording)
        groups.setdefault(key, []).append(recording)
    # Another order of recordings.csv changes nothing.
    return [sorted(group, key=lambda r: r.recording) for group in groups.values()]


def _group_of(study: Study, recording: Recording) -> list[Recording]:
    return next((group for group in _groups(study) if recording in group), [])


def _update(study: Study, group: Sequence[Recording], wanted: Sequence[Recording]) -> None:
    """Write the readings of `wanted`, where they are not up to date.

    Args:
        study: the study.
        group: the recordings that decide about their baseline.
        wanted: some of them.
    """
    folders = {r.recording: study.results_folder(r) for r in group}
    tables = {name: folder / FACES for name, folder in folders.items() if folder is not None}
    key = _key(study, group, folders)
    stale = [
        recording
        for recording in wanted
        if recording.recording in tables
        and not _up_to_date(read_header(study.readings_file(recording)), key, tables)
    ]
    if stale:
        _build(study, [r for r in group if r.recording in tables], tables, key, stale)


def _key(study: Study, group: Sequence[Recording], folders: dict[str, Path | None]) -> str:
    """A hash of all that decides about the readings of a group, but for the tables of faces."""
    settings = study.settings
    told: dict[str, Any] = {
        "format": FORMAT,
        "rate_hz": settings.rate_hz,
        "smoothing": [settings.smoothing, settings.smoothing_s],
        "baseline": [settings.baseline, settings.space, settings.baseline_s],
        "left_out": [settings.leave_out_unsure, settings.leave_out_speaking],
        "recordings": [_decides(study, r, folders[r.recording]) for r in group],
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _decides(study: Study, recording: Recording, folder: Path | None) -> list[Any]:
    edits = folder / EDITS if folder is not None else None
    try:
        written = edits.read_bytes() if edits is not None else b""
    except OSError:
        written = b""
    kinds = (EventKind.BASELINE, EventKind.EXCLUDE)
    events = study.events_of(recording)
    spans = [spans_of(kind, events, recording, study.settings) for kind in kinds]
    times = [recording.start_s, recording.end_s]
    others = [[path.name, _digest(path)] for path in other_files(study, recording)]
    return [
        recording.recording,
        recording.person,
        *times,
        *spans,
        hashlib.sha256(written).hexdigest(),
        *others,
    ]


def _up_to_date(header: Header | None, key: str, tables: dict[str, Path]) -> bool:
    # A failure may have had a cause outside of the files: it is tried again.
    if (
        header is None
        or header.failed
        or header.key != key
        or header.sources.keys() != tables.keys()
    ):
        return False
    return all(_same(header.sources[name], path) for name, path in tables.items())


def _same(source: Source, path: Path) -> bool:
    """Whether a table is as it was; only one that looks touched is read for that."""
    try:
        stat = path.stat()
        if stat.st_size != source.size:
            return False
        return stat.st_mtime_ns == source.mtime_ns or _digest(path) == source.sha256
    except OSError:
        return False


def _source(path: Path) -> Source:
    stat = path.stat()
    return Source(stat.st_size, stat.st_mtime_ns, _digest(path))


def _digest(path: Path) -> str:
    stat = path.stat()
    return _known_digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=20_000)
def _known_digest(path: Path, _size: int, _mtime_ns: int) -> str:
    return file_hash(path)


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    """A recording's readings before the baseline is subtracted."""

    resampled: Resampled
    values: Float64Array
    excluded: BoolArray
    resting: BoolArray
    valid: BoolArray
    others: Placed
    problems: tuple[str, ...]

    def for_baseline(self) -> ForBaseline:
        return ForBaseline(self.values, self.valid, self.resting)


def _build(
    study: Study,
    group: Sequence[Recording],
    tables: dict[str, Path],
    key: str,
    stale: Sequence[Recording],
) -> None:
    # Before they are read: a table that changes meanwhile is read again the next time.
    sources = {name: _state(path) for name, path in tables.items()}
    drafts: dict[str, _Draft] = {}
    failures: dict[str, str] = {}
    for recording in group:
        try:
            drafts[recording.recording] = _draft(study, recording, tables[recording.recording])
        except InputError as error:
            failures[recording.recording] = str(error)
    found = levels([draft.for_baseline() for draft in drafts.values()], study.settings)
    subtracted = dict(zip(drafts, found, strict=True))
    for recording in stale:
        name, path = recording.recording, study.readings_file(recording)
        if name in failures:
            write_readings(path, Header(key, sources, failed=failures[name]), None)
            continue
        draft, level = drafts[name], subtracted[name]
        problems = (*draft.problems, *([level.problem] if level.problem else ()))
        grid = draft.resampled.grid
        problems += draft.others.problems
        others = tuple(draft.others.signals)
        header = Header(
            key, sources, grid.origin_s, grid.rate_hz, grid.steps, problems, others=others
        )
        write_readings(path, header, _finished(draft, level, study.settings))


def _state(path: Path) -> Source:
    try:
        return _source(path)
    except OSError:
        return Source(-1, -1, "")  # reading it will say what is wrong


def _draft(study: Study, recording: Recording, table: Path) -> _Draft:
    """Read, resample and smooth one recording."""
    settings = study.settings
    faces, edits = read_faces(table), load_edits(table.parent)
    if not ((faces.probs >= 0) & (faces.probs <= 1)).all():
        raise InputError(
            f"{table} is damaged: a probability is not from 0 to 1. Analyse the video again."
        )
    grid = grid_of(faces.frame_times, settings.rate_hz, recording.start_s, recording.end_s)
    person = participant_rows(faces, edits, recording.person, recording.start_s, recording.end_s)
    resampled = resample(person, grid, recording.end_s)
    events = study.events_of(recording)
    excluded = grid.touched(spans_of(EventKind.EXCLUDE, events, recording, settings))
    rests = spans_of(EventKind.BASELINE, events, recording, settings)
    valid = _valid(resampled, excluded, settings)
    runs = _runs(resampled, valid)
    probs = smooth(
        resampled.probs, runs, settings.smoothing, settings.rate_hz, settings.smoothing_s
    )
    if settings.smoothing is Smoothing.LOESS:
        # A parabola may leave the range of a probability.
        probs = np.clip(probs, 0, 1)
        probs /= probs.sum(axis=1, keepdims=True)
    values = np.concatenate([probs, valence_arousal(probs.astype(np.float32))], axis=1)
    problems = _problems(rests, grid.origin_s, grid.end_s, settings)
    if edits.lost:
        problems += (f"{edits.lost} entries of its {EDITS} cannot be read.",)
    others = place_others(other_files(study, recording), faces, person, grid, table.parent)
    return _Draft(resampled, values, excluded, grid.within(rests), valid, others, problems)


def _valid(resampled: Resampled, excluded: BoolArray, settings: StudySettings) -> BoolArray:
    valid = resampled.present & ~excluded
    if settings.leave_out_unsure:
        valid &= ~resampled.unsure
    if settings.leave_out_speaking:
        valid &= resampled.speaking != 1
    return valid


def _runs(resampled: Resampled, valid: BoolArray) -> IntArray:
    """(N,) int64: number of the uninterrupted run, from 1; 0 where the participant is absent.

    A run ends with an absence, a cut, and where steps stop or begin to count: what is left out
    must not reach what counts through smoothing.
    """
    present = resampled.present
    same = present[1:] & present[:-1] & (valid[1:] == valid[:-1])
    same &= resampled.shot[1:] == resampled.shot[:-1]
    number = np.cumsum(np.concatenate([[1], ~same]))
    return np.where(present, number, 0).astype(np.int64)


def _problems(
    rests: Sequence[tuple[float, float]], start_s: float, end_s: float, settings: StudySettings
) -> tuple[str, ...]:
    if settings.baseline is not Baseline.EVENT:
        return ()
    step = 1 / settings.rate_hz
    return tuple(
        f"Its baseline event from {first:g} to {last:g} s is longer than the recording "
        f"({start_s:g} to {end_s:g} s); what there is was used."
        for first, last in rests
        if first < start_s - step or last > end_s + step
    )


def _finished(draft: _Draft, level: BaselineLevel, settings: StudySettings) -> Readings:
    resampled = draft.resampled
    return Readings(
        resampled.grid,
        seen=resampled.seen,
        held=resampled.held,
        unsure=resampled.unsure,
        excluded=draft.excluded,
        speaking=resampled.speaking,
        valid=draft.valid,
        values=draft.values,
        corrected=correct(draft.values, level.level, settings.space),
        others=draft.others.signals,
    )
