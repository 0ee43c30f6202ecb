"""How like the faces that an adaptation was made from a face is: seen by the network, or by the
noise of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray
from emotion_core.errors import SettingsError

# Which of the features is the noise.
NOISE: Final = -1
# Grey levels; so that a blank crop has a noise, too.
_LEAST_SPREAD: Final = 0.1
# Beyond it, a share is 0 or 1 to the last digit.
_FARTHEST: Final = 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Directions in the features of faces, each from one kind that an adaptation was not made for
    to those that it was made from (linear discriminants; Fisher 1936, Annals of Eugenics 7(2),
    179-188).

    Attributes:
        directions: (K, F) float64, K > 0, log-odds for each unit of the features that
            `Classifier.read` gives.
        middles: (K,) float64, log-odds, where on a direction a face gets half of the adaptation as
            far as this kind is concerned.
    """

    directions: NDArray[np.float64]
    middles: NDArray[np.float64]

    def __post_init__(self) -> None:
        whole = self.directions.ndim == 2 and self.directions.size
        if not whole or self.middles.shape != self.directions.shape[:1]:
            raise SettingsError("A likeness needs one weight for each feature, and one middle.")
        if not np.isfinite(self.directions).all() or not np.isfinite(self.middles).all():
            raise SettingsError("The weights and the middle of a likeness must be finite numbers.")

    def shares(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """How much of an adaptation suits each face: the probability that it is of the kind that
        the adaptation was made from and not of one of the others.

        Args:
            features: (N, F) of the faces; F may be 0 where the network does not give any.

        Returns:
            (N,) from 0, like a face that the adaptation was not made for, to 1, like those that it
            was made from; all 1 without features.

        Raises:
            SettingsError: another number of features.
        """
        count = features.shape[1]
        if not count:
            return np.ones(len(features))
        known = self.directions.shape[1]
        if count != known:
            raise SettingsError(
                f"The adaptation knows {known} features, the network gives {count}."
            )
        places = features.astype(np.float64) @ self.directions.T - self.middles
        odds = np.exp(-np.clip(places, -_FARTHEST, _FARTHEST)).sum(axis=1)
        return np.asarray(1 / (1 + odds))


def noise_of(crops: FloatArray) -> NDArray[np.float32]:
    """How noisy crops are, for their contrast.

    The standard deviation of the noise (Immerkær 1996, Computer Vision and Image Understanding
    64(2), 300-302) is compared with that of the whole crop. It depends on where a picture comes
    from more than on whom it shows: the images of FER2013 are grainy, -2.5 ± 0.3, and the faces of
    press photographs, made smaller, are smooth, -3.4 ± 0.3.

    Args:
        crops: (N, 48, 48, 1) grey, 0-255.

    Returns:
        (N,) the natural logarithm of the ratio.
    """
    grey = crops[..., 0]
    rows = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    left = rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    noise = np.sqrt(np.pi / 2) / 6 * np.abs(left).mean(axis=(1, 2))
    ratio = (noise + _LEAST_SPREAD) / (grey.std(axis=(1, 2)) + _LEAST_SPREAD)
    return np.log(ratio).astype(np.float32)
