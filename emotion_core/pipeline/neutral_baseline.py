"""Neutral calibration: a person's own resting expression becomes the zero of their readings.

A resting face that a network calls sad stays sad in every frame. Over some seconds of rest the mean
of the logits is measured; from then on that mean is subtracted and the reading of a plain neutral
face put in its place, in logit space, for that identity only.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray, IntArray
from emotion_core.labels import NEUTRAL_INDEX, NUM_EXPRESSIONS
from emotion_core.model.calibrate import centred_logits

# What a resting face shall read after calibration: this much neutral, the rest shared equally.
REST_NEUTRAL: Final = 0.8
# A rest measured on fewer frames says little.
LEAST_FRAMES: Final = 5
# A pause between two frames counts at most this long: a covered camera does not count as rest.
LONGEST_STEP_S: Final = 0.2


@dataclass(slots=True)
class _Rest:
    """A measurement under way: the sum of logits over the seconds that a face was seen."""

    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_EXPRESSIONS))
    frames: int = 0
    seconds: float = 0.0
    last_s: float = math.nan


class NeutralCalibration:
    """Baselines of the identities of one stream. Not thread-safe; its pipeline holds the lock."""

    def __init__(self) -> None:
        self.seconds = 3.0
        self._baselines: dict[int, FloatArray] = {}
        self._resting: dict[int, _Rest] = {}
        self._wanted: set[int] | None = set()

    def start(self, track_ids: set[int] | None = None, seconds: float = 3.0) -> None:
        """Measure the rest of these identities, None: of everybody seen, over some seconds."""
        self.seconds = seconds
        self._resting = {}
        self._wanted = None if track_ids is None else set(track_ids)

    def clear(self, track_id: int | None = None) -> None:
        """Forget one baseline, None: all, and stop measuring."""
        if track_id is None:
            self._baselines, self._resting, self._wanted = {}, {}, set()
            return
        self._baselines.pop(track_id, None)
        self._resting.pop(track_id, None)
        if self._wanted is not None:
            self._wanted.discard(track_id)

    @property
    def baselines(self) -> dict[int, FloatArray]:
        """Identity → (7,) mean logits at rest."""
        return dict(self._baselines)

    @property
    def progress(self) -> dict[int, float]:
        """Identity → share of the measurement done, 0 to 1, of those being measured."""
        return {i: min(1.0, rest.seconds / self.seconds) for i, rest in self._resting.items()}

    def observe(self, track_ids: IntArray, probs: FloatArray, time_s: float) -> None:
        """Add one frame's readings to the measurements under way.

        Args:
            track_ids: (N,) identities seen in this frame.
            probs: (N, 7) calibrated probabilities before any baseline is subtracted.
            time_s: time of the frame in seconds.
        """
        if self._wanted == set():
            return
        for track_id, row in zip(map(int, track_ids), centred_logits(probs), strict=True):
            if self._wanted is not None and track_id not in self._wanted:
                continue
            rest = self._resting.setdefault(track_id, _Rest())
            if rest.frames:
                rest.seconds += min(max(time_s - rest.last_s, 0.0), LONGEST_STEP_S)
            rest.total += row
            rest.frames += 1
            rest.last_s = time_s
            if rest.seconds >= self.seconds and rest.frames >= LEAST_FRAMES:
                self._finish(track_id, rest)

    def keep(self, track_ids: Collection[int]) -> None:
        """Stop measuring everybody else: a person who has left returns under a new identity."""
        gone = self._resting.keys() - set(track_ids)
        for track_id in gone:
            del self._resting[track_id]
        if self._wanted is not None:
            self._wanted -= gone
        elif gone and not self._resting:
            # All who were asked to rest have left; people who come later were not asked.
            self._wanted = set()

    def _finish(self, track_id: int, rest: _Rest) -> None:
        self._baselines[track_id] = (rest.total / rest.frames).astype(np.float32)
        if self._wanted is None:
            # Everybody who is being measured continues; people who come later are not included.
            self._wanted = set(self._resting)
        self._wanted.discard(track_id)
        del self._resting[track_id]

    def apply(self, track_ids: IntArray, probs: FloatArray) -> FloatArray:
        """Probabilities (N, 7) with each identity's rest moved to neutral.

        Rows of identities without a baseline come back as they were.
        """
        moved = np.array(probs, np.float32)
        for row, track_id in enumerate(map(int, track_ids)):
            baseline = self._baselines.get(track_id)
            if baseline is not None:
                logits = centred_logits(moved[row]) - baseline + REST_LOGITS
                odds = np.exp(logits - logits.max())
                moved[row] = odds / odds.sum()
        return moved


def _rest_logits() -> FloatArray:
    probs = np.full(NUM_EXPRESSIONS, (1 - REST_NEUTRAL) / (NUM_EXPRESSIONS - 1), np.float32)
    probs[NEUTRAL_INDEX] = REST_NEUTRAL
    return centred_logits(probs)


REST_LOGITS: Final[FloatArray] = _rest_logits()
