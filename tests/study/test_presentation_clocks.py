"""Clocks compared over a network that is slow, uneven and drifting."""

import math
import random

import pytest

from emotion_core.study.presentation.clocks import Exchange, offsets_of, server_time

# The server's clock shows this much more at the browser's 0, and gains 50 millionths.
OFFSET_S, DRIFT = 26_170.25, 50e-6


def to_server(browser_s: float) -> float:
    return browser_s * (1 + DRIFT) + OFFSET_S


def exchange(at_s: float, there_s: float, back_s: float, rounding_s: float = 0.0) -> Exchange:
    arrives_s = at_s + there_s
    answered_s = arrives_s + 0.0005 + back_s
    if rounding_s:
        at_s, answered_s = (math.floor(t / rounding_s) * rounding_s for t in (at_s, answered_s))
    return Exchange(at_s, to_server(arrives_s), to_server(arrives_s + 0.0005), answered_s)


def groups(seed: int, rounding_s: float = 0.0) -> list[Exchange]:
    """Every minute of half an hour, eight exchanges with 3 ms each way and more now and then."""
    chance = random.Random(seed)

    def way() -> float:
        return 0.003 + chance.expovariate(1 / 0.03)

    return [
        exchange(60.0 * minute + 0.1 * i, way(), way(), rounding_s)
        for minute in range(31)
        for i in range(8)
    ]


@pytest.mark.parametrize("rounding_s", [0.0, 0.001])
def test_the_offset_is_known_as_well_as_is_told_over_half_an_hour(rounding_s: float) -> None:
    for seed in range(20):
        offsets = offsets_of(groups(seed, rounding_s))
        assert len(offsets) == 31
        assert {offset.exchanges for offset in offsets} == {8}
        for at_s in (0.0, 31.0, 777.7, 1_799.0):
            error = abs(server_time(offsets, at_s) - to_server(at_s))
            # The best of eight is right within its own bound; rounding adds to it.
            assert error <= max(o.uncertainty_s for o in offsets) + rounding_s + 0.0016


def test_one_offset_for_all_would_be_wrong_by_the_drift() -> None:
    offsets = offsets_of(groups(3))
    first, last = offsets[0].offset_s, offsets[-1].offset_s
    assert last - first == pytest.approx(DRIFT * 1800, abs=0.02)


def test_the_shortest_way_is_taken_and_bounds_the_error() -> None:
    # All of the delay on one way is the worst case: the error is the bound itself.
    offsets = offsets_of([exchange(1.0, 0.5, 0.0), exchange(1.6, 0.04, 0.0), exchange(2.0, 0, 0.3)])
    (best,) = offsets
    assert best.exchanges == 3
    assert best.uncertainty_s == pytest.approx(0.02, abs=1e-4)
    error = abs(server_time(offsets, 1.6) - to_server(1.6))
    assert error == pytest.approx(best.uncertainty_s, abs=1e-4)


@pytest.mark.parametrize(
    "one",
    [
        Exchange(2.0, 5.0, 5.0, 1.0),
        Exchange(math.nan, 5.0, 5.0, 1.0),
        Exchange(1.0, 5.0, 9.0, 1.1),
        Exchange(1.0, math.inf, 5.0, 2.0),
    ],
    ids=["answered before asked", "no number", "longer at the server than away", "endless"],
)
def test_exchanges_that_cannot_be_are_left_out(one: Exchange) -> None:
    assert offsets_of([one]) == []
    assert len(offsets_of([one, exchange(3.0, 0.01, 0.01)])) == 1
