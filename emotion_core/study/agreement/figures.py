"""The figures of one pair of coders, and of all people together, as rows of agreement.csv."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import IntArray
from emotion_core.results.face_table import Float64Array
from emotion_core.study.agreement import coefficients
from emotion_core.study.agreement.bland_altman import (
    difference_values,
    limits_of_agreement,
    shares,
)
from emotion_core.study.agreement.bootstrap import LEAST, estimates
from emotion_core.study.agreement.events import PairedEvents
from emotion_core.study.agreement.icc import icc, pair_icc, pair_sums
from emotion_core.study.agreement.steps import (
    Steps,
    intensity_counts,
    label_counts,
    of_category,
    pair_tables,
)
from emotion_core.study.statistics.effects import Estimate

Row = dict[str, Any]
ALL: Final = "all"
EVERY_CODER: Final = "all coders"
BOOTSTRAP: Final = "bootstrap"
_CONSTANT: Final = "Not defined: both used one and the same category all the time."
_ONE_VALUE: Final = "Not defined: all values are equal."
_NO_EVENTS: Final = "Neither coder has an event."
_NO_INTENSITY: Final = "Not defined: fewer than two paired events have two intensities."
_FEW: Final = f"No interval: fewer than {LEAST} participants."
_ONE_PERSON: Final = "No limits: one participant only."


def figures_of_pair(steps: Steps, events: PairedEvents, pair: tuple[str, str]) -> list[Row]:
    """Every figure of two coders, all categories together and each by itself."""
    rows = [*_of_time(steps, pair), *_of_events(events), *_of_intensity(steps, events, pair)]
    rows += _of_shares(steps, pair)
    return [{"first": pair[0], "second": pair[1], **row} for row in rows]


def figures_of_all(steps: Steps, coders: Sequence[str]) -> list[Row]:
    """Krippendorff's α of all people together, each step by all who have told it."""
    rows = [_alpha_of_codes(steps, coders), *_alphas_of_intensity(steps, coders)]
    return [{"first": EVERY_CODER, "second": "", **row} for row in rows]


def _row(
    measure: str,
    estimate: Estimate,
    n: float,
    participants: int,
    undefined: str = "",
    category: str = ALL,
    interval: str = BOOTSTRAP,
) -> Row:
    """One row; what is missing is explained."""
    known = math.isfinite(estimate.value)
    limits = known and math.isfinite(estimate.low)
    missing = _ONE_PERSON if interval == "t" else _FEW
    note = "" if limits else missing if known else undefined
    return {
        "category": category,
        "measure": measure,
        "value": estimate.value,
        "low": estimate.low if limits else math.nan,
        "high": estimate.high if limits else math.nan,
        "interval": interval if limits else "",
        "n": n,
        "participants": participants,
        "note": note,
    }


def _of_time(steps: Steps, pair: tuple[str, str]) -> Iterator[Row]:
    tables = pair_tables(steps, *pair)
    people = _contributing(tables)
    seconds = float(tables.sum()) * steps.step_s
    (value,) = estimates(tables, coefficients.kappa)
    yield _row("kappa_time", value, seconds, people, _CONSTANT)
    (value,) = estimates(tables, coefficients.agreement_share)
    yield _row("agreement_time", value, seconds, people)
    yield _alpha_of_codes(steps, pair)
    for k, category in enumerate(steps.categories):
        own = of_category(tables, steps.members[:, k])
        present = float(own[:, 1, :].sum() + own[:, :, 1].sum() - own[:, 1, 1].sum())
        if not present:
            continue
        (value,) = estimates(own, coefficients.kappa)
        yield _row("kappa_time", value, seconds, people, _CONSTANT, category)
        (value,) = estimates(own, coefficients.agreement_share)
        yield _row("agreement_time", value, seconds, people, "", category)


def _contributing(sums: Float64Array) -> int:
    return int((np.abs(sums).reshape(len(sums), -1).sum(axis=1) > 0).sum())


