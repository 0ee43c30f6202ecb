"""What the replicas share is asked for a sign of life by few, and for all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from emotion_core.errors import StoreError
from emotion_core.ui.common.shared import _Check


class Away:
    """A database that says after a while that it cannot be used."""

    def __init__(self) -> None:
        self.asked, self.problem = 0, "it is away"

    def check(self) -> None:
        self.asked += 1
        threading.Event().wait(0.2)
        if self.problem:
            raise StoreError(self.problem)


def test_visitors_wait_for_one_answer_together_and_a_reload_asks_again() -> None:
    away, check = Away(), _Check()
    known = cast(Any, away)
    with ThreadPoolExecutor(8) as visitors:
        assert set(visitors.map(check.problem, [known] * 8)) == {"it is away"}
    # Some may have come when the first answer was on its way already.
    assert away.asked <= 2
    before, away.problem = away.asked, ""
    assert check.problem(known) == ""
    assert check.problem(known) == ""
    assert away.asked == before + 1
