"""How far a long task has come: the one type that training, evaluation and analysis report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Told to a program that reads the lines of `--progress json`: one JSON object each, with a field
# "event".
Event = dict[str, Any]
Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long task has come.

    Attributes:
        step: what is being done, in words for people.
        done, total: how much of this step is finished and how much there is, in any unit.
    """

    step: str
    done: float
    total: float

    @property
    def fraction(self) -> float:
        """Share of the step that is finished, 0 to 1."""
        return self.done / self.total if self.total else 0.0


OnProgress = Callable[[Progress], None]
"""Receives each report of progress; called on the thread that does the work."""


def ignore_progress(_: Progress) -> None:
    """Report progress to no one."""
