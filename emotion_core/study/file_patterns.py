"""Columns of a study read from file names: `{participant}_{stimulus}.mp4`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

from emotion_core.errors import InputError
from emotion_core.study.definitions import Recording
from emotion_core.study.recordings import (
    COLUMNS,
    SUFFIX,
    check_variables,
    free_name,
    recording_name,
)
from emotion_core.study.text_files import clean

_TOKENS: Final = re.compile(r"\{([^{}]*)\}|(\*)|([^{}*]+)|([{}])")
_MAY_BE_READ: Final = frozenset({"recording", "participant", "person"})


@dataclass(frozen=True, slots=True)
class Matches:
    """What a pattern says about some files.

    Attributes:
        rows: for each file that matches, column → value, and "file" → its path.
        unmatched: the files that do not match.
    """

    rows: list[dict[str, str]]
    unmatched: list[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """A literal, or a field; the name of the field `*` is ""."""

    literal: str = ""
    field: str | None = None


def match(pattern: str, names: Iterable[str]) -> Matches:
    """Read columns from file names.

    A field `{column}` takes everything up to the first place where the text after it in the pattern
    is found; `*` takes anything, and is forgotten. The last part of a path is compared, or as many
    parts as the pattern has slashes. The suffix of the file need not be in the pattern, and capital
    letters in it do not matter. A column that is named twice must have the same value twice.

    Args:
        pattern: such as `{participant}_{stimulus}.mp4` or `{participant}/{stimulus}_*`.
        names: files or folders, with slashes or backslashes.

    Raises:
        InputError: the pattern names no column, one that is not read from names, or has nothing
            between two columns.
    """
    suffix, parts = _parsed(pattern)
    levels = pattern.replace("\\", "/").strip("/").count("/") + 1
    found = Matches([], [])
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        row = None
        if not suffix or path.suffix.lower() == suffix.lower():
            row = _matched(parts, "/".join(_without_suffix(path).parts[-levels:]))
        if row is None:
            found.unmatched.append(name)
        else:
            found.rows.append({**row, "file": name})
    return found


def _without_suffix(path: PurePosixPath) -> PurePosixPath:
    """The path without what looks like the suffix of a file: a folder may have a point, too."""
    return path.with_suffix("") if SUFFIX.fullmatch(path.suffix) else path


def _parsed(pattern: str) -> tuple[str, list[_Part]]:
    """The suffix of a pattern, and its other parts."""
    pattern = clean(pattern.replace("\\", "/").strip("/"))
    suffix = SUFFIX.search(pattern, max(pattern.rfind("."), 0))
    suffix_text = suffix.group() if suffix and suffix.end() == len(pattern) else ""
    body = pattern[: len(pattern) - len(suffix_text)]
    parts = []
    for field, star, literal, brace in _TOKENS.findall(body):
        if brace:
            raise InputError(f'"{pattern}" has a brace without its partner: write {{column}}.')
        if literal:
            parts.append(_Part(literal=literal))
        else:
            parts.append(_Part(field="" if star else " ".join(field.split())))
    _check(pattern, parts, "{}" in body)
    return suffix_text, parts


def _check(pattern: str, parts: Sequence[_Part], unnamed: bool) -> None:
    columns = {part.field for part in parts if part.field}
    if unnamed or not columns:
        raise InputError(f'"{pattern}" names no column: write {{participant}}_{{stimulus}}.mp4.')
    if known := sorted(columns & (set(COLUMNS) - _MAY_BE_READ)):
        raise InputError(f'The column "{known[0]}" cannot be read from the names of files.')
    check_variables([Recording("", "", "", dict.fromkeys(columns - _MAY_BE_READ, ""))])
    if any(a.field is not None and b.field is not None for a, b in pairwise(parts)):
        raise InputError(f'"{pattern}": put a character between two columns, such as "_".')


def _matched(parts: Sequence[_Part], text: str) -> dict[str, str] | None:
    """The value of each column; None: the text does not match."""
    text, row, at = clean(text), dict[str, str](), 0
    for number, part in enumerate(parts):
        if part.field is None:
            # What follows a field was looked for with it.
            if not number and not text.startswith(part.literal):
                return None
            at = len(part.literal) if not number else at
            continue
        literal = parts[number + 1].literal if number + 1 < len(parts) else ""
        last = number + 2 >= len(parts)
        end = len(text) - len(literal) if last else text.find(literal, at + bool(part.field))
        value = text[at:end]
        if end < at or not text.startswith(literal, end) or "/" in value:
            return None
        if part.field and (not value.strip() or row.setdefault(part.field, value) != value):
            return None
        at = end + len(literal)
    return {column: clean(value) for column, value in row.items()}


def recordings_from(
    files: Iterable[str], pattern: str, existing: Iterable[Recording] = ()
) -> tuple[list[Recording], list[str]]:
    """New recordings of files, with columns read from their names.

    Args:
        files: as recordings.csv will have them.
        pattern: see `match`; "" reads nothing, and leaves the participant empty.
        existing: the study's recordings; files that one of them has already are left out.

    Returns:
        The recordings, and the files that do not match the pattern.

    Raises:
        InputError: see `match`.
    """
    known = list(existing)
    there = {recording.file for recording in known}
    new = [file for file in dict.fromkeys(files) if file not in there]
    found = match(pattern, new) if pattern else Matches([{"file": file} for file in new], [])
    taken = [recording.recording for recording in known]
    made = []
    for row in found.rows:
        named = row.get("recording")
        name = free_name(named, taken) if named else recording_name(row["file"], taken)
        taken.append(name)
        variables = {c: value for c, value in row.items() if c not in COLUMNS}
        participant, person = row.get("participant", ""), row.get("person", "")
        made.append(Recording(name, row["file"], participant, variables, person=person))
    return made, found.unmatched
