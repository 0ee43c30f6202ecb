"""What a network says of the faces of a frame, and whether they are faces that it knows."""

from typing import NamedTuple, Protocol

import numpy as np

from emotion_core.datatypes import BoolArray, FloatArray, QualityHint
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.classify import Classifier

Hints = tuple[tuple[QualityHint, ...], ...]


class ExpressionClassifier(Protocol):
    """What a pipeline needs of a network; shared by many pipelines, so its methods are thread-safe.

    Attributes:
        labels: the seven expressions in the order of the columns.
        unsure_threshold: a largest probability below it is unsure, 0 to 1.

    Examples:
        >>> import numpy as np
        >>> from emotion_core import EXPRESSIONS, Frame, Pipeline, PipelineSettings, sample_photo
        >>> class Undecided:
        ...     labels = EXPRESSIONS
        ...     unsure_threshold = 0.5
        ...     def logits(self, crops):
        ...         return np.zeros((len(crops), 7), np.float32)
        ...     def probabilities(self, logits):
        ...         return np.full_like(logits, 1 / 7)
        >>> pipeline = Pipeline(Undecided(), PipelineSettings.for_photo())
        >>> pipeline.process(Frame(sample_photo())).unsure
        array([ True])
    """

    @property
    def labels(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def unsure_threshold(self) -> float: ...  # noqa: D102

    def logits(self, crops: FloatArray, /) -> FloatArray:
        """(N, 48, 48, 1) float32 grey 0-255 to (N, 7) float32; N may be 0."""
        ...

    def probabilities(self, logits: FloatArray, /) -> FloatArray:
        """(N, 7) logits to (N, 7) float32 calibrated probabilities; each row sums to 1."""
        ...


class Classification(NamedTuple):
    """The answers to N crops.

    Attributes:
        probs: (N, 7) float32, calibrated; corrected where there is an adaptation.
        unusual: (N,) bool, unlike the faces that the network knows: covered, turned, upside down.
    """

    probs: FloatArray
    unusual: BoolArray


def classify(
    classifier: ExpressionClassifier, crops: FloatArray, adaptation: Adaptation | None
) -> Classification:
    """Ask the network. Skips inference when there are no faces.

    A classifier from outside does not tell what it does not know: none of its faces is unusual.

    Args:
        classifier: the network.
        crops: (N, 48, 48, 1) float32 grey, 0 to 255.
        adaptation: corrects its answers.
    """
    unusual = np.zeros(len(crops), np.bool_)
    if not len(crops):
        return Classification(np.empty((0, NUM_EXPRESSIONS), np.float32), unusual)
    if isinstance(classifier, Classifier):
        logits, activation, features = classifier.read(crops)
        # NaN, where it is not known, is not below anything.
        unusual = activation < classifier.unusual_below
    else:
        logits, features = classifier.logits(crops), None
    probs = classifier.probabilities(logits)
    if adaptation is not None:
        probs = adaptation.apply(probs, features)
    return Classification(probs, unusual)


def with_unusual(hints: Hints, unusual: BoolArray) -> Hints:
    """The hints of N faces, and that some of them are unusual."""
    return tuple(
        (*found, QualityHint.UNUSUAL) if odd else found
        for found, odd in zip(hints, unusual.tolist(), strict=True)
    )
