"""Face tracking: assigns detections to identities, frame by frame."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from emotion_core.config import TrackingSettings
from emotion_core.datatypes import BoolArray, FloatArray, IntArray
from emotion_core.vision import boxes as bx
from emotion_core.vision.detection import Detections, KnownFaces
from emotion_core.vision.template_tracking import Appearance

# A face may be found this many of its own sides away from where it was expected …
REACH_SIDES: Final = 0.7
# … and further the longer it was unseen, in sides a second.
REACH_GROWTH: Final = 1.5
REACH_MOST: Final = 1.6
SIZE_RATIO_MOST: Final = 1.8
# Where no other face is a candidate, a face may move this far within this time.
LEAP_SIDES: Final = 2.5
LEAP_RATIO: Final = 1.4
LEAP_S: Final = 0.5
# Share of the difference between expected and found that is believed, of centre x, y and side; and
# what it adds to their speeds. Haar measures a face's place better than its size.
GAIN_PLACE: Final = 0.65
GAIN_SIDE: Final = 0.4
GAIN_SPEED: Final = 0.35
GAIN_GROWTH: Final = 0.25
# Share of the difference to a new roll angle that is believed: looks turn in steps of 15 degrees.
GAIN_ANGLE: Final = 0.5
# Speeds are measured over at least so long: two frames with nearly the same time say nothing.
LEAST_STEP_S: Final = 0.03
# A size is believed the more, the longer it was not measured: at most as much as this many
# measurements in a row.
SIZE_STEP_S: Final = 0.05
SIZE_STEPS: Final = 2.0
# The motion of an unseen face decays with this time constant.
COAST_S: Final = 0.4
# A certainty at which one look is enough to announce a face.
SURE_SCORE: Final = 3.5
# What counts towards the trust of 1 that is needed where only some cascades agree: ten times a half
# (a face with sunglasses) will do.
PARTLY_AGREED: Final = 0.2
# A candidate that is not found again within this time is dropped.
CANDIDATE_S: Final = 0.35
# What a detection costs that an announced face could take too: a candidate must not steal it.
NEWCOMER: Final = 0.5
IMPOSSIBLE: Final = 1e6

# Centre x, centre y and side in pixels, or their speeds a second. Numbers, not arrays: with the few
# faces of a frame numpy takes several times as long.
State = tuple[float, float, float]


@dataclass(slots=True)
class _Track:
    """All that is remembered of one face, confirmed or not.

    Its appearance is part of it, so that it is forgotten together with the identity.
    """

    state: State
    time_s: float
    score: float
    seen_s: float
    looked_s: float
    speed: State = (0.0, 0.0, 0.0)
    track_id: int = 0  # 0 while it is a candidate
    hits: int = 0
    trust: float = 0.0
    missed: bool = False
    row: int = -1
    appearance: Appearance | None = None
    angle: float = 0.0
    turned: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The announced faces of one frame, row-aligned, oldest identity first.

    Attributes:
        track_ids: (N,) int64, starting at 1.
        boxes: (N, 4) float32 xyxy.
        scores: (N,) float32, of the newest detection.
        predicted: (N,) bool, looked for and not found: held over a gap.
        rows: (N,) int64, row of each one's detection in this frame, -1 where there is none.
        candidates: (M, 4) float32 xyxy, of faces that are not announced yet.
        angles: (N,) float32 degrees counter-clockwise by which each head leans.
        turned: (N,) bool: only the side of the face was seen when the detector last saw it.
    """

    track_ids: IntArray
    boxes: FloatArray
    scores: FloatArray
    predicted: BoolArray
    rows: IntArray
    candidates: FloatArray
    angles: FloatArray
    turned: BoolArray


