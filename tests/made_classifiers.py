"""Classifiers that need no network: what they say is known."""

import numpy as np

from emotion_core.datatypes import FloatArray
from emotion_core.labels import EXPRESSIONS


class Happy:
    """Finds everybody happy."""

    labels = EXPRESSIONS
    unsure_threshold = 0.5

    def logits(self, crops: FloatArray) -> FloatArray:
        return np.tile(np.array([0, 0, 0, 4, 0, 0, 0], np.float32), (len(crops), 1))

    def probabilities(self, logits: FloatArray) -> FloatArray:
        powers = np.exp(logits)
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


class FakeClassifier:
    """Reads brightness: the brighter a crop, the happier. Pure, so threads cannot disturb it."""

    labels = EXPRESSIONS
    unsure_threshold = 0.4

    def __init__(self) -> None:
        self.faces_read = 0

    def logits(self, crops: FloatArray, /) -> FloatArray:
        self.faces_read += len(crops)
        logits = np.zeros((len(crops), 7), np.float32)
        logits[:, 3] = crops.reshape(len(crops), -1).mean(axis=1) / 40
        return logits

    def probabilities(self, logits: FloatArray, /) -> FloatArray:
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)
