"""Signals of other programs on the clock of a study: which face, at what time, in which step."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import BoolArray, IntArray
from emotion_core.errors import InputError
from emotion_core.results.face_table import FaceTable, Float64Array, row_seconds, usual_step_s
from emotion_core.results.paths import read_summary
from emotion_core.results.summary import is_live, origin_of, source_of
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.grid import TIME_ERROR_S, Grid
from emotion_core.study.other_programs import FILES, PREFIXES, OtherTable, read_other

# Boxes of two programs on one face: OpenFace's contains the landmarks only.
_LEAST_OVERLAP: Final = 0.1
# Rates of two programs on one video differ by rounding only.
_SAME_RATE: Final = 0.01
_LONGER_S: Final = 1.0
_NAME: Final = re.compile(r"(openface|pyfeat)_(AU(\d{2})(?:_([rc]))?|[a-z]+)")
# The Facial Action Coding System (Ekman, Friesen & Hager 2002).
_UNITS: Final[Mapping[str, str]] = {
    "01": "inner brow raiser",
    "02": "outer brow raiser",
    "04": "brow lowerer",
    "05": "upper lid raiser",
    "06": "cheek raiser",
    "07": "lid tightener",
    "09": "nose wrinkler",
    "10": "upper lip raiser",
    "11": "nasolabial deepener",
    "12": "lip corner puller",
    "14": "dimpler",
    "15": "lip corner depressor",
    "17": "chin raiser",
    "20": "lip stretcher",
    "23": "lip tightener",
    "24": "lip pressor",
    "25": "lips part",
    "26": "jaw drop",
    "28": "lip suck",
    "43": "eyes closed",
    "45": "blink",
}


def is_other_signal(name: str) -> bool:
    """Whether a signal is one of OpenFace or py-feat."""
    return bool(_NAME.fullmatch(name))


def about(name: str) -> tuple[str, str]:
    """Unit and meaning of a signal of another program."""
    match = _NAME.fullmatch(name)
    if match is None:
        return "", ""
    program = next(p for p, prefix in PREFIXES.items() if prefix == f"{match[1]}_")
    if match[3] is None:
        return "probability", f"{match[2].capitalize()} as {program} read it, 0 to 1."
    unit = f"AU{match[3]} ({_UNITS.get(match[3], 'action unit')}) as {program} read it"
    if match[4] == "r":
        return "intensity", f"Intensity of {unit}, 0 to 5."
    if match[4] == "c":
        return "share", f"Presence of {unit}: share of the frames in which it is present, 0 to 1."
    return "probability", f"Probability of {unit}, 0 to 1."


def other_files(study: Study, recording: Recording) -> list[Path]:
    """The tables of other programs that a recording has, in its folder or with its results."""
    folders = (study.analysis_folder(recording), study.results_folder(recording))
    found = []
    for name in FILES:
        there = (folder / name for folder in folders if folder is not None)
        found += [path for path in there if path.is_file()][:1]
    return found


@dataclass(frozen=True, slots=True)
class Placed:
    """Signals of other programs on a grid, and what is to be told about them.

    Attributes:
        signals: name → (N,) float64, NaN where there is no value.
        problems: sentences.
    """

    signals: Mapping[str, Float64Array]
    problems: tuple[str, ...]


def place_others(
    files: list[Path], faces: FaceTable, person: FaceTable, grid: Grid, folder: Path
) -> Placed:
    """Read the tables of other programs and bring them to the steps of a recording.

    A step is the mean of the values in it; it has none where the program did not find the
    participant's face. A table that does not fit the video is left out, and told.

    Args:
        files: see `other_files`.
        faces: the whole table of this program.
        person: the rows of the participant in it.
        grid: the steps.
        folder: results folder, for its summary.
    """
    signals: dict[str, Float64Array] = {}
    problems: list[str] = []
    for path in files:
        try:
            table = read_other(path)
            times = _times(table, faces, read_summary(folder), problems)
            mask = _participant(table, times, person)
            signals |= _on_grid(table.rows(mask), times[mask], times, grid)
        except InputError as error:
            problems.append(f"{error} It is left out.")
    return Placed(signals, tuple(problems))


def _times(
    table: OtherTable, faces: FaceTable, summary: Mapping[str, Any], problems: list[str]
) -> Float64Array:
    """(N,) seconds on the clock of the video.

    By the number of the frame, so that variable frame rates come out right; where the rates differ
    (a copy of the video), by the times that the program gives.
    """
    if is_live(summary):
        return _times_of_clip(table, summary)
    frames, first = np.unique(faces.frame, return_index=True)
    seconds = faces.time_s[first]
    if len(frames) < 2:
        raise InputError(f"{table.program}: too few faces were found to compare the two programs.")
    ours = float((frames[-1] - frames[0]) / (seconds[-1] - seconds[0]))
    theirs = _rate(table)
    if theirs is not None and abs(theirs / ours - 1) > _SAME_RATE:
        problems.append(
            f"{table.program} read {theirs:.2f} frames a second, this program {ours:.2f}: the "
            f"times of {table.program} are used."
        )
        times = table.time_s
    else:
        inside = np.interp(table.frame, frames, seconds)
        before = seconds[0] + (table.frame - frames[0]) / ours
        after = seconds[-1] + (table.frame - frames[-1]) / ours
        times = np.where(table.frame < frames[0], before, inside)
        times = np.where(table.frame > frames[-1], after, times)
    _check_length(table, times, summary)
    return np.asarray(times, np.float64)


def _times_of_clip(table: OtherTable, summary: Mapping[str, Any]) -> Float64Array:
    """A live recording's frames have no number in its clip: only times can be compared."""
    if np.isnan(table.time_s).any():
        raise InputError(
            f"{table.program} gives no times for its frames: it cannot be compared with a live "
            "recording."
        )
    return table.time_s + origin_of(summary)