class Tracker:
    """Keeps the identities of one stream. Not thread-safe: one instance a stream."""

    def __init__(self, settings: TrackingSettings | None = None) -> None:
        self.settings = settings or TrackingSettings()
        self._tracks: list[_Track] = []
        self._next_id = 1

    def reset(self) -> None:
        """Forget all faces and count identities from 1 again."""
        self._tracks, self._next_id = [], 1

    def forget(self) -> None:
        """Forget all faces; new ones get identities not used before."""
        self._tracks = []

    def renumber(self, number: int) -> int:
        """Say that a track has moved over to somebody else; returns its new number."""
        for track in self._tracks:
            if track.track_id == number:
                track.track_id, self._next_id = self._next_id, self._next_id + 1
                return track.track_id
        return number

    def rescale(self, factor_x: float, factor_y: float) -> None:
        """Carry all faces over to a new picture size; their appearances no longer apply."""
        factor = math.sqrt(factor_x * factor_y)
        for track in self._tracks:
            (x, y, side), (speed_x, speed_y, growth) = track.state, track.speed
            track.state = x * factor_x, y * factor_y, side * factor
            track.speed = speed_x * factor_x, speed_y * factor_y, growth * factor
            track.appearance = None

    def expect(self, time_s: float) -> KnownFaces:
        """Where the known faces should be at a time, after dropping those unseen for too long."""
        self._drop_lost(time_s)
        states = [_expected(track, time_s) for track in self._tracks]
        return KnownFaces(
            bx.from_cxcys(states),
            np.array([track.track_id for track in self._tracks], np.int64),
            np.array([time_s - track.looked_s for track in self._tracks], np.float32),
            np.array([time_s - track.seen_s for track in self._tracks], np.float32),
            # A candidate is not followed: too many of them are not faces.
            tuple(track.appearance if track.track_id else None for track in self._tracks),
        )

    def update(self, detections: Detections, time_s: float) -> Tracks:
        """Match a frame's detections with the faces that `expect` returned for the same time."""
        states: list[State] = [
            (x, y, side) for x, y, side in bx.to_cxcys(detections.boxes).tolist()
        ]
        scores, agreement = detections.scores.tolist(), detections.agreement.tolist()
        angles = detections.angles.tolist()
        pairs = self._match(states, time_s)
        for k, track in enumerate(self._tracks):
            track.row = pairs.get(k, -1)
            if k in pairs:
                _move(track, states[pairs[k]], scores[pairs[k]], time_s)
                if not math.isnan(scores[pairs[k]]):
                    _renew_appearance(track, detections.appearances[pairs[k]])
                    track.angle = _turned(track.angle, angles[pairs[k]])
                    track.turned = bool(detections.turned[pairs[k]])
                if detections.looked_at[k]:
                    track.looked_s = time_s
                self._confirm(track, agreement[pairs[k]])
            else:
                _coast(track, time_s, bool(detections.looked_at[k]))
        for d in set(range(len(states))) - set(pairs.values()):
            begun = _Track(states[d], time_s, scores[d], time_s, time_s)
            begun.row, begun.appearance = d, detections.appearances[d]
            begun.angle = 0.0 if math.isnan(angles[d]) else angles[d]
            begun.turned = bool(detections.turned[d])
            self._confirm(begun, agreement[d])
            self._tracks.append(begun)
        return self._announced()

    def _match(self, states: list[State], time_s: float) -> dict[int, int]:
        """Row of the track → row of the detection, with the least sum of distances."""
        if not self._tracks or not states:
            return {}
        expected = [_expected(track, time_s) for track in self._tracks]
        distance = [[_distance(e, state) for state in states] for e in expected]
        growth = [[abs(math.log(state[2] / e[2])) for state in states] for e in expected]
        cost = [
            _costs(track, time_s, *of_track)
            for track, *of_track in zip(self._tracks, distance, growth, strict=True)
        ]
        pairs = {k: d for k, d in assigned(cost) if cost[k][d] < IMPOSSIBLE}
        return pairs | self._leap(pairs, distance, growth, time_s)

    def _leap(
        self,
        pairs: dict[int, int],
        distance: list[list[float]],
        growth: list[list[float]],
        time_s: float,
    ) -> dict[int, int]:
        """One announced face is missing and one detection is left over, further off than a face
        walks: a head that was thrown around at a low frame rate."""
        left = set(range(len(distance[0]))) - set(pairs.values())
        missing = [k for k, track in enumerate(self._tracks) if track.track_id and k not in pairs]
        if len(left) != 1 or len(missing) != 1:
            return {}
        k, d = missing[0], left.pop()
        near = distance[k][d] <= LEAP_SIDES and growth[k][d] <= math.log(LEAP_RATIO)
        return {k: d} if near and time_s - self._tracks[k].seen_s <= LEAP_S else {}

    def _confirm(self, track: _Track, agreement: float) -> None:
        """Count a detection of this track; announce it once enough speaks for a face."""
        track.hits += 1
        track.trust += 1.0 if agreement >= 1 else PARTLY_AGREED * agreement
        often = track.hits >= self.settings.confirm_hits or track.score >= SURE_SCORE
        if not track.track_id and often and track.trust > 0.999:
            track.track_id, self._next_id = self._next_id, self._next_id + 1

    def _drop_lost(self, time_s: float) -> None:
        longest = self.settings.max_gap_s
        self._tracks = [
            track
            for track in self._tracks
            if time_s - track.seen_s <= (longest if track.track_id else min(longest, CANDIDATE_S))
        ]

    def _announced(self) -> Tracks:
        announced = sorted(
            (track for track in self._tracks if track.track_id), key=lambda track: track.track_id
        )
        return Tracks(
            np.array([track.track_id for track in announced], np.int64),
            bx.from_cxcys([track.state for track in announced]),
            np.array([track.score for track in announced], np.float32),
            np.array([track.missed for track in announced], np.bool_),
            np.array([track.row for track in announced], np.int64),
            bx.from_cxcys([track.state for track in self._tracks if not track.track_id]),
            np.array([track.angle for track in announced], np.float32),
            np.array([track.turned for track in announced], np.bool_),
        )


