"""Whether a mouth opens and closes in the rhythm of speech, from the crops of one face.

Each crop is laid over the face's running mean (shift, size, rotation and light, fitted on eyes,
nose and cheeks only) and kept as coarse cells. Over the last second or so, the mouth's cells are
reduced to the one pattern that varies most, opening against closing as a rule, and its turning
points are counted. Only swings count that are several times as large as what moves in the rest of
the face at the same time: a smile that comes or goes has no turning point, and a nodding head,
flickering light or noise move all of the face. The rhythm of syllables is that of Chandrasekaran et
al. (2009), The natural statistics of audiovisual speech: mouths move at 2 to 7 Hz. The other values
were chosen on made clips; `benchmarks/speaking.py` measures what they are worth.
"""

import math
import statistics
from collections.abc import Collection
from functools import lru_cache
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, IntArray
from emotion_core.vision.crop import CROP_SIDE

NOT_SPEAKING, SPEAKING, UNKNOWN = 0, 1, -1

# Slower streams, in seconds between two frames, do not show the rhythm; a little slack for clocks.
LONGEST_STEP_S: Final = 1 / 8 + 0.003
# Of faster ones, frames that are looked at are at least so many seconds apart: at 30 frames a
# second every other one, which shows the rhythm as well and takes half the time.
SHORTEST_STEP_S: Final = 1 / 23
# How far back is looked, how much of it must have been seen, and how often that is decided again.
WINDOW_S: Final = 1.2
SEEN_S: Final = 0.8
DECIDE_EVERY_S: Final = 0.19
# A face unseen for longer is a new one.
LONGEST_GAP_S: Final = 0.4
# A swing of the mouth counts from this on, in standard deviations of the face's grey levels, and
# from so many times the movement of the rest of the face on.
LEAST_SWING: Final = 0.06
SWING_TO_REST: Final = 3.0
# Turning points in the window: speech begins with so many, and ends with fewer than these of
# smaller swings. More cannot be syllables.
TURNS_BEGIN: Final = 4
TURNS_GO_ON: Final = 3
SMALLER: Final = 0.8
TURNS_MOST: Final = 20
# Slower changes than this many seconds are taken out when it is asked what moves.
_SLOW_S: Final = 0.5

_SIDE: Final = 12
# Of (N, 12, 12) cells: the mouth, and the face from the forehead to the upper lip. The lowest row
# is left out: where a box jitters, the crop ends there now and then.
_MOUTH: Final = np.s_[:, 8:11, 3:9]
_REST: Final = np.s_[:, 1:7, 2:10]
# The pattern that varies most is found by squaring so often: the 16th power is clear enough.
_SQUARES: Final = 4
# The part of the crop that is laid over the mean: no mouth, no background.
_FITTED: Final = np.s_[6:31, 8:40]
# The same with a pixel around it, for the gradients, and what is inside of that.
_AROUND: Final = np.s_[5:32, 7:41]
_INSIDE: Final = np.s_[1:-1, 1:-1]
_FITS: Final = 2
# Share of the newest crop in the running mean, and after how many crops the fit follows it.
_NEW_SHARE: Final = 0.05
_REFIT_EVERY: Final = 40
# The running mean has forgotten the first crops, to 1%, after so many.
SETTLED_CROPS: Final = math.ceil(math.log(100) / _NEW_SHARE)
_CENTRE: Final = (CROP_SIDE - 1) / 2


_AXIS: Final = np.arange(CROP_SIDE, dtype=np.float32) - np.float32(_CENTRE)
_Y, _X = (place[_FITTED] for place in np.meshgrid(_AXIS, _AXIS, indexing="ij"))
_ONES: Final = np.ones_like(_X)