def _alpha_of_codes(steps: Steps, coders: Sequence[str]) -> Row:
    counts, weights, owners = label_counts(steps, coders)
    matrices = _summed(counts, weights, owners, len(steps.participants))
    (value,) = estimates(matrices, coefficients.alpha)
    seconds = float(weights.sum()) * steps.step_s
    return _row("alpha_nominal", value, seconds, _contributing(matrices), _CONSTANT)


def _alphas_of_intensity(steps: Steps, coders: Sequence[str]) -> Iterator[Row]:
    counts, weights, owners, values = intensity_counts(steps, coders)
    if not len(weights):
        return
    matrices = _summed(counts, weights, owners, len(steps.participants))
    seconds, people = float(weights.sum()) * steps.step_s, _contributing(matrices)
    for level in ("ordinal", "interval"):
        measure = partial(coefficients.alpha, level=level, values=values)
        (value,) = estimates(matrices, measure)
        yield _row(f"alpha_{level}", value, seconds, people, _ONE_VALUE)


def _summed(counts: IntArray, weights: Float64Array, owners: IntArray, people: int) -> Float64Array:
    """(P, V, V) coincidence matrices of the participants."""
    size = counts.shape[1]
    sums = np.zeros((people, size, size))
    np.add.at(sums, owners, coefficients.coincidences(counts) * weights[:, None, None])
    return sums


def _of_events(events: PairedEvents) -> Iterator[Row]:
    tables = events.tables
    count, people = float(events.counts.sum()), _contributing(tables)
    if not count:
        return
    (value,) = estimates(tables, coefficients.event_kappa)
    yield _row("kappa_events", value, count, people, _CONSTANT)
    (value,) = estimates(tables, coefficients.overall_f1)
    yield _row("f1_events", value, count, people, _NO_EVENTS)
    each = estimates(tables, coefficients.f1)
    for k, (category, value) in enumerate(zip(events.categories, each, strict=True)):
        of = tables[:, k, :].sum(1) + tables[:, :, k].sum(1)
        if of.sum():
            number = float(of.sum())
            yield _row("f1_events", value, number, int((of > 0).sum()), "", category)


def _of_intensity(steps: Steps, events: PairedEvents, pair: tuple[str, str]) -> Iterator[Row]:
    """ICCs of paired events, and α of the time; nothing where no intensities were given."""
    rated = np.concatenate([*events.intensities, np.zeros((0, 2))])
    alphas = list(_alphas_of_intensity(steps, pair))
    if not len(rated) and not alphas:
        return
    sums = np.array([pair_sums(own) for own in events.intensities]).reshape(-1, 6)
    people = sum(len(own) > 0 for own in events.intensities)
    f_based = icc(rated)
    for which, name in enumerate(("agreement", "consistency")):
        pick: Callable[[Float64Array], Float64Array] = partial(_icc_of, which)
        (value,) = estimates(sums, pick)
        how = BOOTSTRAP
        if math.isfinite(value.value) and not math.isfinite(value.low):
            value, how = (f_based.agreement, f_based.consistency)[which], "F"
        yield _row(f"icc_{name}", value, len(rated), people, _NO_INTENSITY, ALL, how)
    yield from alphas


def _icc_of(which: int, sums: Float64Array) -> Float64Array:
    return pair_icc(sums)[which]


def _of_shares(steps: Steps, pair: tuple[str, str]) -> Iterator[Row]:
    """Bland–Altman figures of every category that either of the two used."""
    points = shares(steps, *pair)
    for category in steps.categories:
        own = points[points["category"] == category]
        if not (own["first"] + own["second"]).any():
            continue
        limits = limits_of_agreement(difference_values(points, category))
        for name, value in (
            ("bias", limits.bias),
            ("limit_low", limits.low),
            ("limit_high", limits.high),
        ):
            count = limits.count
            yield _row(name, value, count, count, _ONE_PERSON, category, "t")
