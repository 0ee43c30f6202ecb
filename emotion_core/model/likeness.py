"""How like the faces that an adaptation was made from a face is, seen by the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.errors import SettingsError

# Beyond it, a share is 0 or 1 to the last digit.
_FARTHEST: Final = 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A direction in the network's features, from the faces it was calibrated on to those that an
    adaptation was made from (a linear discriminant; Fisher 1936, Annals of Eugenics 7(2), 179-188).

    Attributes:
        direction: (F,) float64, log-odds for each unit of the network's pooled features.
        middle: log-odds, where on it a face gets half of the adaptation.
    """

    direction: NDArray[np.float64]
    middle: float

    def __post_init__(self) -> None:
        usable = self.direction.ndim == 1 and len(self.direction)
        if not usable or not np.isfinite([*self.direction, self.middle]).all():
            raise SettingsError("A likeness needs one finite weight for each feature.")

    def shares(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """How much of an adaptation suits each face.

        Args:
            features: (N, F) of the faces; F may be 0 where the network does not give any.

        Returns:
            (N,) from 0, like a face that the network was calibrated on, to 1, like those that the
            adaptation was made from; all 1 without features.

        Raises:
            SettingsError: another number of features.
        """
        count = features.shape[1]
        if not count:
            return np.ones(len(features))
        if count != len(self.direction):
            raise SettingsError(
                f"The adaptation knows {len(self.direction)} features, the network gives {count}."
            )
        place = features.astype(np.float64) @ self.direction - self.middle
        return np.asarray(1 / (1 + np.exp(-np.clip(place, -_FARTHEST, _FARTHEST))))
