"""Smoothing over time, in seconds: the same clip at 10 or 60 frames a second reads the same."""

import math
from collections.abc import Collection, Sequence

import numpy as np

from emotion_core.datatypes import FloatArray, IntArray

# Time constant at full strength. It grows with the square of the strength, so that the default of
# 0.5 means 0.25 s: a change of expression wins after 0.25 s × ln 2, well within 0.3 s.
SLOWEST_S = 1.0
# What the pages take for people who speak where more smoothing is wished: 0.81 s.
SPEAKING_STRENGTH = 0.9


def time_constant_s(strength: float) -> float:
    """Seconds after which a new expression makes up 63% of the shown value; 0 is raw."""
    return SLOWEST_S * strength * strength


class Smoother:
    """An exponential average of the probabilities of each identity.

    Not thread-safe; the pipeline that owns it serves one stream.

    Attributes:
        strength: 0 shows every raw value, 1 is the slowest.
        speaking_strength: of faces that speak; None: like the others.
    """

    def __init__(self, strength: float = 0.5, speaking_strength: float | None = None) -> None:
        self.strength = strength
        self.speaking_strength = speaking_strength
        self._states: dict[int, tuple[float, FloatArray]] = {}

    def update(
        self,
        track_ids: IntArray,
        probs: FloatArray,
        time_s: float,
        speaking: Sequence[int] = (),
    ) -> FloatArray:
        """Smooth one frame.

        Args:
            track_ids: (N,) identities of the rows.
            probs: (N, 7), each row sums to 1.
            time_s: time of the frame in seconds; a step back counts as no step.
            speaking: N, 1 where a face speaks; nothing where that is not known of any.

        Returns:
            (N, 7) float32, row-aligned; each row sums to 1. An identity seen first is unchanged.
        """
        smoothed = np.array(probs, dtype=np.float32)
        for row, track_id in enumerate(map(int, track_ids)):
            slower = self.speaking_strength if len(speaking) and speaking[row] == 1 else None
            tau = time_constant_s(self.strength if slower is None else slower)
            if track_id in self._states and tau > 0:
                then, before = self._states[track_id]
                weight = -math.expm1(-max(time_s - then, 0.0) / tau)
                smoothed[row] = before + np.float32(weight) * (smoothed[row] - before)
            self._states[track_id] = (time_s, smoothed[row].copy())
        return smoothed

    def last(self, track_id: int) -> FloatArray | None:
        """(7,) the newest smoothed probabilities of an identity; None if never seen."""
        state = self._states.get(track_id)
        return None if state is None else state[1]

    def keep(self, track_ids: Collection[int]) -> None:
        """Forget everybody else: memory stays flat on long videos."""
        for track_id in self._states.keys() - set(track_ids):
            del self._states[track_id]

    def reset(self) -> None:
        """Forget everybody."""
        self._states.clear()
