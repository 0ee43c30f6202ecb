"""Values with which coefficients of agreement are compared between programs."""

import numpy as np
from numpy.typing import NDArray


def two_codings(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two coders' categories, 0 to 3, of 200 units."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, 200)
    return first, np.where(rng.random(200) < 0.6, first, rng.integers(0, 4, 200))


def weights_of_units(seed: int) -> NDArray[np.float64]:
    """Seconds that each unit of `two_codings` lasts."""
    return np.random.default_rng(100 + seed).random(200)


def intensities(seed: int) -> NDArray[np.float64]:
    """(25, 2) ratings with a constant difference of the coders."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 1, 25)[:, None]
    return np.asarray(truth + rng.normal(0, 0.7, (25, 2)) + np.array([0.0, 0.3 * seed]))


def many_ratings(seed: int) -> NDArray[np.float64]:
    """(4, 60) ratings 1 to 5 of four coders; about a third is missing."""
    rng = np.random.default_rng(200 + seed)
    ratings = rng.integers(1, 6, (4, 60)).astype(np.float64)
    ratings[1] = np.where(rng.random(60) < 0.6, ratings[0], ratings[1])
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    return ratings


def events_table() -> NDArray[np.float64]:
    """(3, 3) paired events of two categories; the last row and column have no partner."""
    return np.array([[30.0, 4, 6], [5, 18, 3], [8, 2, 0]])
