"""Derived valence and arousal."""

import numpy as np
import pytest

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.valence_arousal import COORDINATES, valence_arousal


def test_nobody_has_none() -> None:
    assert valence_arousal(np.empty((0, 7), np.float32)).shape == (0, 2)


@pytest.mark.parametrize(
    ("expression", "valence", "arousal"),
    [
        ("neutral", 0, 0),
        ("happy", 1, 1),
        ("sad", -1, -1),
        ("angry", -1, 1),
        ("fear", -1, 1),
        ("disgust", -1, 1),
    ],
)
def test_each_expression_lies_in_its_quarter(expression: str, valence: int, arousal: int) -> None:
    sure = np.eye(7, dtype=np.float32)[[EXPRESSIONS.index(expression)]]
    assert np.sign(valence_arousal(sure)[0]).tolist() == [valence, arousal]


def test_a_mixture_lies_in_between() -> None:
    half = np.zeros((1, 7), np.float32)
    half[0, [3, 5]] = 0.5
    np.testing.assert_allclose(valence_arousal(half)[0], COORDINATES[[3, 5]].mean(axis=0))


def test_the_range_is_kept() -> None:
    # Of another type on purpose.
    probs = np.random.default_rng(0).dirichlet(np.ones(7), 100)
    points = valence_arousal(probs)  # type: ignore[arg-type]
    assert points.dtype == np.float32
    assert np.abs(points).max() <= 1
