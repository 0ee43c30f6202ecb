"""The order in which a participant sees the items: fixed, random, or counterbalanced.

A trial is a stimulus with the pauses and questions that follow it, and moves as a whole. What comes
before the first stimulus, and items that stay, keep their places.
"""

from collections.abc import Sequence
from hashlib import sha256

from emotion_core.study.presentation.plan import Item, Order, Plan


def order_for(plan: Plan, number: int) -> tuple[Item, ...]:
    """All items in the order of a participant.

    Args:
        plan: of the study.
        number: of the participant, from 1 on. The same plan and number give the same order.
    """
    trials = trials_of(plan.items)
    places = [i for i, trial in enumerate(trials) if _moves(trial)]
    rows = order_of(len(places), plan.order, plan.seed, number)
    moved = list(trials)
    for place, row in zip(places, rows, strict=True):
        moved[place] = trials[places[row]]
    return tuple(item for trial in moved for item in trial)


def trials_of(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """The items as trials, in the order of the plan."""
    trials: list[list[Item]] = []
    for item in items:
        begins = not trials or item.is_stimulus or item.stays
        # What follows an item that stays belongs to it only if it is its question or pause.
        if begins or (trials[-1][0].stays and not trials[-1][0].is_stimulus):
            trials.append([item])
        else:
            trials[-1].append(item)
    return [tuple(trial) for trial in trials]


def _moves(trial: Sequence[Item]) -> bool:
    return trial[0].is_stimulus and not trial[0].stays


def order_of(count: int, order: Order, seed: int, number: int) -> list[int]:
    """A permutation of 0 to `count` - 1.

    Args:
        count: of trials that change places.
        order: counterbalanced takes the rows of `williams_square` in turn.
        seed: of random orders, which are equally likely.
        number: of the participant, from 1 on.
    """
    if order is Order.RANDOM:
        return sorted(range(count), key=lambda i: sha256(f"{seed}/{number}/{i}".encode()).digest())
    if order is Order.COUNTERBALANCED and count > 1:
        rows = williams_square(count)
        return rows[(number - 1) % len(rows)]
    return list(range(count))


def williams_square(count: int) -> list[list[int]]:
    """Orders in which each trial is equally often in each place and after each other trial.

    Args:
        count: of trials, at least 1.

    Returns:
        `count` orders where that is even, twice as many where it is odd: no smaller number of
        orders balances what follows what (Williams 1949, doi 10.1071/CH9490149).
    """
    first = [0, *((i + 1) // 2 if i % 2 else count - i // 2 for i in range(1, count))]
    rows = [[(trial + row) % count for trial in first] for row in range(count)]
    return rows if count % 2 == 0 else [*rows, *(row[::-1] for row in rows)]
