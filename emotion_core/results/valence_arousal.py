"""Valence and arousal, derived from the seven probabilities: not measured, and labelled so.

Each expression is one point in the plane of Russell (1980), "A circumplex model of affect",
Journal of Personality and Social Psychology 39(6), 1161-1178: the place of the nearest word in its
figure 4 (angry, annoyed, afraid, happy, sad, astonished), as digitised by
toftul/tg-howwasyourday-v2 and rounded to what a reader can measure there. Neutral is the origin.
Disgust is not among his words; it takes the place of annoyed. A face's point is the mean of the
seven, weighted by probability.
"""

from typing import Final

import numpy as np

from emotion_core.datatypes import FloatArray
from emotion_core.labels import EXPRESSIONS

# Expression → (valence, arousal), each -1 to 1.
POINTS: Final[dict[str, tuple[float, float]]] = {
    "angry": (-0.52, 0.58),
    "disgust": (-0.55, 0.41),
    "fear": (-0.34, 0.64),
    "happy": (0.83, 0.53),
    "neutral": (0.0, 0.0),
    "sad": (-0.65, -0.27),
    "surprise": (0.16, 0.89),
}
COORDINATES: Final[FloatArray] = np.array([POINTS[name] for name in EXPRESSIONS], np.float32)


def valence_arousal(probs: FloatArray) -> FloatArray:
    """Derived valence (unpleasant to pleasant) and arousal (sleepy to excited).

    Args:
        probs: (N, 7), each row sums to 1; N may be 0.

    Returns:
        (N, 2) float32, each -1 to 1.
    """
    rows = np.asarray(probs, np.float32).reshape(-1, len(EXPRESSIONS))
    return np.asarray(rows @ COORDINATES, np.float32)
