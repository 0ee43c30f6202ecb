"""From the analysed frames of one participant to equal steps of time."""

import math
from dataclasses import dataclass

import numpy as np

from emotion_core.datatypes import BoolArray, IntArray, SignArray
from emotion_core.errors import InputError
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.results.face_table import FaceTable, Float64Array, row_seconds, usual_step_s
from emotion_core.study.grid import TIME_ERROR_S, Grid

# Two weeks at 8 readings a second: more is a damaged time, and would fill the memory.
MOST_STEPS = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Readings of one participant on a grid; row k of every field is step k.

    Attributes:
        grid: the steps.
        probs: (N, 7) float64, each row sums to 1; NaN where the participant is absent.
        seen: (N,) bool, the face was truly detected in this step.
        held: (N,) bool, there is only a box that was held over a short gap.
        unsure: (N,) bool, at least half of the step's readings are unsure.
        speaking: (N,) int8, 1: in at least half of the readings of which it is known; 0: in fewer;
            -1: not known.
        shot: (N,) int64, number of the shot; 0 where the participant is absent.
    """

    grid: Grid
    probs: Float64Array
    seen: BoolArray
    held: BoolArray
    unsure: BoolArray
    speaking: SignArray
    shot: IntArray

    @property
    def present(self) -> BoolArray:
        """(N,) bool: there is a reading."""
        return self.seen | self.held


def grid_of(
    frame_times: Float64Array, rate_hz: float, start_s: float = 0.0, end_s: float | None = None
) -> Grid:
    """The grid of a recording: steps of 1 / rate_hz from `start_s` on.

    Steps before the first analysed frame of the video are left out; the last step includes
    `end_s`, or the end of the last analysed frame where that is earlier.

    Args:
        frame_times: (M,) increasing seconds of the analysed frames.
        rate_hz: steps a second.
        start_s, end_s: what counts of the recording.

    Raises:
        InputError: no analysed frame is in this range, or there would be too many steps.
    """
    end_s = math.inf if end_s is None else end_s
    inside = frame_times[(frame_times >= start_s - TIME_ERROR_S) & (frame_times < end_s)]
    if not len(inside):
        limit = "" if math.isinf(end_s) else f" and before {end_s:g} s"
        raise InputError(
            f"No frame was analysed from {start_s:g} s on{limit}: correct the start and end of "
            "this recording."
        )
    skipped = max(0, math.floor((frame_times[0] - start_s + TIME_ERROR_S) * rate_hz))
    origin_s = start_s + skipped / rate_hz
    last_s = min(end_s, float(inside[-1]) + usual_step_s(frame_times))
    steps = max(1, math.ceil((last_s - origin_s) * rate_hz - 1e-4))
    if steps > MOST_STEPS:
        raise InputError(
            f"Its times extend over {(last_s - origin_s) / 3600:,.0f} hours: if that is wrong, "
            "analyse the video again; if not, choose a lower rate of the study."
        )
    return Grid(origin_s, rate_hz, steps)


def resample(person: FaceTable, grid: Grid, end_s: float | None = None) -> Resampled:
    """One person's readings on a grid.

    A step is the mean of the person's rows of the analysed frames in it; of those on both sides of
    a cut, the ones after it count. A step without an analysed frame takes the last reading for as
    long as it lasts (see `results.face_table.row_seconds`: until the next analysed frame, unless
    that is more than three usual steps and more than a second away). Nothing is interpolated.

    Args:
        person: the rows of one person, with `frame_times` of all analysed frames.
        grid: the steps.
        end_s: frames from here on do not count.
    """
    person = person.rows(np.argsort(person.time_s, kind="stable"))
    step = _steps_of(person.time_s, grid)
    inside = (step >= 0) & (step < grid.steps)
    if end_s is not None:
        inside &= person.time_s < end_s
    result = _means(person.rows(inside), step[inside], grid)
    _hold(result, person, grid)
    return result


def _steps_of(time_s: Float64Array, grid: Grid) -> IntArray:
    places = (time_s - grid.origin_s + TIME_ERROR_S) * grid.rate_hz
    return np.floor(places).astype(np.int64)


def _means(rows: FaceTable, step: IntArray, grid: Grid) -> Resampled:
    """Steps with at least one row; the others are absent."""
    n = grid.steps
    shot = np.zeros(n, np.int64)
    shot[step] = rows.shot  # the last row of a step decides
    after_cut = rows.shot == shot[step]
    rows, step = rows.rows(after_cut), step[after_cut]

    def count(mask: BoolArray) -> IntArray:
        return np.bincount(step[mask], minlength=n)

    total = np.bincount(step, minlength=n)
    probs = np.full((n, NUM_EXPRESSIONS), np.nan)
    if len(step):
        starts = np.flatnonzero(np.diff(step, prepend=-1))
        used = step[starts]
        sums = np.add.reduceat(rows.probs, starts, axis=0, dtype=np.float64)
        probs[used] = sums / total[used, None]
    known, spoken = count(rows.speaking >= 0), count(rows.speaking == 1)
    seen = count(~rows.predicted) > 0
    return Resampled(
        grid,
        probs,
        seen=seen,
        held=(total > 0) & ~seen,
        unsure=(total > 0) & (2 * count(rows.unsure) >= total),
        speaking=np.where(known > 0, 2 * spoken >= known, -1).astype(np.int8),
        shot=shot,
    )


def _hold(result: Resampled, person: FaceTable, grid: Grid) -> None:
    """Fill the steps without an analysed frame with the last reading, while it lasts."""
    if not len(person):
        return
    frames = person.frame_times
    read = np.zeros(grid.steps, np.bool_)
    step = _steps_of(frames, grid)
    read[step[(step >= 0) & (step < grid.steps)]] = True
    starts = grid.times()
    frame = np.searchsorted(frames, starts + TIME_ERROR_S, side="right") - 1
    row = np.searchsorted(person.time_s, frames[np.maximum(frame, 0)], side="right") - 1
    there = ~read & (frame >= 0) & (row >= 0)
    row = np.maximum(row, 0)
    # The person is in that very frame, and it lasts until the middle of the step.
    there &= person.time_s[row] == frames[np.maximum(frame, 0)]
    ends = person.time_s + row_seconds(person.time_s, frames)
    there &= ends[row] > starts + 0.5 / grid.rate_hz
    k, row = np.flatnonzero(there), row[there]
    result.probs[k] = person.probs[row]
    result.seen[k], result.held[k] = ~person.predicted[row], person.predicted[row]
    result.unsure[k], result.speaking[k] = person.unsure[row], person.speaking[row]
    result.shot[k] = person.shot[row]
