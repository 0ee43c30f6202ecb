"""Where two neighbouring pieces of a video are joined, and which of their tracks are the same."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import FloatArray, IntArray
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import COLUMNS
from emotion_core.vision.boxes import from_xywh, iou_matrix
from emotion_core.vision.tracker import assigned

# Two tracks are one where their boxes overlap by this much (intersection over union), on average
# over the frames in which both were reported, …
SAME_FACE_IOU: Final = 0.5
# … which are so many at least, or all there are.
LEAST_FRAMES: Final = 3
_PLACE: Final = {name: i for i, name in enumerate(COLUMNS)}
_BOX: Final = ("x", "y", "width", "height")
# The table rounds times to microseconds.
TICKS_PER_S: Final = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class TableFrame:
    """One analysed frame of a piece, as its table has it; row i of every array is the same face.

    Attributes:
        index, shot: as numbered within the piece.
        tracklets: (N,) int64.
        boxes: (N, 4) float32 xyxy, pixels.
        probs: (N, 7) float32, smoothed.
        predicted: (N,) bool.
    """

    index: int
    shot: int
    tracklets: IntArray
    boxes: FloatArray
    probs: FloatArray
    predicted: np.ndarray


Frames = Mapping[int, TableFrame]
"""Frames by their time in microseconds, in order."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How a piece continues the one before.

    Attributes:
        tick: time in microseconds of the first frame whose rows are the later piece's.
        same: tracklet of the later piece → tracklet of the piece before.
        index_shift, shot_shift: added to the later piece's numbers to get those of the one before.
        compared: frames that both have read when settled.
        largest_difference: of the smoothed probabilities of a face in these; None: no face there.
    """

    tick: int
    same: Mapping[int, int]
    index_shift: int
    shot_shift: int
    compared: int
    largest_difference: float | None

    def described(self) -> dict[str, Any]:
        """What summary.json says of it."""
        largest = self.largest_difference
        return {
            "time_s": self.tick / TICKS_PER_S,
            "tracks_joined": len(self.same),
            "frames_compared": self.compared,
            "largest_difference": None if largest is None else round(largest, 4),
        }


def table_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a piece's faces.csv, each with its time in microseconds.

    Raises:
        InputError: the table is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if next(rows, None) != list(COLUMNS):
                raise ValueError("it has other columns")
            for row in rows:
                yield round(float(row[_PLACE["time_s"]]) * TICKS_PER_S), row
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise InputError(
            f"{path} is no table of a piece ({error}). Delete its folder and analyse the video "
            "again."
        ) from error


def frames_between(path: Path, first: float, last: float) -> dict[int, TableFrame]:
    """The analysed frames of a piece whose times in microseconds are in [first, last)."""
    found: dict[int, list[list[str]]] = defaultdict(list)
    for tick, row in table_rows(path):
        if first <= tick < last:
            found[tick].append(row)
    return {tick: _frame(rows) for tick, rows in found.items()}


def _frame(rows: list[list[str]]) -> TableFrame:
    faces = [row for row in rows if row[_PLACE["track_id"]]]

    def numbers(names: tuple[str, ...]) -> FloatArray:
        values = [[float(row[_PLACE[name]]) for name in names] for row in faces]
        return np.array(values, np.float32).reshape(-1, len(names))

    return TableFrame(
        int(rows[0][_PLACE["frame"]]),
        int(rows[0][_PLACE["shot"]]),
        np.array([int(row[_PLACE["tracklet"]]) for row in faces], np.int64),
        from_xywh(numbers(_BOX)),
        numbers(EXPRESSIONS),
        numbers(("predicted",))[:, 0] > 0,
    )


def find_seam(before: Frames, after: Frames, shared_from: float, end: float) -> Seam:
    """The best frame to go over from one piece to the next.

    Args:
        before, after: what both have read of the frames up to `end`.
        shared_from: time in microseconds from which on the later piece is settled.
        end: time in microseconds at which the piece before ends.

    Returns:
        A seam at the frame where the two agree best; at `end` where they share no frame: a frame
        that could not be decoded shifts which frames are every Nth.
    """
    common = [tick for tick in after if tick in before]
    settled = [tick for tick in common if tick >= shared_from]
    if not settled:
        return _seam_between_frames(before, after, end)
    different = {tick: _difference(before[tick], after[tick]) for tick in settled}
    # Of equally good ones the last: the later piece has settled for longest.
    tick = min(settled, key=lambda t: (*different[t], -t))
    largest = [d for _, d in different.values() if d is not None]
    return Seam(
        tick,
        _same_tracks([(before[t], after[t]) for t in common]),
        before[tick].index - after[tick].index,
        before[tick].shot - after[tick].shot,
        len(settled),
        max(largest, default=None),
    )


def _seam_between_frames(before: Frames, after: Frames, end: float) -> Seam:
    """A seam of pieces that have read different frames of the same seconds."""
    ticks = np.array(list(before), np.int64)
    if len(ticks) < 2 or not after:
        return Seam(int(end), {}, 0, 0, 0, None)
    step = float(np.median(np.diff(ticks)))
    near = [
        (before[int(ticks[place])], frame)
        for tick, frame in after.items()
        if abs(ticks[place := int(np.abs(ticks - tick).argmin())] - tick) <= step
    ]
    shot_shift = near[-1][0].shot - near[-1][1].shot if near else 0
    return Seam(int(end), _same_tracks(near), 0, shot_shift, 0, None)


def _difference(before: TableFrame, after: TableFrame) -> tuple[int, float]:
    """Faces that only one of the two has, or holds over a gap, and the largest difference of the
    probabilities of the others."""
    pairs = _paired(iou_matrix(before.boxes, after.boxes), SAME_FACE_IOU)
    unlike = len(before.tracklets) + len(after.tracklets) - 2 * len(pairs)
    unlike += sum(bool(before.predicted[a] != after.predicted[b]) for a, b in pairs)
    apart = [float(np.abs(before.probs[a] - after.probs[b]).max()) for a, b in pairs]
    return unlike, max(apart, default=0.0)


def _paired(likeness: np.ndarray, least: float) -> list[tuple[int, int]]:
    """(row, column) of the pairs with the largest sum, of those that are alike enough."""
    if not likeness.size:
        return []
    pairs = assigned((-np.where(likeness >= least, likeness, 0.0)).tolist())
    return [(a, b) for a, b in pairs if likeness[a, b] >= least]


def _same_tracks(frames: list[tuple[TableFrame, TableFrame]]) -> dict[int, int]:
    """Tracklet of the later piece → tracklet of the earlier one, each at most once."""
    sums: dict[tuple[int, int], float] = defaultdict(float)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for before, after in frames:
        overlap = iou_matrix(before.boxes, after.boxes)
        for i, one in enumerate(before.tracklets.tolist()):
            for k, other in enumerate(after.tracklets.tolist()):
                sums[one, other] += float(overlap[i, k])
                counts[one, other] += 1
    ours, theirs = (sorted({pair[side] for pair in sums}) for side in (0, 1))
    enough = min(LEAST_FRAMES, len(frames))
    # The sum counts, not the mean: of two that fit, it is the one that fits for longer.
    table = np.zeros((len(ours), len(theirs)))
    for pair, total in sums.items():
        if counts[pair] >= enough and total >= SAME_FACE_IOU * counts[pair]:
            table[ours.index(pair[0]), theirs.index(pair[1])] = total
    return {theirs[k]: ours[i] for i, k in _paired(table, 1e-9)}