def _distance(expected: State, found: State) -> float:
    """Between two centres, in sides (the geometric mean of the two)."""
    away = math.hypot(expected[0] - found[0], expected[1] - found[1])
    return away / math.sqrt(expected[2] * found[2])


def _costs(track: _Track, time_s: float, distance: list[float], growth: list[float]) -> list[float]:
    """What each detection costs this track."""
    reach = min(REACH_SIDES + REACH_GROWTH * (time_s - track.seen_s), REACH_MOST)
    newcomer = 0.0 if track.track_id else NEWCOMER
    return [
        IMPOSSIBLE if away > reach or grown > math.log(SIZE_RATIO_MOST) else away + grown + newcomer
        for away, grown in zip(distance, growth, strict=True)
    ]


def assigned(cost: list[list[float]]) -> list[tuple[int, int]]:
    """(row, column) of the pairs with the least sum of costs; at least one row and one column."""
    if len(cost) == 1 or len(cost[0]) == 1:
        return [min((c, k, d) for k, row in enumerate(cost) for d, c in enumerate(row))[1:]]
    # It takes as long to import as a hundred frames take to read, and one face never needs it.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _expected(track: _Track, time_s: float) -> State:
    """Centre and side at a later time: the last speeds, dying away."""
    elapsed = max(time_s - track.time_s, 0.0)
    travelled = COAST_S * -math.expm1(-elapsed / COAST_S)
    (x, y, side), (speed_x, speed_y, speed_side) = track.state, track.speed
    # A face that comes nearer or goes away does not vanish or fill the world meanwhile.
    grown = min(max(side + speed_side * travelled, 0.7 * side), 1.4 * side)
    return x + speed_x * travelled, y + speed_y * travelled, grown


def _move(track: _Track, state: State, score: float, time_s: float) -> None:
    """Believe a part of what was found, the rest of what was expected."""
    x, y, side = _expected(track, time_s)
    off_x, off_y, off_side = state[0] - x, state[1] - y, state[2] - side
    elapsed = time_s - track.time_s
    since_look = time_s - track.looked_s
    if elapsed > 0:
        # A face that is followed keeps its size until the cascade measures it again.
        per_place = GAIN_SPEED / max(elapsed, LEAST_STEP_S)
        per_side = GAIN_GROWTH / max(since_look, LEAST_STEP_S)
        speed = track.speed
        track.speed = (
            speed[0] + per_place * off_x,
            speed[1] + per_place * off_y,
            speed[2] + per_side * off_side,
        )
    believed = 1 - (1 - GAIN_SIDE) ** min(max(since_look / SIZE_STEP_S, 1.0), SIZE_STEPS)
    track.state = x + GAIN_PLACE * off_x, y + GAIN_PLACE * off_y, side + believed * off_side
    track.time_s = track.seen_s = time_s
    track.missed = False
    # A face followed by its picture was not measured by the cascade: its score stays.
    if not math.isnan(score):
        track.score, track.looked_s = score, time_s


def _turned(angle: float, found: float) -> float:
    """Believe a part of a newly measured angle; what is nearly upright is upright."""
    if math.isnan(found):
        return angle
    new = angle + GAIN_ANGLE * ((found - angle + 180.0) % 360.0 - 180.0)
    return new if abs(new) >= 1.0 else 0.0


def _renew_appearance(track: _Track, new: Appearance | None) -> None:
    """Remember how a face looked in its newest detection; the count of searches goes on."""
    if new is not None and track.appearance is not None and track.track_id:
        new.looks = track.appearance.looks
    track.appearance = new


def _coast(track: _Track, time_s: float, looked_at: bool) -> None:
    """No detection fits: move on as expected."""
    elapsed = max(time_s - track.time_s, 0.0)
    track.state = _expected(track, time_s)
    slowed = math.exp(-elapsed / COAST_S)
    track.speed = (track.speed[0] * slowed, track.speed[1] * slowed, track.speed[2] * slowed)
    track.time_s = time_s
    if looked_at:
        track.looked_s, track.missed = time_s, True
