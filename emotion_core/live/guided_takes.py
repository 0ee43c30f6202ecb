"""Guided takes: each expression in turn, several times, from which an adaptation is fitted.

Every take has a moment to get ready and a moment to hold the expression; what the network says
while it is held becomes one labelled reading. Turns, not blocks: the takes of one expression are
spread over the whole time, so that leaving some out tells how the others carry over.
"""

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FrameResult
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.vision.boxes import area

TAKES: Final = 3
# Seconds before and while an expression is held: 21 takes last a minute and a half.
READY_S: Final = 1.7
HOLD_S: Final = 2.5
# A take of fewer readings is not used: the face was away, or the computer too slow.
LEAST_READINGS: Final = 3
_SMALLEST: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked for now.

    Attributes:
        expression: one of `EXPRESSIONS`.
        take: 1 for the first time that it is asked for.
        done: how many takes are over.
        of: how many there are.
        holding: False while there is time to get ready.
        left_s: seconds until the expression is held, or until it may go.
        readings: how often the face was read in this take.
    """

    expression: str
    take: int
    done: int
    of: int
    holding: bool
    left_s: float
    readings: int


class GuidedTakes:
    """The takes of one person. Safe to use from several threads.

    Args:
        start_s: when the first prompt begins, on the clock of the results' `time_s`.
        takes: how often each expression is asked for.
    """

    def __init__(self, start_s: float, takes: int = TAKES) -> None:
        self._lock = threading.Lock()
        self._prompts = [(k, take) for take in range(1, takes + 1) for k in range(NUM_EXPRESSIONS)]
        self._current, self._begun_s = 0, start_s
        # Per take: the sum of the log-probabilities, and how many there were.
        self._sums = np.zeros((len(self._prompts), NUM_EXPRESSIONS))
        self._counts = np.zeros(len(self._prompts), np.int64)

    def observe(self, result: FrameResult) -> None:
        """Take in the largest face of a frame, if an expression is being held.

        Args:
            result: its `raw_probs` are those of the network, with no correction.
        """
        seen = np.flatnonzero(~result.predicted)
        with self._lock:
            self._advance(result.time_s)
            over = self._current >= len(self._prompts)
            if over or not len(seen) or result.time_s - self._begun_s < READY_S:
                return
            largest = seen[int(np.argmax(area(result.boxes[seen])))]
            self._sums[self._current] += np.log(np.maximum(result.raw_probs[largest], _SMALLEST))
            self._counts[self._current] += 1

    def prompt(self, now_s: float) -> Prompt | None:
        """What to ask for; None when all takes are over."""
        with self._lock:
            self._advance(now_s)
            if self._current >= len(self._prompts):
                return None
            expression, take = self._prompts[self._current]
            spent_s = max(0.0, now_s - self._begun_s)
            holding = spent_s >= READY_S
            return Prompt(
                EXPRESSIONS[expression],
                take,
                self._current,
                len(self._prompts),
                holding,
                (READY_S + HOLD_S if holding else READY_S) - spent_s,
                int(self._counts[self._current]),
            )

    def skip(self, now_s: float) -> None:
        """Leave the present take out and go on to the next."""
        with self._lock:
            self._advance(now_s)
            if self._current < len(self._prompts):
                self._counts[self._current] = 0
                self._current, self._begun_s = self._current + 1, now_s

    def stop(self) -> None:
        """Ask for nothing more; the complete takes stay, the present one is left out."""
        with self._lock:
            if self._current < len(self._prompts):
                self._counts[self._current] = 0
            self._current = len(self._prompts)

    def taken(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Probabilities (N, 7), the geometric means of the takes, and the labels (N,)."""
        with self._lock:
            over = np.arange(len(self._prompts)) < self._current
            used = np.flatnonzero(over & (self._counts >= LEAST_READINGS))
            means = np.exp(self._sums[used] / self._counts[used, None])
            labels = np.array([self._prompts[i][0] for i in used], np.int64)
        return means / means.sum(axis=1, keepdims=True), labels

    def _advance(self, now_s: float) -> None:
        while self._current < len(self._prompts) and now_s - self._begun_s >= READY_S + HOLD_S:
            self._current += 1
            self._begun_s += READY_S + HOLD_S
