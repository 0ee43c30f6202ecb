"""Values of studies with known effects, for checks of the statistics."""

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def crossed_values(
    *,
    participants: int = 24,
    groups: tuple[str, ...] = (),
    conditions: tuple[str, ...] = (),
    stimuli: int = 1,
    spread: dict[str, float] | None = None,
    effects: dict[str, float] | None = None,
    missing: float = 0.0,
    unequal: bool = False,
    skewed: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """A long table of one signal, `happy`: participants crossed with conditions and stimuli.

    Args:
        participants, stimuli: how many.
        groups, conditions: levels between and within participants; empty for none.
        spread: standard deviations of the random effects: participant, participant × condition,
            stimulus, stimulus × group, residual (1 each where not named, but 0 for the products).
        effects: what a level of a factor adds.
        missing: share of the rows that are left out at random.
        unequal: two of three participants are in the first group.
        skewed: values are turned into probabilities, most of them small.
        seed: of a generator whose numbers no version of numpy changes.
    """
    random = np.random.RandomState(seed)
    sd = {"participant × condition": 0.0, "stimulus × group": 0.0} | (spread or {})
    normal = {name: random.normal(size=(64, 400)) * sd.get(name, 1.0) for name in _RANDOM}
    rows = []
    cells = product(range(participants), conditions or ("",), range(stimuli))
    for p, condition, s in cells:
        g = int(p % 3 == 0) if unequal else p % max(len(groups), 1)
        group = groups[g] if groups else ""
        c = conditions.index(condition) if condition else 0
        value = normal["participant"][0, p] + normal["participant × condition"][c, p]
        value += normal["stimulus"][0, s] + normal["stimulus × group"][g, s]
        value += random.normal() * sd.get("residual", 1.0)
        value += sum((effects or {}).get(level, 0.0) for level in (group, condition))
        row = {"participant": f"P{p:03}", "signal": "happy", "mean": value}
        row |= {"group": group} if group else {}
        row |= {"condition": condition} if condition else {}
        rows.append(row | ({"stimulus": f"film {s}"} if stimuli > 1 else {}))
    table = pd.DataFrame(rows)
    table = table[random.uniform(size=len(table)) >= missing].reset_index(drop=True)
    return table.assign(mean=probabilities(table["mean"].to_numpy())) if skewed else table


_RANDOM = ("participant", "participant × condition", "stimulus", "stimulus × group")


def probabilities(values: Floats) -> Floats:
    """Any numbers as skewed probabilities, as expressions that are seldom shown have them."""
    return 1 / (1 + np.exp(3 - 1.2 * values))
