"""What is wrong with a part of a study: told at the place where it happened, the rest is used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: a file of the study, and where in it: "recordings.csv, row 5".
        message: a sentence or two: what is wrong, and what to do.
    """

    where: str
    message: str

    @property
    def file(self) -> str:
        """The file of the study that it belongs to: "recordings.csv"."""
        return self.where.partition(",")[0]

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are: "a, b and 7 more"."""
    shown = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems without repetitions, in the order in which they were found."""
    return tuple(dict.fromkeys(problems))
