"""How often the tests of a study find what is there, and what is not, against theory.

python -m benchmarks.study_statistics [--simulations N] [--only NAME]

Writes results/study_statistics.json: for each test the share of p below .05 without an effect
(false alarms; 5% is right) and with d = 0.8 at 20 participants a group (power, next to theory),
for normal values and for skewed probabilities. Standardised effects of skewed values have no power
by theory, so that only false alarms are counted there. It also counts how often the 95% intervals
of effect sizes hold the true value, and compares our REML with statsmodels' `MixedLM`.
"""

import argparse
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.power import FTestAnovaPower, TTestIndPower, TTestPower

from benchmarks.common import save
from benchmarks.study_values import crossed_values, probabilities
from emotion_core.study.statistics import permutation
from emotion_core.study.statistics.curves import cluster_test
from emotion_core.study.statistics.effects import d_z, hedges_g, one_sample, welch
from emotion_core.study.statistics.mixed_model import fit_model, model_effects
from emotion_core.study.statistics.reml import fit_reml
from emotion_core.study.statistics.simple_tests import group_effects
from emotion_core.study.statistics.synchrony import synchrony, synchrony_of_pairs

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, float], float]
A_GROUP, D, ALPHA = 20, 0.8, 0.05
_PERMUTATIONS = 999
_QUICK = ("Welch,", "permutation", "paired", "sign")


def main() -> None:
    """Run all simulations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--only", default="", help="tests whose name contains this")
    arguments = parser.parse_args()
    rows: dict[str, Any] = {}
    for name, (draw, theory) in TESTS.items():
        if arguments.only not in name:
            continue
        start = time.perf_counter()
        # Those that take a millisecond are counted more exactly.
        count = arguments.simulations * (10 if name.startswith(_QUICK) else 1)
        rows[name] = {"simulations": count, "false_alarms": _share(draw, 0.0, count, 1)}
        if theory is not None:
            power = _share(draw, D, count, 2)
            rows[name] |= {"power": power, "theory": round(theory, 4)}
        rows[name]["seconds"] = round(time.perf_counter() - start, 1)
        print(name, rows[name], flush=True)
    results = {"simulations": arguments.simulations, "tests": rows}
    if not arguments.only:
        results |= {"intervals": _coverage(arguments.simulations), "reml": _beside_statsmodels()}
        save("study_statistics", results)


def _share(draw: Draw, d: float, simulations: int, seed: int) -> float:
    p = np.array([draw(np.random.default_rng([seed, i]), d) for i in range(simulations)])
    assert np.isfinite(p).all()
    return round(float((p < ALPHA).mean()), 4)


def _groups(rng: np.random.Generator, d: float) -> tuple[Floats, Floats]:
    return rng.normal(size=A_GROUP) + d, rng.normal(size=A_GROUP)


def _skewed(rng: np.random.Generator, _: float) -> tuple[Floats, Floats]:
    a, b = rng.normal(size=(2, A_GROUP))
    return probabilities(a), probabilities(b)


def _unequal(rng: np.random.Generator, _: float) -> tuple[Floats, Floats]:
    return rng.normal(size=14) * 2, rng.normal(size=26)


def _between(test: Callable[[Floats, Floats], float], draw: Callable[..., Any]) -> Draw:
    return lambda rng, d: test(*draw(rng, d))


def _welch_p(a: Floats, b: Floats) -> float:
    return welch(a, b).p


def _permutation_p(a: Floats, b: Floats) -> float:
    return permutation.two_groups(a, b, _PERMUTATIONS, seed=int(1e9 * abs(a[0])) % 2**31)


def _differences(rng: np.random.Generator, d: float) -> Floats:
    return rng.normal(size=A_GROUP) + d


def _skewed_differences(rng: np.random.Generator, _: float) -> Floats:
    person = rng.normal(size=A_GROUP)
    a, b = (probabilities(person + rng.normal(size=A_GROUP)) for _ in range(2))
    return a - b


def _flip_p(x: Floats) -> float:
    return permutation.sign_flips(x, _PERMUTATIONS, seed=int(1e9 * abs(x[0])) % 2**31)


def _model(family: str, **arguments: Any) -> Draw:
    """p of the first effect of a family, of `crossed_values`; d is in units of what theory says."""
    unit = arguments.pop("unit", 1.0)
    level = arguments.pop("level", "A")

    def draw(rng: np.random.Generator, d: float) -> float:
        seed = int(rng.integers(2**31))
        table = crossed_values(**arguments, effects={level: d * unit}, seed=seed)
        values = table.rename(columns={"mean": "value"})
        if "condition" not in values and "stimulus" not in values:
            return next(group_effects("happy", values, "group", 1, 0, lambda _: None)).p
        between, within = ([f for f in (name,) if f in values] for name in ("group", "condition"))
        stimulus = "stimulus" if "stimulus" in values else None
        model = fit_model(values, between, within, stimulus)
        assert model is not None
        return next(e.p for e in model_effects("happy", model) if e.family == family)

    return draw


def _curves(rng: np.random.Generator, people: int, skewed: bool) -> Floats:
    """(P, 60) smooth curves: what is seen of an expression over six seconds."""
    noise = rng.normal(size=(people, 69))
    curves = np.stack([np.convolve(row, np.ones(10) / math.sqrt(10), "valid") for row in noise])
    return probabilities(curves) if skewed else curves


def _cluster(*, paired: bool, skewed: bool = False) -> Draw:
    times = np.arange(60) / 10

    def draw(rng: np.random.Generator, _: float) -> float:
        a, b = (_curves(rng, A_GROUP, skewed) for _ in range(2))
        samples = (a - b,) if paired else (a, b)
        seed = int(rng.integers(2**31))
        found = cluster_test(*samples, times_s=times, permutations=_PERMUTATIONS, seed=seed)
        return min((c.p for c in found), default=1.0)

    return draw


def _smooth(rng: np.random.Generator, length: int) -> Floats:
    """An expression's skewed probability, with a memory of a second at 10 Hz."""
    kernel = np.exp(-np.arange(50) / 10)
    noise = np.convolve(rng.normal(size=length + 49), kernel, "valid")
    return probabilities(noise / kernel[:30].sum() * 3)


