"""Two models on the same images."""

import numpy as np
import pandas as pd
import pytest

from emotion_core.evaluation import paired_comparison
from emotion_core.evaluation.chart_tables import Scored


def scored(right: list[bool], names: list[str], label_set: str = "ferplus") -> Scored:
    """Answers that are right where told; the truth is always `angry`."""
    probs = np.full((len(right), 7), 0.05)
    probs[np.arange(len(right)), np.where(right, 0, 3)] = 0.7
    truth = np.zeros(len(right), np.int64)
    return Scored(label_set, np.array(names), truth, probs, probs, None)


def test_images_are_paired_by_name_not_by_place() -> None:
    one = scored([True, True, False, False], ["a", "b", "c", "d"])
    two = scored([False, True, True, True], ["d", "c", "a", "x"])
    pair = paired_comparison.compare(one, two)
    assert pair is not None
    assert (pair.images, pair.both, pair.first_only, pair.second_only, pair.neither) == (
        3,
        1,
        0,
        1,
        1,
    )
    assert pair.difference.value == pytest.approx(-1 / 3)


def test_a_difference_is_decided_only_beyond_luck() -> None:
    names = [f"{i}.png" for i in range(400)]
    half = [i % 2 == 0 for i in range(400)]
    better = [i % 2 == 0 or i % 5 == 1 for i in range(400)]
    once = [i % 2 == 0 or i == 1 for i in range(400)]
    far = paired_comparison.compare(scored(better, names), scored(half, names))
    near = paired_comparison.compare(scored(once, names), scored(half, names))
    same = paired_comparison.compare(scored(half, names), scored(half, names))
    assert far is not None
    assert near is not None
    assert same is not None
    assert far.decided
    assert not near.decided
    assert (same.difference.low, same.difference.high) == (0, 0)
    assert not same.decided


def test_other_images_or_other_labels_cannot_be_paired() -> None:
    one = scored([True], ["a"])
    assert paired_comparison.compare(one, scored([True], ["b"])) is None
    assert paired_comparison.compare(one, scored([True], ["a"], "fer2013")) is None


def test_stacked_tables_say_whose_rows_they_are() -> None:
    parts = {"one": pd.DataFrame({"x": [1]}), "two": pd.DataFrame({"x": [2, 3]})}
    whole = paired_comparison.stacked(parts)
    assert whole.columns.tolist() == ["model", "x"]
    assert whole["model"].tolist() == ["one", "two", "two"]