class _Register:
    """Lays crops over the running mean of a face: the method of Lucas and Kanade in its inverse
    form (Baker and Matthews 2004), with gain and offset of the light.

    Attributes:
        spread: standard deviation of the mean face's grey levels.
    """

    def __init__(self, crop: FloatArray) -> None:
        self.spread = 1.0
        self._mean = crop[_AROUND]
        self._level = 0.0
        self._solve: FloatArray | None = None
        self._since = 0

    def _fit(self) -> FloatArray:
        """(6, K) float32: from differences to the mean to shift, growth, turn, gain and offset."""
        mean = self._mean
        self.spread = max(float(mean[_INSIDE].std()), 1.0)
        self._level = float(mean[_INSIDE].mean())
        gx = cv2.Sobel(mean, cv2.CV_32F, 1, 0, scale=1 / 8)
        gy = cv2.Sobel(mean, cv2.CV_32F, 0, 1, scale=1 / 8)
        gx, gy, light = gx[_INSIDE], gy[_INSIDE], mean[_INSIDE] - self._level
        changes = np.array((gx, gy, gx * _X + gy * _Y, gy * _X - gx * _Y, light, _ONES))
        changes = changes.reshape(6, -1)
        # A flat picture has no gradient: the diagonal keeps it where it is.
        normal = (changes @ changes.T).astype(np.float64) + np.eye(6)
        return np.linalg.inv(normal).astype(np.float32) @ changes

    def cells(self, crop: FloatArray) -> FloatArray:
        """(12, 12) float32 grey levels: means of parts of a crop laid over the mean."""
        if self._solve is None or self._since >= _REFIT_EVERY:
            self._solve, self._since = self._fit(), 0
        mean = self._mean[_INSIDE].ravel()
        delta = self._solve @ (crop[_FITTED].ravel() - mean)
        moved, turn, shift = crop, 1 + 0j, 0j
        for _ in range(_FITS):
            dx, dy, growth, angle = delta[:4].tolist()
            turn /= complex(1 + growth, angle)
            shift -= turn * complex(dx, dy)
            moved = _moved(crop, turn, shift)
            delta = self._solve @ (moved[_FITTED].ravel() - mean)
        gain, level = np.float32(max(1 + float(delta[4]), 0.2)), np.float32(self._level)
        drop = level + delta[5]
        self._mean = self._mean + np.float32(_NEW_SHARE) * (
            (moved[_AROUND] - drop) / gain + level - self._mean
        )
        self._since += 1
        small = cv2.resize(moved, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray((small - drop) / gain + level, np.float32)


def _moved(crop: FloatArray, turn: complex, shift: complex) -> FloatArray:
    """The crop, each pixel taken from `turn` times its place, from the middle on, plus `shift`."""
    x = shift.real + _CENTRE * (1 - turn.real + turn.imag)
    y = shift.imag + _CENTRE * (1 - turn.real - turn.imag)
    warped = cv2.warpAffine(
        crop,
        np.array([[turn.real, -turn.imag, x], [turn.imag, turn.real, y]]),
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.float32)


class MouthMotion:
    """What one face's mouth did in the last second.

    Attributes:
        state: SPEAKING (1), NOT_SPEAKING (0), or UNKNOWN (-1): seen too shortly so far, or fewer
            than eight times a second.
    """

    def __init__(self) -> None:
        self.state = UNKNOWN
        self._register: _Register | None = None
        self._newest_s = self._decided_s = -math.inf
        self._times: list[float] = []
        self._cells: list[FloatArray] = []

    def update(self, crop: FloatArray, time_s: float) -> int:
        """Take in the crop of the next frame.

        Args:
            crop: (48, 48) float32 grey, 0 to 255, as the network is shown.
            time_s: seconds, not decreasing.

        Returns:
            The new `state`.
        """
        since = time_s - self._newest_s
        if since < SHORTEST_STEP_S:
            return self.state
        self._newest_s = time_s
        if since > LONGEST_GAP_S:
            self._times.clear()
            self._cells.clear()
            self.state = UNKNOWN
        soft = cv2.GaussianBlur(crop, (0, 0), 1.0).astype(np.float32, copy=False)
        if self._register is None:
            # A photo has no second frame: nothing more is done for it.
            self._register = _Register(soft)
            return self.state
        self._times.append(time_s)
        self._cells.append(self._register.cells(soft))
        while self._times[0] < time_s - WINDOW_S:
            del self._times[0], self._cells[0]
        if time_s - self._decided_s >= DECIDE_EVERY_S:
            self._decided_s = time_s
            self._decide()
        return self.state

    def _decide(self) -> None:
        seen_s = self._times[-1] - self._times[0]
        if seen_s < SEEN_S:
            return
        step_s = statistics.median_low(b - a for a, b in pairwise(self._times))
        if step_s > LONGEST_STEP_S:
            self.state = UNKNOWN
            return
        assert self._register is not None
        cells = np.array(self._cells) / np.float32(self._register.spread)
        openness, rest = mouth_trace(cells, max(3, round(_SLOW_S / step_s)))
        swing = max(LEAST_SWING, SWING_TO_REST * rest)
        if self.state == SPEAKING:
            speaks = turning_points(openness, SMALLER * swing) >= TURNS_GO_ON
        else:
            speaks = TURNS_BEGIN <= turning_points(openness, swing) <= TURNS_MOST
        self.state = SPEAKING if speaks else NOT_SPEAKING


class SpeechDetector:
    """Who of a stream's faces speaks, by the movement of the mouths only.

    Not thread-safe; the pipeline that owns it serves one stream.
    """

    def __init__(self) -> None:
        self._faces: dict[int, MouthMotion] = {}

    def update(self, numbers: IntArray, crops: FloatArray, time_s: float) -> list[int]:
        """Take in the faces seen in a frame.

        Args:
            numbers: (N,) of their tracks.
            crops: (N, 48, 48, 1) float32 grey, 0 to 255.
            time_s: seconds, not decreasing.

        Returns:
            N states: SPEAKING, NOT_SPEAKING or UNKNOWN.
        """
        states = []
        for number, crop in zip(numbers.tolist(), crops, strict=True):
            if number not in self._faces:
                self._faces[number] = MouthMotion()
            states.append(self._faces[number].update(crop[:, :, 0], time_s))
        return states

    def keep(self, numbers: Collection[int]) -> None:
        """Forget all other faces."""
        for number in self._faces.keys() - set(numbers):
            del self._faces[number]

    def reset(self) -> None:
        """Forget all faces."""
        self._faces.clear()


def mouth_trace(cells: FloatArray, slow: int) -> tuple[FloatArray, float]:
    """How far the mouth is along the pattern that varies most, and what else moves.

    Args:
        cells: (T, 12, 12) of a face that holds still, in standard deviations of its grey levels.
        slow: changes over more than so many frames do not count as movement.

    Returns:
        (T,) float32, root mean square over the mouth's cells, with a sign; and the root mean square
        of the quick changes in the cells of the upper face.
    """
    count = len(cells)
    mouth, rest = (cells[part].reshape(count, -1) for part in (_MOUTH, _REST))
    quick = _quick_part(count, slow)
    moves = quick @ mouth
    power = moves.T @ moves
    for _ in range(_SQUARES):
        power = power / max(float(power.trace()), 1e-9)
        power = power @ power
    # Each column is nearly along the pattern by now; the longest is the most exact.
    pattern = power[:, int(power.diagonal().argmax())]
    trace = mouth @ (pattern / max(float(np.linalg.norm(pattern)), 1e-9))
    size = np.float32(math.sqrt(mouth.shape[1]))
    return np.asarray((trace - trace[0]) / size, np.float32), _rms(quick @ rest)


def _rms(values: FloatArray) -> float:
    flat = values.ravel()
    return math.sqrt(float(flat @ flat) / len(flat))


@lru_cache(maxsize=128)
def _quick_part(count: int, slow: int) -> FloatArray:
    """(count, count) float32: takes from each row the mean of the `slow` rows around it."""
    place = np.arange(count)
    near = np.abs(place[:, None] - place) <= slow // 2
    return np.asarray(np.eye(count) - near / near.sum(axis=1, keepdims=True), np.float32)


def turning_points(trace: FloatArray, swing: float) -> int:
    """How often a curve turns round, counting only ways of more than `swing` between two turns."""
    turns = direction = 0
    low = high = float(trace[0])
    for value in trace.tolist():
        low, high = min(low, value), max(high, value)
        if direction <= 0 and value - low > swing:
            turns, direction, high = turns + (direction != 0), 1, value
        elif direction >= 0 and high - value > swing:
            turns, direction, low = turns + (direction != 0), -1, value
    return turns