def _synchrony_p(rng: np.random.Generator, _: float) -> float:
    x, y = _smooth(rng, 1200), _smooth(rng, 1200)
    return synchrony(x, y, 10, surrogates=199, seed=int(rng.integers(2**31))).p


def _partners_p(rng: np.random.Generator, _: float) -> float:
    pairs = [(_smooth(rng, 300), _smooth(rng, 300)) for _ in range(8)]
    return synchrony_of_pairs(pairs, 10, surrogates=199, seed=int(rng.integers(2**31))).p


def _contrast_power(d: float, df: int, size: float) -> float:
    """Power of a t test whose noncentrality is d · size."""
    limit = stats.t.ppf(1 - ALPHA / 2, df)
    return float(stats.nct.sf(limit, df, d * size) + stats.nct.cdf(-limit, df, d * size))


_TWO_POWER = float(TTestIndPower().power(D, A_GROUP, ALPHA))
_ONE_POWER = float(TTestPower().power(D, A_GROUP, ALPHA))
_GROUPS, _LEVELS = ("A", "B"), ("A", "B", "C")
_CROSSED: dict[str, Any] = {"participants": 2 * A_GROUP, "groups": _GROUPS}
# One of three levels is d higher: the means' standard deviation is d √2 / 3.
_F_POWER = float(FTestAnovaPower().power(D * math.sqrt(2) / 3, 3 * A_GROUP, ALPHA, k_groups=3))


def _within_f_power() -> float:
    """F over three levels within participants: noncentrality n Σ(μ − mean)² / σ²."""
    df1, df2 = 2, 2 * (A_GROUP - 1)
    limit = stats.f.ppf(1 - ALPHA, df1, df2)
    return float(stats.ncf.sf(limit, df1, df2, A_GROUP * D**2 * 2 / 3))


