"""Two models on the same images: where only one of them is right, and how far they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_core.evaluation.bootstrap import Interval, mean_interval
from emotion_core.evaluation.chart_tables import Scored


@dataclass(frozen=True, slots=True)
class Pair:
    """What two models said to the images that both have seen.

    Attributes:
        images: how many those are.
        both, first_only, second_only, neither: how many were named rightly by whom.
        difference: accuracy of the first minus that of the second, with its 95% interval over the
            images; paired, so that what is hard for both weighs nothing.
    """

    images: int
    both: int
    first_only: int
    second_only: int
    neither: int
    difference: Interval

    @property
    def decided(self) -> bool:
        """The interval leaves zero out: other images would hardly turn the order round."""
        return self.difference.low > 0 or self.difference.high < 0


def compare(first: Scored, second: Scored) -> Pair | None:
    """Compare on the images that both have; None where there is none, or the labels differ."""
    shared, ours, theirs = np.intersect1d(first.names, second.names, return_indices=True)
    if not len(shared) or first.label_set != second.label_set:
        return None
    one = (first.answers == first.truth)[ours]
    two = (second.answers == second.truth)[theirs]
    return Pair(
        images=len(shared),
        both=int((one & two).sum()),
        first_only=int((one & ~two).sum()),
        second_only=int((~one & two).sum()),
        neither=int((~one & ~two).sum()),
        difference=mean_interval(one.astype(float) - two.astype(float)),
    )


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables with the same columns as one, the model's name in a first column `model`."""
    parts = [table.assign(model=name) for name, table in tables.items()]
    whole = pd.concat(parts, ignore_index=True)
    return whole[["model", *(c for c in whole.columns if c != "model")]]
