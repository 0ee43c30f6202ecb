"""What the store of codes holds: clips, plans, coders, and the rows of its tables."""

import contextlib
import json
import sqlite3
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from emotion_core.errors import InputError, SettingsError
from emotion_core.study.coding.replay import Action, Code, Key
from emotion_core.study.coding.scheme import CodeKind

LONGEST_NAME: Final = 60
_KEY: Final = tuple(f.name for f in fields(Key))


@dataclass(frozen=True, slots=True)
class Unit:
    """A clip that is coded.

    Attributes:
        id: unique in the study.
        plan: id of the plan that it belongs to.
        recording: of which it is a part.
        start_s, end_s: seconds on the clock of the video.
        training: its answers are known, and shown afterwards; it does not count.
        answers: the known answers.
        answered_by: the coder whose codes these are.
    """

    id: str
    plan: int
    recording: str
    start_s: float
    end_s: float
    training: bool = False
    answers: tuple[Code, ...] = ()
    answered_by: str = ""


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """A plan and its clips: `units` of them."""

    id: int
    name: str
    seed: int
    settings: dict[str, Any]
    units: int


@dataclass(frozen=True, slots=True)
class Coder:
    """A coder: `share` of the clips of every plan is given to this one, above 0 to 1."""

    name: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class CoderProgress:
    """How far a coder is.

    Attributes:
        coder: who.
        units, done: clips that are given and that are done, training left out.
        training, training_done: the same of training clips.
        keys: keys pressed so far.
        last_s: when the last of them was pressed, seconds since 1970; 0: never.
    """

    coder: Coder
    units: int
    done: int
    training: int
    training_done: int
    keys: int
    last_s: float


def folded(name: str) -> str:
    """Equal for names that people would take for one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def clean_name(name: str) -> str:
    """A coder's name as it is kept.

    Raises:
        InputError: it is empty, too long, or means the machine.
    """
    clean = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    clean = clean.encode("utf-8", "replace").decode()
    if not folded(clean) or len(clean) > LONGEST_NAME:
        raise InputError(f"A coder needs a name of 1 to {LONGEST_NAME} letters.")
    if folded(clean) == "machine":
        raise InputError("“machine” names the program’s own readings: take another name.")
    return clean


def check_share(share: float) -> None:
    """Raise SettingsError unless a coder can have this share of the clips."""
    if not 0 < share <= 1:
        raise SettingsError("The share of a coder must be above 0 % and at most 100 %.")


def unit_row(unit_id: str, plan: int, place: int, unit: Unit) -> tuple[Any, ...]:
    """A clip as a row of the table `units`."""
    answers = [(c.start_s, c.end_s, c.code, c.cannot_tell, str(c.kind)) for c in unit.answers]
    return (
        unit_id, plan, place, unit.recording, unit.start_s, unit.end_s, int(unit.training),
        json.dumps(answers), unit.answered_by,
    )  # fmt: skip


@contextlib.contextmanager
def _checked(what: str) -> Iterator[None]:
    # As SQLite tells of damage elsewhere in the file: the transaction makes a sentence of it.
    try:
        yield
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError(f"{what}: {error}") from error


def unit_of(row: sqlite3.Row) -> Unit:
    """The clip of a row of the table `units`.

    Raises:
        sqlite3.DatabaseError: the row is damaged.
    """
    with _checked(f"clip {row['id']}"):
        answers = tuple(
            Code(str(i), code, start_s, end_s, CodeKind(kind), cannot_tell)
            for i, (start_s, end_s, code, cannot_tell, kind) in enumerate(
                json.loads(row["answers"])
            )
        )
    return Unit(
        row["id"], row["plan"], row["recording"], row["start_s"], row["end_s"],
        bool(row["training"]), answers, row["answered_by"],
    )  # fmt: skip


def key_of(row: sqlite3.Row) -> Key:
    """The key of a row of the table `keys`.

    Raises:
        sqlite3.DatabaseError: the row is damaged.
    """
    values = {name: row[name] for name in _KEY}
    with _checked(f"key {row['number']}"):
        return Key(
            **values
            | {
                "action": Action(row["action"]),
                "kind": CodeKind(row["kind"]),
                "exclusive": bool(row["exclusive"]),
            }
        )


def plan_of(row: sqlite3.Row) -> PlanInfo:
    """The plan of a row of the table `plans`, with the number of its clips in `units`.

    Raises:
        sqlite3.DatabaseError: the row is damaged.
    """
    with _checked(f"plan {row['id']}"):
        settings = json.loads(row["settings"])
    return PlanInfo(row["id"], row["name"], row["seed"], settings, row["units"])
