"""Orders of trials: what a Latin square promises, and the same order again for the same number."""

from collections import Counter
from itertools import pairwise

import pytest

from emotion_core.study.presentation.orders import (
    order_for,
    order_of,
    trials_of,
    williams_square,
)
from emotion_core.study.presentation.plan import Item, ItemKind, Order, Plan


def picture(name: str, stays: bool = False) -> Item:
    return Item(name, ItemKind.PICTURE, f"{name}.png", 2.0, stays=stays)


def question(name: str, stays: bool = False) -> Item:
    return Item(name, ItemKind.QUESTION, text="How pleasant?", stays=stays)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 12])
def test_a_square_balances_places_and_what_follows_what(count: int) -> None:
    rows = williams_square(count)
    assert all(sorted(row) == list(range(count)) for row in rows)
    assert len(rows) == (count if count % 2 == 0 else 2 * count)
    places = Counter((place, trial) for row in rows for place, trial in enumerate(row))
    assert set(places.values()) == {len(rows) // count}
    follows = Counter(pair for row in rows for pair in pairwise(row))
    if count > 1:
        assert len(follows) == count * (count - 1)
        assert len(set(follows.values())) == 1


def test_random_orders_are_the_same_again_and_equally_likely() -> None:
    orders = [tuple(order_of(3, Order.RANDOM, 7, number)) for number in range(1, 1201)]
    assert orders == [tuple(order_of(3, Order.RANDOM, 7, number)) for number in range(1, 1201)]
    counts = Counter(orders)
    assert len(counts) == 6
    # Of 200 expected each; 5 standard deviations.
    assert all(abs(count - 200) < 65 for count in counts.values())
    assert orders[:20] != [tuple(order_of(3, Order.RANDOM, 8, n)) for n in range(1, 21)]
    # Written down: no version of Python or of this program may change it silently.
    assert order_of(5, Order.RANDOM, 1, 1) == [3, 2, 4, 1, 0]


@pytest.mark.parametrize("order", Order)
def test_no_trials_and_one_trial_have_an_order(order: Order) -> None:
    assert order_of(0, order, 1, 1) == []
    assert order_of(1, order, 1, 5) == [0]


def test_questions_move_with_their_stimulus_and_what_stays_stays() -> None:
    items = (
        Item("rest", ItemKind.PAUSE, seconds=5.0, baseline=True),
        *(picture("practice", stays=True), question("try")),
        *(picture("a"), question("qa"), Item("gap", ItemKind.PAUSE, seconds=1.0)),
        *(picture("b"), question("qb")),
        question("overall", stays=True),
        question("overall2"),
    )
    assert [[item.name for item in trial] for trial in trials_of(items)] == [
        ["rest"],
        ["practice", "try"],
        ["a", "qa", "gap"],
        ["b", "qb"],
        ["overall"],
        ["overall2"],
    ]
    plan = Plan(order=Order.COUNTERBALANCED, items=items)
    names = [[item.name for item in order_for(plan, number)] for number in (1, 2, 3)]
    first = ["rest", "practice", "try", "a", "qa", "gap", "b", "qb", "overall", "overall2"]
    second = ["rest", "practice", "try", "b", "qb", "a", "qa", "gap", "overall", "overall2"]
    assert names == [first, second, first]