TESTS: dict[str, tuple[Draw, float | None]] = {
    "Welch, normal": (_between(_welch_p, _groups), _TWO_POWER),
    "Welch, skewed": (_between(_welch_p, _skewed), None),
    "Welch, unequal groups": (_between(_welch_p, _unequal), None),
    "permutation": (_between(_permutation_p, _groups), _TWO_POWER),
    "permutation, skewed": (_between(_permutation_p, _skewed), None),
    "permutation, unequal groups": (_between(_permutation_p, _unequal), None),
    "paired t": (lambda rng, d: one_sample(_differences(rng, d)).p, _ONE_POWER),
    "paired t, skewed": (lambda rng, d: one_sample(_skewed_differences(rng, d)).p, None),
    "sign flips": (lambda rng, d: _flip_p(_differences(rng, d)), _ONE_POWER),
    "sign flips, skewed": (lambda rng, d: _flip_p(_skewed_differences(rng, d)), None),
    "Welch's F, three groups": (
        _model("group", participants=3 * A_GROUP, groups=_LEVELS, spread={"residual": 0.0}),
        _F_POWER,
    ),
    "mixed model, crossed stimuli": (
        # Of the mean over 3 stimuli: variance 1 + 1/3 between participants.
        _model("group", **_CROSSED, stimuli=3, unit=math.sqrt(4 / 3)),
        _TWO_POWER,
    ),
    "mixed model, crossed stimuli, skewed": (
        _model("group", **_CROSSED, stimuli=3, skewed=True),
        None,
    ),
    "mixed model, crossed, missing": (
        _model("group", **_CROSSED, stimuli=3, missing=0.15, unequal=True),
        None,
    ),
    "mixed model, 8 stimuli that differ": (
        _model("group", **_CROSSED, stimuli=8, spread={"stimulus × group": 0.5}),
        None,
    ),
    "mixed model, pairs within": (
        _model("pairs of condition", participants=A_GROUP, conditions=_LEVELS),
        _contrast_power(D, 2 * (A_GROUP - 1), math.sqrt(A_GROUP / 2)),
    ),
    "mixed model, within and stimuli": (
        _model(
            "condition",
            participants=A_GROUP,
            conditions=_GROUPS,
            stimuli=4,
            spread={"participant × condition": 0.7},
            unit=math.sqrt(2 * 0.49 + 2 / 4),
        ),
        # Of the difference of two means over 4 stimuli.
        _ONE_POWER,
    ),
    "omnibus F within": (
        _model("condition", participants=A_GROUP, conditions=_LEVELS),
        _within_f_power(),
    ),
    "omnibus F within, skewed": (
        _model("condition", participants=A_GROUP, conditions=_LEVELS, skewed=True),
        None,
    ),
    "interaction F": (
        _model(
            "group × condition",
            participants=2 * A_GROUP,
            groups=_GROUPS,
            conditions=_LEVELS,
            level="none",
        ),
        None,
    ),
    "clusters, two groups": (_cluster(paired=False), None),
    "clusters, two groups, skewed": (_cluster(paired=False, skewed=True), None),
    "clusters, paired": (_cluster(paired=True), None),
    "synchrony, one pair": (_synchrony_p, None),
    "synchrony, partners": (_partners_p, None),
}


def _coverage(simulations: int) -> dict[str, float]:
    """Share of the 95% intervals of effect sizes that hold the true 0.8; normal values."""
    held = {"Hedges' g": 0, "d_z": 0, "d of the mixed model": 0}
    for i in range(simulations):
        rng = np.random.default_rng([3, i])
        g, z = hedges_g(*_groups(rng, D)), d_z(_differences(rng, D))
        held["Hedges' g"] += g.low <= D <= g.high
        held["d_z"] += z.low <= D <= z.high
        spread = {"stimulus": 0.0, "residual": 1.0}
        arguments = {**_CROSSED, "stimuli": 3, "spread": spread, "seed": int(rng.integers(2**31))}
        table = crossed_values(**arguments, effects={"A": D * math.sqrt(2)})
        table = table.rename(columns={"mean": "value"})
        model = fit_model(table, ["group"], [], "stimulus")
        assert model is not None
        effect = next(model_effects("happy", model))
        held["d of the mixed model"] += effect.effect_low <= D <= effect.effect_high
    return {name: round(count / simulations, 4) for name, count in held.items()}


def _beside_statsmodels(studies: int = 100) -> dict[str, Any]:
    """Our REML and statsmodels' on the same small studies of 24 participants × 3 stimuli."""
    ours, theirs, gaps, warned = 0.0, 0.0, [], 0
    for seed in range(studies):
        spread = {"stimulus": 0.4, "participant": 0.6}
        table = crossed_values(groups=_GROUPS, stimuli=3, missing=0.1, spread=spread, seed=seed)
        x = np.column_stack([np.ones(len(table)), table["group"] == "B"]).astype(np.float64)
        keys = ("participant", "stimulus")
        factors = [np.unique(table[k], return_inverse=True)[1].astype(np.int64) for k in keys]
        y = table["mean"].to_numpy()
        start = time.perf_counter()
        error = fit_reml(y, x, factors).estimate(np.array([0.0, 1.0]))[1]
        ours += time.perf_counter() - start
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            other = _mixed_lm(table)
        theirs += time.perf_counter() - start
        warned += bool(caught)
        gaps.append(abs(other / error - 1))
    return {
        "studies": studies,
        "our_ms": round(1000 * ours / studies, 1),
        "statsmodels_ms": round(1000 * theirs / studies, 1),
        "statsmodels_warned": warned,
        "standard_errors_off_by_3_percent": int(np.sum(np.array(gaps) > 0.03)),
        "largest_gap": round(float(max(gaps)), 3),
    }


def _mixed_lm(table: pd.DataFrame) -> float:
    """Standard error of the group's effect by statsmodels."""
    terms = {"participant": "0 + C(participant)", "stimulus": "0 + C(stimulus)"}
    one = np.ones(len(table))
    model = MixedLM.from_formula(
        "mean ~ group", table, groups=one, vc_formula=terms, re_formula="0"
    )
    return float(model.fit(reml=True).bse_fe.iloc[1])


if __name__ == "__main__":
    main()
