"""What a finished table of faces says about each person: runs, shares, transitions, moments.

Everything here is computed from the rows of faces.csv, so that the page, the summary and the
exports cannot disagree; nothing here draws.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import BoolArray, FloatArray, IntArray, SignArray
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS

Float64Array = NDArray[np.float64]

# Shorter dominant runs join their neighbour: an expression takes longer than a flicker.
MIN_RUN_S: Final = 0.3
# A pause between two analysed frames up to this long is a slow camera: what was seen goes on in it.
LONGEST_PAUSE_S: Final = 1.0
# A moment weaker than this is not worth a picture.
MIN_MOMENT: Final = 0.35
# A long timeline is drawn as the means of this many intervals: three pixels of a screen each.
DRAWN_STRETCHES: Final = 400
# Where an interval begins as a frame ends, no more than this is left of the frame, by rounding.
_LEAST_S: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class FaceTable:
    """The rows of faces.csv as columns; row i of every field is the same face of the same frame.

    Attributes:
        frame: (N,) int64, index in the source.
        time_s: (N,) float64, seconds, not decreasing.
        track_id: (N,) int64 identities.
        boxes_xywh: (N, 4) float32 pixels.
        probs: (N, 7) float32, smoothed and calibrated.
        detection_score: (N,) float32.
        predicted, unsure: (N,) bool.
        frame_times: (M,) float64, seconds of every analysed frame, also those without a face.
        tracklet: (N,) int64, numbers of the uninterrupted tracks; an identity may have several.
            Like `track_id` where they are not given.
        shot: (N,) int64, counted from 1; 1 where they are not given.
        cuts: (K,) float64, seconds of the frames that begin a shot, but for the first.
        speaking: (N,) int8, 1 speaks, 0 does not, -1 not known; -1 where it is not given.
        angle: (N,) float32, degrees counter-clockwise by which the head leans; 0 where it is not
            given.
    """

    frame: IntArray
    time_s: Float64Array
    track_id: IntArray
    boxes_xywh: FloatArray
    probs: FloatArray
    detection_score: FloatArray
    predicted: BoolArray
    unsure: BoolArray
    frame_times: Float64Array
    tracklet: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    shot: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    cuts: Float64Array = field(default_factory=lambda: np.empty(0))
    speaking: SignArray = field(default_factory=lambda: np.empty(0, np.int8))
    angle: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))

    def __post_init__(self) -> None:
        if not len(self.tracklet):
            object.__setattr__(self, "tracklet", self.track_id)
        if not len(self.shot):
            object.__setattr__(self, "shot", np.ones(len(self.track_id), np.int64))
        if not len(self.speaking):
            object.__setattr__(self, "speaking", np.full(len(self.track_id), -1, np.int8))
        if not len(self.angle):
            object.__setattr__(self, "angle", np.zeros(len(self.track_id), np.float32))

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def people(self) -> list[int]:
        """Identities, in the order of their first appearance."""
        _, first = np.unique(self.track_id, return_index=True)
        return [int(self.track_id[i]) for i in np.sort(first)]

    def rows(self, mask: BoolArray | IntArray) -> "FaceTable":
        """The same frames with some of the faces."""
        fields = (
            "frame",
            "time_s",
            "track_id",
            "boxes_xywh",
            "probs",
            "detection_score",
            "predicted",
            "unsure",
            "tracklet",
            "shot",
            "speaking",
            "angle",
        )
        return replace(self, **{name: getattr(self, name)[mask] for name in fields})

    def person(self, track_id: int) -> "FaceTable":
        """One person's rows."""
        return self.rows(self.track_id == track_id)

    def silent(self) -> "FaceTable":
        """Without the faces that speak; those of which it is not known stay."""
        return self.rows(self.speaking != 1)

    def without_tails(self) -> "FaceTable":
        """Without the boxes held after a person was last seen: they were not there any more."""
        keep = np.ones(len(self), bool)
        for track_id in np.unique(self.track_id):
            rows = np.flatnonzero(self.track_id == track_id)
            seen = np.flatnonzero(~self.predicted[rows])
            keep[rows[seen[-1] + 1 if len(seen) else 0 :]] = False
        return self.rows(keep)

    def between(self, start_s: float, end_s: float) -> "FaceTable":
        """Frames and faces of [start_s, end_s)."""
        inside = (self.time_s >= start_s) & (self.time_s < end_s)
        frames = (self.frame_times >= start_s) & (self.frame_times < end_s)
        cuts = self.cuts[(self.cuts >= start_s) & (self.cuts < end_s)]
        return replace(self.rows(inside), frame_times=self.frame_times[frames], cuts=cuts)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of time in which one expression was the most probable one."""

    start_s: float
    end_s: float
    expression: str
    confidence: float  # mean largest probability, 0 to 1

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Moment:
    """The strongest moment of one expression of one person."""

    track_id: int
    expression: str
    time_s: float
    frame: int
    probability: float


def usual_step_s(frame_times: Float64Array) -> float:
    """Median time between analysed frames, seconds; 1/25 where there is only one."""
    steps = np.diff(frame_times)
    return float(np.median(steps)) if len(steps) else 0.04


def longest_step_s(frame_times: Float64Array) -> float:
    """The longest time that one analysed frame speaks for: three usual steps, or a second."""
    return max(3 * usual_step_s(frame_times), LONGEST_PAUSE_S)


def row_seconds(time_s: Float64Array, frame_times: Float64Array) -> Float64Array:
    """How long each row lasts: until the next analysed frame, or one usual step where that comes
    later than `longest_step_s`.

    Args:
        time_s: (N,) times of rows; each is one of `frame_times`.
        frame_times: (M,) increasing times of the analysed frames.

    Returns:
        (N,) float64 seconds. An interval that could not be decoded is not attributed to any person.
    """
    if not len(time_s):
        return np.empty(0)
    usual, steps = usual_step_s(frame_times), np.diff(frame_times)
    steps = np.append(np.where(steps > longest_step_s(frame_times) + 1e-9, usual, steps), usual)
    return np.asarray(steps[np.searchsorted(frame_times, time_s)], np.float64)


def seconds_between(table: FaceTable, start_s: float, end_s: float) -> Float64Array:
    """(N,) float64: how long each row lasts within an interval, seconds; 0 outside of it."""
    first = table.time_s
    last = first + row_seconds(first, table.frame_times)
    within = np.minimum(last, end_s) - np.maximum(first, start_s)
    return np.where(within > _LEAST_S, within, 0.0)


def shares(person: FaceTable, seconds: Float64Array | None = None) -> dict[str, float]:
    """Share of a person's visible time for each expression; sums to 1, or all 0 where there is no
    person. `seconds`: how long each row lasts, if not until the next frame."""
    seconds = row_seconds(person.time_s, person.frame_times) if seconds is None else seconds
    totals = np.bincount(_labels(person), weights=seconds, minlength=NUM_EXPRESSIONS)
    total = float(totals.sum()) or 1.0
    return {name: float(totals[i]) / total for i, name in enumerate(EXPRESSIONS)}


def _away(person: FaceTable) -> BoolArray:
    """(N-1,) bool: an analysed frame without this person, a cut, or a long unanalysed interval,
    separates two rows. A stuttering camera does not count as absence."""
    frames = np.searchsorted(person.frame_times, person.time_s)
    pauses = np.diff(person.time_s)
    away = (np.diff(frames) > 1) | (pauses > longest_step_s(person.frame_times) + 1e-9)
    return np.asarray(away | (np.diff(person.shot) != 0), np.bool_)


def dominant_runs(person: FaceTable, min_s: float = MIN_RUN_S) -> list[Run]:
    """Stretches of one dominant expression, in order; they never reach over an absence.

    Runs shorter than `min_s` join the longer of the two neighbouring runs. A person who is seen for
    less than that altogether still has one run.
    """
    if not len(person):
        return []
    ends = person.time_s + row_seconds(person.time_s, person.frame_times)
    stays = np.flatnonzero(np.append(_away(person), True)) + 1
    runs: list[Run] = []
    first = 0
    for last in stays:
        runs += _runs_of_stay(person, ends, first, int(last), min_s)
        first = int(last)
    return runs


def legible_run_s(frame_times: Float64Array, people: int = 1, most: int = 1500) -> float:
    """The `min_s` for runs that are drawn: all of them together stay near `most`."""
    if not len(frame_times):
        return MIN_RUN_S
    return max(MIN_RUN_S, float(frame_times[-1] - frame_times[0]) * people / most)


def _runs_of_stay(
    person: FaceTable, ends: Float64Array, first: int, last: int, min_s: float
) -> list[Run]:
    labels = _labels(person)[first:last]
    starts = [0, *(np.flatnonzero(np.diff(labels)) + 1)]
    stops = [*starts[1:], last - first]
    best = person.probs.max(axis=1)
    pieces = [
        _Piece(int(a) + first, int(b) + first, int(labels[a]))
        for a, b in zip(starts, stops, strict=True)
    ]
    return [
        Run(
            float(person.time_s[p.first]),
            float(ends[p.last - 1]),
            EXPRESSIONS[p.label],
            float(best[p.first : p.last].mean()),
        )
        for p in _join_short(pieces, person.time_s, ends, min_s)
    ]


@dataclass(slots=True, eq=False)
class _Piece:
    """Rows [first, last) of one label, between its neighbours; `gone` once another took it in."""

    first: int
    last: int
    label: int
    before: "_Piece | None" = None
    after: "_Piece | None" = None
    gone: bool = False

    def take(self, other: "_Piece") -> None:
        """Grow over a neighbour."""
        if other is self.before:
            self.first, self.before = other.first, other.before
            if self.before:
                self.before.after = self
        else:
            self.last, self.after = other.last, other.after
            if self.after:
                self.after.before = self
        other.gone = True


def _join_short(
    pieces: list[_Piece], time_s: Float64Array, ends: Float64Array, min_s: float
) -> list[_Piece]:
    """Shortest first, so that two flickers side by side do not make a run of their own.

    A heap keeps an hour of flicker from taking quadratic time.
    """

    def length(piece: _Piece) -> float:
        return float(ends[piece.last - 1] - time_s[piece.first])

    for left, right in pairwise(pieces):
        left.after, right.before = right, left
    heap = [(length(piece), piece.first, piece) for piece in pieces]
    heapq.heapify(heap)
    while heap:
        seconds, first, piece = heapq.heappop(heap)
        if piece.gone or piece.first != first or length(piece) != seconds:
            continue
        beside = [p for p in (piece.before, piece.after) if p]
        if seconds >= min_s - 1e-9 or not beside:
            break
        host = max(beside, key=length)
        host.take(piece)
        for twin in (host.before, host.after):
            if twin and twin.label == host.label:
                host.take(twin)
        heapq.heappush(heap, (length(host), host.first, host))
    return [piece for piece in pieces if not piece.gone]


def transitions(runs: Sequence[Run]) -> IntArray:
    """(7, 7) int64: how often an expression (row) went over into another (column), unbroken."""
    counts = np.zeros((NUM_EXPRESSIONS, NUM_EXPRESSIONS), np.int64)
    for before, after in pairwise(runs):
        if abs(after.start_s - before.end_s) < 1e-6:
            counts[EXPRESSIONS.index(before.expression), EXPRESSIONS.index(after.expression)] += 1
    return counts


def key_moments(person: FaceTable, min_probability: float = MIN_MOMENT) -> list[Moment]:
    """The strongest moment of each expression that was ever probable enough, in order of time.

    Rows whose box is only held over a gap do not count.
    """
    seen = person.rows(~person.predicted)
    if not len(seen):
        return []
    rows = seen.probs.argmax(axis=0)
    moments = [
        Moment(
            int(seen.track_id[row]),
            name,
            float(seen.time_s[row]),
            int(seen.frame[row]),
            float(seen.probs[row, k]),
        )
        for k, (name, row) in enumerate(zip(EXPRESSIONS, rows, strict=True))
        if seen.probs[row, k] >= min_probability
    ]
    return sorted(moments, key=lambda moment: moment.time_s)


def valid_share(table: FaceTable) -> float:
    """Share of the analysed frames in which a face was truly seen, 0 to 1."""
    if not len(table.frame_times):
        return 0.0
    return len(np.unique(table.frame[~table.predicted])) / len(table.frame_times)


def averaged(person: FaceTable, buckets: int = DRAWN_STRETCHES) -> tuple[Float64Array, FloatArray]:
    """What to draw of a long timeline: means of equal stretches of time, few enough to be seen.

    Args:
        person: one person's rows.
        buckets: stretches; up to twice as many rows are taken as they are.

    Returns:
        (M,) float64 seconds, increasing, and (M, 7) float32 probabilities. A row of NaN marks
        where the person was away; between stretches, where it was for longer than two of them.
    """
    if not len(person):
        return np.empty(0), np.empty((0, NUM_EXPRESSIONS), np.float32)
    first, last = float(person.time_s[0]), float(person.time_s[-1])
    times, means, away = person.time_s, person.probs, _away(person)
    if len(person) > 2 * buckets:
        width = (last - first) / buckets
        place = np.minimum(((person.time_s - first) / width).astype(np.int64), buckets - 1)
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        counts = np.diff(np.append(starts, len(place)))
        times = np.add.reduceat(person.time_s, starts) / counts
        sums = np.add.reduceat(person.probs, starts, axis=0, dtype=np.float64)
        means = (sums / counts[:, None]).astype(np.float32)
        away = away[starts[1:] - 1] & (np.diff(times) > 2 * width)
    after = np.flatnonzero(away) + 1
    gap = np.full((len(after), NUM_EXPRESSIONS), np.nan, np.float32)
    middles = (times[after - 1] + times[after]) / 2
    return np.insert(times, after, middles), np.insert(means, after, gap, axis=0)


def _labels(table: FaceTable) -> IntArray:
    return table.probs.argmax(axis=1) if len(table) else np.empty(0, np.int64)
