"""Which person of a video is the participant of a recording."""

import math
from collections.abc import Iterable

import numpy as np

from emotion_core.errors import InputError
from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import FaceTable, seconds_between
from emotion_core.study.definitions import Recording


def participant_rows(
    table: FaceTable,
    edits: Edits,
    person: str = "",
    start_s: float = 0.0,
    end_s: float | None = None,
) -> FaceTable:
    """The rows of a recording's participant, with all analysed frames.

    Args:
        table: as read, without the edits.
        edits: names, merged and excluded people of the results folder.
        person: number or name of the participant in the video; "" takes the one who is seen longest
            in the recording's range.
        start_s, end_s: this range, in seconds.

    Raises:
        InputError: there is no such person, or there are several.
    """
    edited = edits.apply(table)
    wanted = person.strip()
    if not wanted:
        return edited.person(_seen_longest(edited, start_s, end_s))
    return edited.person(_wanted(edited, edits, wanted))


def show_several(rows: Iterable[Recording]) -> bool:
    """Whether the recordings of one video are of several people: one is named, or their
    participants differ. Two parts of a video may well be of one."""
    rows = list(rows)
    return any(r.person.strip() for r in rows) or len({r.participant for r in rows}) > 1


def _seen_longest(table: FaceTable, start_s: float, end_s: float | None) -> int:
    seconds = seconds_between(table, start_s, math.inf if end_s is None else end_s)
    seen = (seconds > 0) & ~table.predicted
    people, which = np.unique(table.track_id[seen], return_inverse=True)
    if not len(people):
        raise InputError("No face was found in this recording.")
    return int(people[np.bincount(which, weights=seconds[seen]).argmax()])


def _wanted(table: FaceTable, edits: Edits, wanted: str) -> int:
    by_name = [i for i in table.people if wanted in (edits.names.get(i), edits.name_of(i))]
    if len(by_name) == 1:
        return by_name[0]
    if by_name:
        numbers = " and ".join(map(str, sorted(by_name)))
        raise InputError(
            f"Several people of this video are called {wanted}: give a number instead ({numbers})."
        )
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 16 else None
    if number is not None:
        number = edits.merged.get(number, number)
        if number in table.people:
            return number
    if number in edits.excluded or wanted in [edits.names.get(i) for i in edits.excluded]:
        raise InputError(
            f"Person {wanted} is excluded from this video: include the person there, or choose "
            "another one."
        )
    known = ", ".join(edits.name_of(i) for i in table.people) or "there are none"
    raise InputError(f"There is no person {wanted} in this video. Its people: {known}.")
