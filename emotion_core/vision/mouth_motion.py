"""Whether a mouth opens and closes in the rhythm of speech, from the crops of one face.

Each crop is laid over the face's running mean (shift, size, rotation and light, fitted on eyes,
nose and cheeks alone) and kept as coarse cells. Over the last second or so, the mouth's cells are
reduced to the one pattern that varies most, opening against closing as a rule, and its turning
points are counted. Only swings count that are several times as large as what moves in the rest of
the face at the same time: a smile that comes or goes has no turning point, and a nodding head,
flickering light or noise move all of the face. The rhythm of syllables is that of Chandrasekaran et
al. (2009), The natural statistics of audiovisual speech: mouths move at 2 to 7 Hz. The other values
were chosen on made clips; `benchmarks/speaking.py` measures what they are worth.
"""

import math
from collections.abc import Collection
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, IntArray
from emotion_core.vision.crop import CROP_SIDE

NOT_SPEAKING, SPEAKING, UNKNOWN = 0, 1, -1

# Slower streams, in seconds between two frames, do not show the rhythm; a little slack for clocks.
LONGEST_STEP_S: Final = 1 / 8 + 0.003
# Of faster ones so many seconds lie between two frames that are looked at.
SHORTEST_STEP_S: Final = 1 / 42
# How far back is looked, how much of it must have been seen, and how often that is decided anew.
WINDOW_S: Final = 1.2
SEEN_S: Final = 0.8
DECIDE_EVERY_S: Final = 0.095
# A face unseen for longer begins anew.
LONGEST_GAP_S: Final = 0.4
# A swing of the mouth counts from this on, in standard deviations of the face's grey levels, and
# from so many times the movement of the rest of the face on.
LEAST_SWING: Final = 0.06
SWING_TO_REST: Final = 3.0
# Turning points in the window: speech begins with so many, twice in a row, and ends with fewer than
# these of smaller swings. More cannot be syllables.
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
# Steps towards the pattern that varies most.
_STEPS: Final = 6
# The part of the crop that is laid over the mean: no mouth, no background.
_FITTED: Final = np.s_[6:31, 8:40]
_FITS: Final = 2
# Share of the newest crop in the running mean, and after how many crops the fit follows it.
_NEW_SHARE: Final = 0.05
_REFIT_EVERY: Final = 16
_CENTRE: Final = (CROP_SIDE - 1) / 2


_AXIS: Final = np.arange(CROP_SIDE, dtype=np.float32) - np.float32(_CENTRE)
_Y, _X = np.meshgrid(_AXIS, _AXIS, indexing="ij")
_ONES: Final = np.ones((CROP_SIDE, CROP_SIDE), np.float32)


