"""The sessions of a study: numbers of participants, and what became of each session."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json, write_json
from emotion_core.errors import InputError, OutputError
from emotion_core.results.paths import taking_turns
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.presentation.log import LOG, Head, read_head
from emotion_core.study.presentation.outcome import Lag, Outcome
from emotion_core.study.recordings import free_name
from emotion_core.study.text_files import clean

RESULT: Final = "presentation.json"
NUMBERS: Final = "participants.json"
_LOCK: Final = ".participants.lock"
_PATIENCE_S: Final = 20.0
_LONGEST_CODE: Final = 40


def next_number(folder: Path) -> int:
    """The number of the next participant; numbers begin at 1."""
    return _free_number(_numbers(folder))


def _free_number(numbers: Mapping[str, int]) -> int:
    taken = set(numbers.values())
    return next(n for n in range(1, len(taken) + 2) if n not in taken)


def take_number(folder: Path, code: str = "") -> tuple[str, int]:
    """The code and the number of a participant.

    Args:
        folder: of the study.
        code: of the participant; "" makes one of the number. A code that was here before keeps its
            number, and so its order.

    Raises:
        InputError: the code cannot be used.
        OutputError: the study cannot be written.
    """
    code = checked_code(code)
    with _locked(folder):
        numbers = _numbers(folder)
        number = numbers.get(code, 0) or _free_number(numbers)
        if not code:
            code = _free_code(number, numbers)
        write_json(folder / NUMBERS, numbers | {code: number})
    return code, number


def give_back_number(folder: Path, code: str) -> None:
    """Free the number of a participant of whom nothing is kept.

    Raises:
        OutputError: the study cannot be written.
    """
    with _locked(folder):
        write_json(folder / NUMBERS, {c: n for c, n in _numbers(folder).items() if c != code})


def checked_code(code: str) -> str:
    """A participant's code as it is kept.

    Raises:
        InputError: it is too long, or has letters that cannot be shown.
    """
    code = clean(code)
    if len(code) > _LONGEST_CODE or (code and not code.isprintable()):
        raise InputError(f"A participant's code has at most {_LONGEST_CODE} plain letters.")
    return code


def _free_code(number: int, numbers: Mapping[str, int]) -> str:
    code = f"P{number:03}"
    while code in numbers:
        code += "x"
    return code


def _numbers(folder: Path) -> dict[str, int]:
    try:
        values = parse_json((folder / NUMBERS).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{NUMBERS} cannot be read: correct it, or delete it to count from 1 again."
        ) from error
    pairs = values.items() if isinstance(values, dict) else ()
    return {str(c): n for c, n in pairs if isinstance(n, int) and not isinstance(n, bool) and n > 0}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        with taking_turns(folder / _LOCK, _PATIENCE_S):
            yield
    except OSError as error:
        raise OutputError(f"The study could not be changed: {error.strerror}.") from error


def session_name(study: Study, participant: str) -> str:
    """A free name for the recording of a session."""
    taken = [recording.recording for recording in study.reopened().recordings]
    taken += [folder.name for folder in (study.folder / ANALYSED).glob("*")]
    return free_name(participant, taken)


def keep_outcome(study: Study, name: str, head: Head, outcome: Outcome, lag: Lag | None) -> None:
    """Write the row of a session and its events; doing it again changes nothing.

    Args:
        study: what is on disk is changed.
        name: of the recording.
        head: of the session's log.
        outcome: of the session.
        lag: how late pictures arrived.

    Raises:
        EmotionCoreError: the study cannot be written.
    """
    order = order_text(head.items)
    row = Recording(
        recording=name,
        file=study.portable_path(study.folder / ANALYSED / name),
        participant=head.participant,
        variables={"order": order, "session_ended": outcome.how, **outcome.ratings},
        # An event at t of the server's clock is seen in the picture that arrives at t + lag.
        clock_offset_s=-round(lag.median_s, 3) if lag else 0.0,
    )

    def add(rows: tuple[Recording, ...]) -> tuple[Recording, ...]:
        others = {variable: "" for other in rows for variable in other.variables}
        new = replace(row, variables=others | dict(row.variables))
        if any(other.recording == name for other in rows):
            return tuple(new if other.recording == name else other for other in rows)
        return (*rows, new)

    study.change_recordings(add)
    study.change_events(
        lambda events: [*(e for e in events if e.recording != name), *outcome.events]
    )


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session on the researcher's tab.

    Attributes:
        recording: its name.
        participant, number: of the participant.
        order: the trials, by name.
        started_utc: when it began.
        result: presentation.json; {} while the session runs, or after a crash.
    """

    recording: str
    participant: str
    number: int
    order: str
    started_utc: str
    result: Mapping[str, Any]


def sessions_of(study: Study) -> list[SessionRow]:
    """All sessions of a study that began, oldest first."""
    rows = []
    for path in (study.folder / ANALYSED).glob(f"*/{LOG}"):
        with contextlib.suppress(InputError):
            head = read_head(path)
            rows.append(
                SessionRow(
                    recording=path.parent.name,
                    participant=head.participant,
                    number=head.number,
                    order=order_text(head.items),
                    started_utc=head.started_utc,
                    result=read_result(path.parent),
                )
            )
    return sorted(rows, key=lambda row: row.started_utc)


def order_text(items: tuple[Mapping[str, Any], ...]) -> str:
    """The stimuli of an order, by name: "cat > dog"."""
    return " > ".join(str(i["name"]) for i in items if i.get("kind") in ("picture", "clip"))


def read_result(folder: Path) -> dict[str, Any]:
    """presentation.json of a recording; {} where there is none that can be read."""
    try:
        values = parse_json((folder / RESULT).read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
