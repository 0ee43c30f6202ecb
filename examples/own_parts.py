"""Plug in your own detector and classifier: `python own_parts.py VIDEO`.

The detector is another of OpenCV's cascades. The classifier averages the two shipped networks.
Tracking, smoothing, the table and the clip stay those of the package.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from emotion_core import (
    EXPRESSIONS,
    Detections,
    KnownFaces,
    analyze_video,
    load_classifier,
)


class AltCascade:
    """Searches the whole of every frame with one cascade."""

    def __init__(self) -> None:
        file = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(file))

    def update(self, image_bgr: np.ndarray, time_s: float, known: KnownFaces) -> Detections:
        """The faces of one frame; a detector without scores gives each the same."""
        grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
        found = self._cascade.detectMultiScale(grey, 1.1, 4, minSize=(40, 40))
        boxes = [(x, y, x + width, y + height) for x, y, width, height in found]
        return Detections.of(boxes, np.ones(len(boxes)), known)

    def reset(self) -> None:
        """Nothing is kept from frame to frame."""

    def configure(self, settings: object) -> None:
        """This detector has no settings."""


class TwoNetworks:
    """The mean of two networks' probabilities."""

    labels = EXPRESSIONS
    unsure_threshold = 0.5

    def __init__(self) -> None:
        self._networks = [load_classifier("ferplus"), load_classifier("fer2013")]

    def logits(self, crops: np.ndarray) -> np.ndarray:
        """(N, 48, 48, 1) grey faces, 0-255, to (N, 7)."""
        probs = [network.probabilities(network.logits(crops)) for network in self._networks]
        return np.log(np.maximum(np.mean(probs, axis=0), 1e-9))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Each row sums to 1."""
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


if __name__ == "__main__":
    result = analyze_video(sys.argv[1], classifier=TwoNetworks(), detector=AltCascade())
    for person in result.people:
        print(f"person {person['track_id']}: {person['dominant']}, {person['seconds']:.1f} s")
