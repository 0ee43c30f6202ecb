"""Batches of training faces, drawn so that rare expressions are seen more often."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.labels import NUM_EXPRESSIONS


def draw_probabilities(labels: NDArray[np.integer], balance: float) -> NDArray[np.float64]:
    """How often each image is drawn.

    Args:
        labels: (N,) index of each image's class.
        balance: 0 draws all alike, 1 all classes equally often, 0.5 by 1/√(class frequency).

    Returns:
        (N,) float64, sums to 1.
    """
    counts = np.bincount(labels, minlength=NUM_EXPRESSIONS)
    weights = counts[labels].astype(float) ** -balance
    return np.asarray(weights / weights.sum())


class BalancedBatches(keras.utils.PyDataset):
    """One epoch of batches; which images it holds depends only on the seed and the epoch.

    Args:
        images: (N, 48, 48, 1) uint8.
        targets: (N, 7) float32.
        classes: (N,) index of each image's class, by which images are drawn.
        batch_size, seed: as in `TrainingSettings`.
        balance: as in `draw_probabilities`.
        first_epoch: the epoch to begin with, so that a resumed run goes on as if never stopped.
        unlabelled: the last so many images have no class; an epoch is as long as without them.
        unlabelled_share: their share of each epoch, 0-1.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        classes: NDArray[np.integer],
        batch_size: int,
        balance: float,
        seed: int,
        first_epoch: int = 0,
        unlabelled: int = 0,
        unlabelled_share: float = 0.0,
    ) -> None:
        super().__init__()
        self._images, self._targets = images, targets
        self._count = len(images) - unlabelled
        self._batch_size, self._seed, self._epoch = min(batch_size, self._count), seed, first_epoch
        self._probabilities = draw_probabilities(classes[: self._count], balance)
        if unlabelled:
            pool = np.full(unlabelled, unlabelled_share / unlabelled)
            shares = [self._probabilities * (1 - unlabelled_share), pool]
            self._probabilities = np.concatenate(shares)
        self._order = self._draw()

    def _draw(self) -> NDArray[np.int64]:
        """One epoch's images: as many as there are, none twice before a class runs out.

        Systematic resampling (Kitagawa 1996) repeats an image only as often as its share asks for,
        where independent draws would leave a third of the images out of every epoch.
        """
        random = np.random.default_rng((self._seed, self._epoch))
        n = len(self._images)
        order = random.permutation(n)
        edges = np.cumsum(self._probabilities[order])
        points = (np.arange(self._count) + random.random()) / self._count
        chosen = order[np.minimum(np.searchsorted(edges, points), n - 1)]
        return np.asarray(random.permutation(chosen))

    def __len__(self) -> int:
        return self._count // self._batch_size

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._images[rows], self._targets[rows]

    def on_epoch_end(self) -> None:
        """Draw the next epoch."""
        self._epoch += 1
        self._order = self._draw()