class _Register:
    """Lays crops over the running mean of a face: the method of Lucas and Kanade in its inverse
    form (Baker and Matthews 2004), with gain and offset of the light.

    Attributes:
        spread: standard deviation of the mean face's grey levels.
    """

    def __init__(self, crop: FloatArray) -> None:
        self.spread = 1.0
        self._mean = crop
        self._level = 0.0
        self._solve: FloatArray | None = None
        self._since = 0

    def _fit(self) -> FloatArray:
        """(6, K) float32: from differences to the mean to shift, growth, turn, gain and offset."""
        mean = self._mean
        self.spread = max(float(mean[_FITTED].std()), 1.0)
        self._level = float(mean[_FITTED].mean())
        gx = cv2.Sobel(mean, cv2.CV_32F, 1, 0, scale=1 / 8)
        gy = cv2.Sobel(mean, cv2.CV_32F, 0, 1, scale=1 / 8)
        changes = (gx, gy, gx * _X + gy * _Y, gy * _X - gx * _Y, mean - self._level, _ONES)
        jacobian = np.stack([change[_FITTED].ravel() for change in changes], 1)
        # A flat picture has no gradient: the diagonal keeps it where it is.
        normal = jacobian.T @ jacobian + np.eye(6, dtype=np.float32)
        return np.linalg.solve(normal, jacobian.T).astype(np.float32)

    def cells(self, crop: FloatArray) -> FloatArray:
        """(12, 12) float32 grey levels: means of parts of a crop laid over the mean."""
        if self._solve is None or self._since >= _REFIT_EVERY:
            self._solve, self._since = self._fit(), 0
        mean = self._mean[_FITTED].ravel()
        delta = self._solve @ (crop[_FITTED].ravel() - mean)
        moved, turn, shift = crop, 1 + 0j, 0j
        for _ in range(_FITS):
            dx, dy, growth, angle = delta[:4].tolist()
            turn /= complex(1 + growth, angle)
            shift -= turn * complex(dx, dy)
            moved = _moved(crop, turn, shift)
            delta = self._solve @ (moved[_FITTED].ravel() - mean)
        gain, offset = max(1 + float(delta[4]), 0.2), float(delta[5])
        steady = (moved - np.float32(self._level + offset)) / np.float32(gain)
        steady += np.float32(self._level)
        self._mean = self._mean + np.float32(_NEW_SHARE) * (steady - self._mean)
        self._since += 1
        return np.asarray(cv2.resize(steady, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))


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
        self._pending = 0

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
            self.state, self._pending = UNKNOWN, 0
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
        step_s = float(np.median(np.diff(self._times)))
        if step_s > LONGEST_STEP_S:
            self.state, self._pending = UNKNOWN, 0
            return
        assert self._register is not None
        cells = np.array(self._cells) / np.float32(self._register.spread)
        openness, rest = mouth_trace(cells, max(3, round(_SLOW_S / step_s)))
        swing = max(LEAST_SWING, SWING_TO_REST * rest)
        if self.state == SPEAKING:
            speaks = turning_points(openness, SMALLER * swing) >= TURNS_GO_ON
        else:
            speaks = TURNS_BEGIN <= turning_points(openness, swing) <= TURNS_MOST
        if self.state == UNKNOWN:
            self.state = NOT_SPEAKING
        # Twice in a row: one odd frame says nothing.
        self._pending = self._pending + 1 if speaks != (self.state == SPEAKING) else 0
        if self._pending >= 2:
            self.state, self._pending = (SPEAKING if speaks else NOT_SPEAKING), 0


class SpeechDetector:
    """Who of a stream's faces speaks, by the movement of the mouths alone.

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
        return [
            self._faces.setdefault(number, MouthMotion()).update(crop[:, :, 0], time_s)
            for number, crop in zip(numbers.tolist(), crops, strict=True)
        ]

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
        slow: changes over more than so many frames are no movement.

    Returns:
        (T,) float32, root mean square over the mouth's cells, with a sign; and the root mean square
        of the quick changes in the cells of the upper face.
    """
    count = len(cells)
    flat = (cells - cells.mean(axis=0)).reshape(count, -1)
    sums = np.concatenate([np.zeros((1, flat.shape[1]), np.float32), np.cumsum(flat, axis=0)])
    place = np.arange(count)
    first, last = np.maximum(place - slow // 2, 0), np.minimum(place + slow // 2 + 1, count)
    quick = flat - (sums[last] - sums[first]) / (last - first).astype(np.float32)[:, None]
    quick = quick.reshape(cells.shape)
    rest = float(np.sqrt(np.square(quick[_REST]).mean()))
    mouth = quick[_MOUTH].reshape(count, -1)
    strength = np.square(mouth).sum(axis=1)
    pattern = mouth[int(strength.argmax())]
    for _ in range(_STEPS):
        pattern = (mouth @ pattern) @ mouth
        pattern = pattern / max(float(np.linalg.norm(pattern)), 1e-9)
    trace = flat.reshape(cells.shape)[_MOUTH].reshape(count, -1) @ pattern
    return np.asarray(trace / np.float32(math.sqrt(mouth.shape[1])), np.float32), rest


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