def _rate(table: OtherTable) -> float | None:
    """Frames a second by the program's own times; None where it gives none."""
    known = ~np.isnan(table.time_s)
    frames, times = table.frame[known], table.time_s[known]
    if len(frames) < 2 or times[-1] <= times[0]:
        return None
    return float((frames[-1] - frames[0]) / (times[-1] - times[0]))


def _check_length(table: OtherTable, times: Float64Array, summary: Mapping[str, Any]) -> None:
    length = source_of(summary).get("duration_s")
    if isinstance(length, int | float) and times[-1] > length + _LONGER_S:
        raise InputError(
            f"The table of {table.program} ends at {times[-1]:.1f} s, the video at {length:.1f} s: "
            "it is of another video, or of another version of this one."
        )


def _participant(table: OtherTable, times: Float64Array, person: FaceTable) -> BoolArray:
    """(N,) bool: the rows that are the participant's face, one for each frame at most.

    Where boxes are known, the face that overlaps most with the participant's box at that time;
    else the face that is found most often.
    """
    placed = table.found & ~np.isnan(table.boxes_xywh).any(axis=1)
    if not table.found.any():
        raise InputError(f"{table.program} did not find a face in any frame.")
    if not placed.any():
        numbers, counts = np.unique(table.face[table.found], return_counts=True)
        return table.found & (table.face == numbers[counts.argmax()])
    overlap = np.where(placed, _overlap(table.boxes_xywh, times, person), 0.0)
    best = _best_of_frames(table.frame, overlap) & (overlap >= _LEAST_OVERLAP)
    if not best.any():
        raise InputError(
            f"No face of {table.program} is where the participant's face is: the table is of "
            "another video or another person."
        )
    return best


def _overlap(boxes_xywh: Float64Array, times: Float64Array, person: FaceTable) -> Float64Array:
    """(N,) intersection over union with the participant's box in the nearest analysed frame.

    By time, since the frames of a copy of the video or of a live recording's clip have other
    numbers. 0 where the participant is not in an analysed frame within one usual step.
    """
    if not len(person):
        return np.zeros(len(times))
    step_s = usual_step_s(np.unique(person.time_s)) + TIME_ERROR_S
    after = np.clip(np.searchsorted(person.time_s, times), 0, len(person) - 1)
    before = np.maximum(after - 1, 0)
    away = np.abs(person.time_s[before] - times), np.abs(person.time_s[after] - times)
    row = np.where(away[0] < away[1], before, after)
    a, b = boxes_xywh, person.boxes_xywh[row].astype(np.float64)
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    union = a[:, 2:].prod(axis=1) + b[:, 2:].prod(axis=1) - both
    iou = np.divide(both, union, out=np.zeros(len(both)), where=union > 0)
    return np.asarray(np.where(np.minimum(*away) <= step_s, iou, 0.0))


def _best_of_frames(frame: IntArray, score: Float64Array) -> BoolArray:
    """(N,) bool: in each frame the row with the largest score."""
    order = np.lexsort((-score, frame))
    first = np.concatenate([[True], np.diff(frame[order]) != 0])
    mask = np.zeros(len(frame), np.bool_)
    mask[order[first]] = True
    return mask


def _on_grid(
    rows: OtherTable, times: Float64Array, frame_times: Float64Array, grid: Grid
) -> dict[str, Float64Array]:
    """Name → (steps,): means of the values in each step, held as long as a frame lasts.

    Args:
        rows: of the participant, in the order of time.
        times: (N,) their seconds.
        frame_times: (M,) seconds of all frames that the program read.
        grid: the steps.
    """
    frames = np.unique(frame_times)
    step = np.floor((times - grid.origin_s + TIME_ERROR_S) * grid.rate_hz).astype(np.int64)
    last_s = times + row_seconds(times, frames) if len(frames) > 1 else times + usual_step_s(frames)
    starts = grid.times()
    # The row before each step, if it lasts until the middle of the step.
    row = np.searchsorted(times, starts + TIME_ERROR_S, side="right") - 1
    lasts = (row >= 0) & (last_s[np.maximum(row, 0)] > starts + 0.5 / grid.rate_hz)
    signals = {}
    for k, name in enumerate(rows.names):
        values = rows.values[:, k]
        good = ~np.isnan(values) & (step >= 0) & (step < grid.steps)
        counts = np.bincount(step[good], minlength=grid.steps)
        sums = np.bincount(step[good], weights=values[good], minlength=grid.steps)
        means = np.divide(sums, counts, out=np.full(grid.steps, np.nan), where=counts > 0)
        held = lasts & (counts == 0)
        means[held] = values[row[held]]
        signals[name] = means
    return signals
