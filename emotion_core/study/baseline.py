"""Each participant's baseline, and readings relative to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from emotion_core.datatypes import BoolArray
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import SIGNALS, Baseline, Space, StudySettings

# The log-odds of 0 and 1 are infinite; probabilities are clipped to this range before they are
# taken, which limits them to -9.2 and 9.2.
LOWEST: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class ForBaseline:
    """What a recording contributes to the baseline of its participant.

    Attributes:
        values: (N, 9) signals in the order of `SIGNALS`, NaN where there is none.
        valid: (N,) bool, steps that count.
        resting: (N,) bool, steps in a baseline event.
    """

    values: Float64Array
    valid: BoolArray
    resting: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class BaselineLevel:
    """The level that is subtracted from a recording.

    Attributes:
        level: (9,) float64 in the settings' space; NaN where there is none.
        problem: what the user should know about it; "" if all is well.
    """

    level: Float64Array
    problem: str = ""


def to_space(values: Float64Array, space: Space) -> Float64Array:
    """Signals in the space in which the baseline is subtracted.

    Args:
        values: (N, 9) in the order of `SIGNALS`.
        space: LOGIT takes the natural log-odds of the seven probabilities, clipped to 0.0001 to
            0.9999; valence and arousal are not probabilities and stay as they are.
    """
    if space is Space.PROBABILITY:
        return values
    result = np.array(values)
    clipped = np.clip(values[:, :NUM_EXPRESSIONS], LOWEST, 1 - LOWEST)
    result[:, :NUM_EXPRESSIONS] = np.log(clipped) - np.log1p(-clipped)
    return result


def correct(values: Float64Array, level: Float64Array, space: Space) -> Float64Array:
    """(N, 9) signals minus a level of the same space; NaN where either is missing."""
    return to_space(values, space) - level


def levels(recordings: Sequence[ForBaseline], settings: StudySettings) -> list[BaselineLevel]:
    """The level of each of one participant's recordings.

    It is computed in the space in which it is subtracted, so that the corrected readings of the
    baseline itself have a mean (or a median) of 0.

    - EVENT: the mean of the valid steps in the recording's own baseline events; without any, the
      mean over those of the participant's other recordings.
    - START: the mean of the first valid steps, `baseline_s` seconds in all.
    - MEDIAN: the median of all valid steps of all recordings of the participant.
    """
    match settings.baseline:
        case Baseline.NONE:
            return [BaselineLevel(_missing()) for _ in recordings]
        case Baseline.START:
            return [_start(recording, settings) for recording in recordings]
        case Baseline.EVENT:
            return _events(recordings, settings)
        case Baseline.MEDIAN:
            pooled = _pooled([r.values[r.valid] for r in recordings], settings.space)
            level = np.median(pooled, axis=0) if len(pooled) else _missing()
            problem = "" if len(pooled) else "There is no baseline: no reading is valid."
            return [BaselineLevel(level, problem) for _ in recordings]


def _missing() -> Float64Array:
    return np.full(len(SIGNALS), np.nan)


def _pooled(pieces: Sequence[Float64Array], space: Space) -> Float64Array:
    empty = np.empty((0, len(SIGNALS)))
    return to_space(np.concatenate([empty, *pieces]), space)


def _start(recording: ForBaseline, settings: StudySettings) -> BaselineLevel:
    wanted = max(1, round(settings.baseline_s * settings.rate_hz))
    steps = np.flatnonzero(recording.valid)[:wanted]
    if not len(steps):
        return BaselineLevel(_missing(), "There is no baseline: no reading is valid.")
    problem = ""
    if len(steps) < wanted:
        problem = (
            f"The baseline is to be {settings.baseline_s:g} s long, but only "
            f"{len(steps) / settings.rate_hz:g} s are valid; these were used."
        )
    return BaselineLevel(to_space(recording.values[steps], settings.space).mean(axis=0), problem)


def _events(recordings: Sequence[ForBaseline], settings: StudySettings) -> list[BaselineLevel]:
    resting = [r.values[r.valid & r.resting] for r in recordings]
    pooled = _pooled(resting, settings.space)
    found = []
    for own in resting:
        if len(own):
            found.append(BaselineLevel(to_space(own, settings.space).mean(axis=0)))
        elif len(pooled):
            found.append(BaselineLevel(pooled.mean(axis=0)))
        else:
            found.append(
                BaselineLevel(
                    _missing(),
                    "There is no baseline: no reading of this participant is valid during an "
                    "event of the kind baseline. Add such an event, or choose another baseline.",
                )
            )
    return found
