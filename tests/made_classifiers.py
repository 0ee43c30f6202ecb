"""Classifiers that need no network: what they say is known."""

import numpy as np

from emotion_core.labels import EXPRESSIONS


class Happy:
    """Finds everybody happy."""

    labels = EXPRESSIONS
    unsure_threshold = 0.5

    def logits(self, crops):
        return np.tile(np.array([0, 0, 0, 4, 0, 0, 0], np.float32), (len(crops), 1))

    def probabilities(self, logits):
        powers = np.exp(logits)
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
