"""Valence and arousal, derived from the seven probabilities: not measured, and labelled so.

Each expression stands at one point of the plane of Russell (1980), "A circumplex model of affect",
Journal of Personality and Social Psychology 39(6), 1161-1178; the circle's angles for its words are
happy 7.8°, astonished 69.8°, angry 99.0°, afraid 116.0°, annoyed 123.0°, sad 207.5°. Neutral is the
origin. Disgust is no word of his; it takes the place of annoyed. A face's point is the mean of the
seven, weighted by probability.
"""

import math
from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray
from emotion_core.labels import EXPRESSIONS

ANGLES_DEG: Final[dict[str, float | None]] = {
    "angry": 99.0,
    "disgust": 123.0,
    "fear": 116.0,
    "happy": 7.8,
    "neutral": None,
    "sad": 207.5,
    "surprise": 69.8,
}


def _point(angle_deg: float | None) -> tuple[float, float]:
    if angle_deg is None:
        return 0.0, 0.0
    angle = math.radians(angle_deg)
    return math.cos(angle), math.sin(angle)


# (7, 2): valence and arousal of each expression, -1 to 1.
COORDINATES: Final[FloatArray] = np.array([_point(ANGLES_DEG[e]) for e in EXPRESSIONS], np.float32)


def valence_arousal(probs: FloatArray) -> FloatArray:
    """Derived valence (unpleasant to pleasant) and arousal (sleepy to excited).

    Args:
        probs: (N, 7), each row sums to 1; N may be 0.

    Returns:
        (N, 2) float32, each -1 to 1.
    """
    return np.asarray(np.asarray(probs, np.float32).reshape(-1, 7) @ COORDINATES, np.float32)
