"""Identities that are known when a video has ended: written to its table, offered for review."""

import csv
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from emotion_core.atomic_io import replacing
from emotion_core.datatypes import IntArray
from emotion_core.results.annotations import Edits
from emotion_core.results.export import COLUMNS, output_error
from emotion_core.results.face_table import FaceTable

_TRACK: Final = COLUMNS.index("track_id")
_TRACKLET: Final = COLUMNS.index("tracklet")


class Question(NamedTuple):
    """Whether two identities are one person.

    Attributes:
        person, other: the identities, the smaller number first.
        likelihood: 0 to 1.
    """

    person: int
    other: int
    likelihood: float


def set_identities(path: Path, people: Mapping[int, int]) -> bool:
    """Give the tracklets of faces.csv the identities that are known at the end; False: they have
    them already.

    Args:
        path: of faces.csv.
        people: tracklet → identity; others keep theirs.

    Raises:
        OutputError: the disk does not take the new table; the old one is intact then.
    """
    with path.open(encoding="utf-8", newline="") as file:
        if not any(
            _told_otherwise(row, people) for row in itertools.islice(csv.reader(file), 1, None)
        ):
            return False
    try:
        with (
            path.open(encoding="utf-8", newline="") as file,
            replacing(path) as part,
            part.open("w", encoding="utf-8", newline="") as target,
        ):
            rows, writer = csv.reader(file), csv.writer(target, lineterminator="\n")
            writer.writerow(next(rows))
            for row in rows:
                row[_TRACK] = str(_told_otherwise(row, people) or row[_TRACK])
                writer.writerow(row)
    except OSError as error:
        raise output_error(path, error) from error
    return True


def _told_otherwise(row: list[str], people: Mapping[int, int]) -> int:
    """The identity of a row where it is another than the one written there, else 0."""
    if not row[_TRACK]:
        return 0
    person = people.get(int(row[_TRACKLET]), 0)
    return 0 if person == int(row[_TRACK]) else person


def described_identities(
    table: FaceTable, suggestions: Iterable[tuple[int, int, float]] = ()
) -> dict[str, Any]:
    """What summary.json says of the identities.

    Args:
        table: whole, with the identities of the end.
        suggestions: pairs of identities that may be one person, and how likely that is.
    """
    joined = [
        {"tracklet": int(tracklet), "track_id": person}
        for person in table.people
        for tracklet in _in_order(table.tracklet[table.track_id == person])[1:]
    ]
    return {
        "joined": joined,
        "suggestions": [
            {"track_id": one, "other_id": other, "likelihood": likelihood}
            for one, other, likelihood in suggestions
        ],
    }


def _in_order(tracklets: IntArray) -> IntArray:
    """Each number once, in the order of appearance."""
    numbers, first = np.unique(tracklets, return_index=True)
    return np.asarray(numbers[np.argsort(first)], np.int64)


def open_questions(
    summary: Mapping[str, Any], edits: Edits, people: Sequence[int]
) -> list[Question]:
    """The suggestions of an analysis that were not answered yet, likeliest first.

    Args:
        summary: of the results.
        edits: with the answers; excluded people are not asked about.
        people: the identities of the table with the edits applied.
    """
    found = (summary.get("identities") or {}).get("suggestions") or []
    questions: dict[tuple[int, int], Question] = {}
    for entry in found:
        one, other = (edits.merged.get(entry[k], entry[k]) for k in ("track_id", "other_id"))
        pair = (min(one, other), max(one, other))
        there = one != other and {one, other} <= set(people)
        if there and pair not in edits.different and pair not in questions:
            questions[pair] = Question(*pair, float(entry["likelihood"]))
    return list(questions.values())


def joined_tracklets(summary: Mapping[str, Any], edits: Edits) -> dict[int, int]:
    """Tracklet → identity, of those that were recognised automatically and not taken apart."""
    found = (summary.get("identities") or {}).get("joined") or []
    return {
        int(entry["tracklet"]): int(entry["track_id"])
        for entry in found
        if entry["tracklet"] not in edits.apart
    }
