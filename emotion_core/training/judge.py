"""How good the network is after an epoch: on validation and on faces of other origin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.evaluation.other_faces import mean_scores
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.calibrate import centred_logits, fit_temperature, softmax

if TYPE_CHECKING:
    from emotion_core.datasets.other_faces import FaceSet


class Judge:
    """Scores a network on the validation images that carry a label, and on other faces."""

    def __init__(
        self,
        inputs: NDArray[np.float32],
        labels: NDArray[np.int8],
        others: Sequence[FaceSet] = (),
    ) -> None:
        self._inputs, self._labels = inputs[labels >= 0], labels[labels >= 0].astype(np.int64)
        self._others = others

    def __call__(self, network: keras.Model, with_others: bool = True) -> dict[str, float]:
        """val_loss, val_accuracy, val_macro_f1; with other faces cross_score and cross_ece, too.

        Asking about them takes as long as asking about as many validation faces. The calibration
        error is that after the temperature that validation gives, as it will be served.
        """
        probs = _answers(network, self._inputs)
        guess = probs.argmax(axis=1)
        table = confusion_matrix(self._labels, guess, NUM_EXPRESSIONS)
        likely = np.clip(probs[np.arange(len(guess)), self._labels], 1e-7, 1)
        scores = {
            "val_loss": float(-np.log(likely).mean()),
            "val_accuracy": float((guess == self._labels).mean()),
            "val_macro_f1": float(macro_f1(table)),
        }
        if self._others and with_others:
            temperature = fit_temperature(centred_logits(probs), self._labels)
            answers = []
            for faces in self._others:
                said = _answers(network, faces.images[..., None].astype(np.float32))
                answers.append(softmax(centred_logits(said), temperature))
            recall, error = mean_scores(answers, self._others)
            scores |= {"cross_score": recall, "cross_ece": error}
        return scores


def _answers(network: keras.Model, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 7) of the served head."""
    answers = network.predict(inputs, 256, verbose=0)
    first = answers[0] if isinstance(answers, list | tuple) else answers
    return np.asarray(keras.ops.convert_to_numpy(first), np.float32)


def total_score(scores: dict[str, float], weight: float) -> float:
    """What decides which epoch is kept.

    The mean of accuracy and macro-F1 on validation: accuracy by itself neglects the rare
    expressions, and macro-F1 follows their noise. Where other faces were measured, `weight` of it
    is the cross-data-set score.
    """
    own = (scores["val_accuracy"] + scores["val_macro_f1"]) / 2
    if "cross_score" not in scores:
        return own
    return (1 - weight) * own + weight * scores["cross_score"]
