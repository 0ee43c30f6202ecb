"""Adaptation: a small correction on top of a frozen network, learnt from a few labelled faces.

Networks differ less from each other than label sets do: what people call angry, sad or neutral, and
how often, changes from one collection of faces to the next. An adaptation changes the answer and
not the network. With the log-probabilities l of a face, centred over the seven expressions,

    adapted logits = exp(log_scale) * l + l @ mixing + offsets

where few labelled faces of the new kind determine 7 + 49 + 1 numbers under strong priors
(`evaluation.adaptation_fit`). It needs only the network's probabilities, not its inside. Special
cases: offsets alone change the prior (Saerens et al. 2002, Neural Computation 14(1), 21-41), and
`log_scale` alone is temperature scaling (Guo et al. 2017, arXiv 1706.04599).

Where the faces it was made from can be told from others, by their looks or by the grain of the
picture, a face gets as much of the adaptation as it is like them (`model.likeness`): other faces
are left as the network reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_core.config import check_range
from emotion_core.datatypes import FloatArray
from emotion_core.errors import SettingsError
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.model.calibrate import centred_logits, softmax
from emotion_core.model.likeness import Likeness

MOST_LOGIT = 50.0
# A share of 0 would rule an expression out, whatever a face shows.
LEAST_SHARE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Adaptation:
    """A correction of a network's answers.

    Attributes:
        name: under which it is chosen.
        model: name and sha256 of the network that it was made for.
        offsets: (7,) float64, added to the logits.
        mixing: (7, 7) float64; row i says what the log-odds of expression i add to the others.
        log_scale: logarithm of the factor on the network's own logits; 0 leaves them as they are.
        strength: how much of it is applied unless something else is asked for, from 0 (nothing) to
            1 (all); chosen by cross-validation when it was made.
        prior: (7,) shares that sum to 1: how often each expression is expected. None: all alike, as
            adaptations are fitted to faces that count the same for each expression.
        likeness: how much of it suits a face; None: the same for all.
        record: how it was made and what it brings, as `make_adaptation` writes it.
    """

    name: str
    model: Mapping[str, str]
    offsets: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_EXPRESSIONS))
    mixing: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((NUM_EXPRESSIONS, NUM_EXPRESSIONS))
    )
    log_scale: float = 0.0
    strength: float = 1.0
    prior: NDArray[np.float64] | None = None
    likeness: Likeness | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("log_scale", self.log_scale, -5.0, 5.0)
        for name, values, shape in (
            ("offsets", self.offsets, (NUM_EXPRESSIONS,)),
            ("mixing", self.mixing, (NUM_EXPRESSIONS, NUM_EXPRESSIONS)),
        ):
            if values.shape != shape or not (np.abs(values) <= MOST_LOGIT).all():
                raise SettingsError(f"{name} must be {shape} numbers of at most {MOST_LOGIT:g}.")
        if self.prior is not None:
            check_prior(self.prior)

    def with_strength(self, strength: float | None) -> Adaptation:
        """The same with another strength, 0 to 1; None keeps its own.

        Raises:
            SettingsError: the strength lies outside 0 to 1.
        """
        return self if strength is None else replace(self, strength=strength)

    def logits(self, probs: FloatArray, features: FloatArray | None = None) -> FloatArray:
        """(N, 7) float32 adapted logits; arguments as in `apply`."""
        logits = centred_logits(probs).astype(np.float64)
        return self.corrected(logits, features).astype(np.float32)

    def corrected(
        self, logits: NDArray[np.float64], features: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """(N, 7) adapted logits of centred logits (N, 7); `features` as in `apply`."""
        change = (np.exp(self.log_scale) - 1) * logits + logits @ self.mixing + self.offsets
        if self.prior is not None:
            change = change + np.log(np.maximum(self.prior, LEAST_SHARE))
        if self.likeness is not None and features is not None:
            change = change * self.likeness.shares(features)[:, None]
        return np.asarray(logits + self.strength * change)

    def apply(self, probs: FloatArray, features: FloatArray | None = None) -> FloatArray:
        """Adapted probabilities.

        Args:
            probs: (N, 7) float32 calibrated probabilities, each row sums to 1; N may be 0.
            features: (N, F) float32 of the same faces, as `Classifier.read` gives them. Without
                them every face gets the whole adaptation, whether or not it is like those that the
                adaptation was made from.

        Returns:
            (N, 7) float32; each row sums to 1.

        Raises:
            SettingsError: features of another network.

        Examples:
            >>> import numpy as np
            >>> from emotion_core import Adaptation
            >>> sadder = Adaptation("sadder", {}, offsets=np.array([0, 0, 0, 0, 0, 2.0, 0]))
            >>> sadder.apply(np.full((1, 7), 1 / 7, np.float32)).round(2)
            array([[0.07, 0.07, 0.07, 0.07, 0.07, 0.55, 0.07]], dtype=float32)
        """
        return softmax(self.logits(probs, features))

    @property
    def fingerprint(self) -> str:
        """Of everything that changes an answer: 16 hexadecimal digits."""
        parts = [self.offsets, self.mixing, np.array([self.log_scale, self.strength])]
        parts += [] if self.prior is None else [self.prior]
        if self.likeness is not None:
            parts += [self.likeness.directions, self.likeness.middles]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(np.ascontiguousarray(part, np.float64).tobytes())
        return digest.hexdigest()[:16]

    def described(self) -> dict[str, Any]:
        """Name, strength, prior, whether it applies only to faces like those it was made from, and
        fingerprint, as summary.json keeps them."""
        return {
            "name": self.name,
            "strength": round(self.strength, 3),
            "prior": None if self.prior is None else _shares(self.prior),
            "like_faces_only": self.likeness is not None,
            "fingerprint": self.fingerprint,
        }


def check_prior(prior: NDArray[np.float64]) -> None:
    """Refuse what is not seven shares.

    Raises:
        SettingsError: another length, a negative share, or a sum that is not 1.
    """
    whole = prior.shape == (NUM_EXPRESSIONS,) and np.isfinite(prior).all()
    if not whole or (prior < 0).any() or abs(prior.sum() - 1) > 1e-3:
        raise SettingsError("A prior needs one share of 0 or more for each of the seven, sum 1.")


def _shares(prior: NDArray[np.float64]) -> dict[str, float]:
    return {e: round(float(p), 4) for e, p in zip(EXPRESSIONS, prior, strict=True)}
