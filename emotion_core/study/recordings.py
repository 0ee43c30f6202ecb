"""recordings.csv: which recordings a study has, who is seen in them, and under which condition."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from emotion_core.errors import InputError
from emotion_core.results.paths import FACES, safe_name
from emotion_core.study.definitions import Recording
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import (
    Row,
    Table,
    clean,
    column_key,
    range_texts,
    read_table,
    seconds_of,
    seconds_text,
    written_table,
)

RECORDINGS: Final = "recordings.csv"
_FIRST: Final = ("recording", "file", "participant")
_LAST: Final = ("start_s", "end_s", "clock_offset_s", "person", "include", "reason")
# Every other column is one of the study's variables.
COLUMNS: Final = (*_FIRST, *_LAST)
_NO_TABLE: Final = Table(COLUMNS, ())
# What looks like the suffix of a file: ".mp4", but not ".5".
SUFFIX: Final = re.compile(r"\.(?=\d*[A-Za-z])\w{2,5}")
_UNUSED: Final = " The row is kept as it is, and not used until it is corrected."
_YES: Final = frozenset({"", "yes", "y", "true", "1", "ja", "j", "wahr", "oui", "vrai", "x"})
_NO: Final = frozenset({"no", "n", "false", "0", "nein", "falsch", "non", "faux"})
# What other tables call these columns.
_ALIASES: Final[Mapping[str, str]] = {
    "name": "recording",
    "filename": "file",
    "file_name": "file",
    "path": "file",
    "video": "file",
    "subject": "participant",
    "subject_id": "participant",
    "participant_id": "participant",
    "start": "start_s",
    "end": "end_s",
    "offset": "clock_offset_s",
    "clock_offset": "clock_offset_s",
    "offset_s": "clock_offset_s",
}


@dataclass(frozen=True, slots=True)
class RecordingsFile:
    """What recordings.csv holds.

    Attributes:
        recordings: the rows that can be used, in their order.
        table: the file as it was read.
        unread: rows that cannot be used; they are kept when the file is written.
        problems: what is wrong with them, and with the header.
    """

    recordings: tuple[Recording, ...] = ()
    table: Table = _NO_TABLE
    unread: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_recordings(path: Path) -> RecordingsFile:
    """Read recordings.csv; a row that cannot be used costs only itself.

    Raises:
        InputError: the file cannot be read at all.
    """
    return recordings_of(read_table(path))


def import_recordings(path: Path, taken: Iterable[str] = ()) -> RecordingsFile:
    """Recordings from a table that another program wrote, or a person.

    Unlike in recordings.csv, the columns may have other usual names (subject, filename, start …),
    and names that cannot be used are changed until they can.

    Args:
        path: CSV with commas, semicolons or tabs.
        taken: names that the study's recordings have already.

    Raises:
        InputError: the file cannot be read at all, or has no column that names files.
    """
    table = read_table(path)
    names = {column_key(column): column for column in table.columns}
    for key in names:
        # The first of two that mean the same, unless the table has the column itself.
        usual = _ALIASES.get(key)
        if usual and usual not in {column_key(name) for name in names.values()}:
            names[key] = usual
    table = table.with_columns(dict(zip(table.columns, names.values(), strict=True)))
    if not {"file", "recording"} & {column_key(column) for column in table.columns}:
        raise InputError(
            f'{path.name} has neither a column "file" nor a column "recording". Its columns are: '
            f"{', '.join(table.columns) or 'none'}."
        )
    return recordings_of(table, path.name, taken=taken, rename=True)


def recordings_of(
    table: Table, where: str = RECORDINGS, *, taken: Iterable[str] = (), rename: bool = False
) -> RecordingsFile:
    """The recordings of a table.

    Args:
        table: with the columns of recordings.csv, in any order.
        where: the file's name, for what is told about it.
        taken: names that are in use.
        rename: change names that cannot be used, instead of telling them.
    """
    table = table.with_columns({column: _known(column) for column in table.columns})
    used = {name.casefold() for name in taken}
    found, unread, problems = [], [], list(_header_problems(table, where))
    for row in table.rows:
        try:
            recording = _recording_of(row, used, rename)
        except InputError as error:
            unread.append(row)
            hint = "" if rename else _UNUSED
            problems.append(Problem(f"{where}, row {row.number}", f"{error}{hint}"))
        else:
            used.add(recording.recording.casefold())
            found.append(recording)
    return RecordingsFile(tuple(found), table, tuple(unread), tuple(problems))


def _known(column: str) -> str:
    key = column_key(column)
    return key if key in COLUMNS else column


def _header_problems(table: Table, where: str) -> Iterable[Problem]:
    if table.guessed:
        yield Problem(
            where,
            "The file is not UTF-8 and was read as Windows-1252. If letters are wrong, save it as "
            '"CSV UTF-8".',
        )
    for column in table.renamed:
        yield Problem(
            f"{where}, row 1",
            f'A column has no name of its own and is called "{column}". Name it in the first row.',
        )
    if table.rows and not {"recording", "file"} & set(table.columns):
        yield Problem(
            f"{where}, row 1",
            'There is neither a column "recording" nor a column "file": no row can be used.',
        )


def _recording_of(row: Row, used: set[str], rename: bool) -> Recording:
    cells = row.cells
    if fault := row.fault():
        raise InputError(fault)
    name, file = cells.get("recording", ""), cells.get("file", "")
    if not (name or file):
        raise InputError("This row names neither a recording nor a file.")
    if not name:
        name = recording_name(file, used)
    elif rename and (name.casefold() in used or safe_name(name) != name):
        name = free_name(name, used)
    if name.casefold() in used:
        raise InputError(f'There is already a recording "{name}". Give this one another name.')
    check_name(name)
    return recording_from({**cells, "recording": name})


def check_name(name: str) -> None:
    """Refuse a name that cannot be that of a file on every system.

    Raises:
        InputError: it cannot; the message has one that can.
    """
    if safe_name(name) != name:
        raise InputError(
            f'"{name}" cannot be the name of a recording, because files are named after it. '
            f'"{safe_name(name)}" can.'
        )


def recording_from(cells: Mapping[str, str]) -> Recording:
    """A recording from the cells of its row; all columns that are not known are variables.

    Raises:
        InputError: a time is not one, or `include` is neither yes nor no.
    """
    include = cells.get("include", "").casefold()
    if include not in _YES | _NO:
        raise InputError(f'include must be yes or no, not "{cells["include"]}".')
    return Recording(
        recording=cells.get("recording", ""),
        file=cells.get("file", ""),
        participant=cells.get("participant", ""),
        variables={name: cell for name, cell in cells.items() if name not in COLUMNS},
        start_s=_time(cells, "start_s") or 0.0,
        end_s=_time(cells, "end_s"),
        clock_offset_s=_time(cells, "clock_offset_s") or 0.0,
        person=cells.get("person", ""),
        include=include in _YES,
        reason=cells.get("reason", ""),
    )


def _time(cells: Mapping[str, str], column: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        return seconds_of(text)
    except InputError as error:
        raise InputError(f"{column}: {error}.") from error


def cells_of(recording: Recording) -> dict[str, str]:
    """The cells of a recording's row, as they are written."""
    start = seconds_text(recording.start_s) if recording.start_s else ""
    end = ""
    if recording.end_s is not None:
        written, end = range_texts(recording.start_s, recording.end_s)
        start = start and written
    offset = recording.clock_offset_s
    return {
        **recording.variables,
        "recording": recording.recording,
        "file": recording.file,
        "participant": recording.participant,
        "start_s": start,
        "end_s": end,
        "clock_offset_s": seconds_text(offset) if offset else "",
        "person": recording.person,
        "include": "yes" if recording.include else "no",
        "reason": recording.reason,
    }


def written_recordings(before: RecordingsFile, recordings: Sequence[Recording]) -> bytes:
    """recordings.csv with other recordings; order of columns, delimiter and unread rows stay.

    Raises:
        InputError: two recordings have one name, or a name cannot be used.
    """
    seen: set[str] = set()
    for recording in recordings:
        check_name(recording.recording)
        if recording.recording.casefold() in seen:
            raise InputError(f'There are two recordings "{recording.recording}". Rename one.')
        seen.add(recording.recording.casefold())
    columns = _columns(before, recordings)
    rows = (cells_of(recording) for recording in recordings)
    return written_table(columns, rows, before.table, before.unread)


def _columns(before: RecordingsFile, recordings: Sequence[Recording]) -> list[str]:
    variables = {name: None for r in recordings for name in r.variables}
    kept = before.table.columns
    # The cells of rows that cannot be read belong to the columns as they are.
    if recordings and not before.unread:
        kept = tuple(c for c in kept if c in COLUMNS or c in variables)
    new = [name for name in variables if name not in kept]
    missing = [c for c in COLUMNS if c not in kept]
    if before.unread:
        return [*kept, *missing, *new]
    first = [c for c in _FIRST if c in missing]
    columns = [*first, *kept, *(c for c in missing if c not in first)]
    at = max(i for i, c in enumerate(columns) if c not in _LAST) + 1
    return [*columns[:at], *new, *columns[at:]]


def check_variables(recordings: Iterable[Recording]) -> None:
    """Refuse names of columns that recordings.csv cannot have.

    Raises:
        InputError: a name is empty, has several lines, or is that of another column.
    """
    seen = set(COLUMNS)
    for name in {name: None for r in recordings for name in r.variables}:
        if not name or name != " ".join(clean(name).split()):
            raise InputError(f'"{name}" cannot be the name of a column. Write it in one line.')
        if column_key(name) in seen:
            raise InputError(f'There are two columns "{name}". Rename one.')
        seen.add(column_key(name))


def recording_name(file: str, taken: Iterable[str]) -> str:
    """A name for a recording that is safe as a file name and not taken.

    Args:
        file: path of a video or a results folder, with slashes or backslashes, or another name.
        taken: names in use; capital and small letters count as the same.
    """
    return free_name(stem_of(file), taken)


def stem_of(file: str) -> str:
    """The last part of a path without its suffix, with slashes or backslashes; that of a folder.

    A folder may have a point in its name: only what looks like the suffix of a file is one.
    """
    path = PurePosixPath(file.replace("\\", "/"))
    if path.name == FACES:
        path = path.parent
    return path.stem if SUFFIX.fullmatch(path.suffix) else path.name


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name, made safe as that of a file, with a number where it is taken."""
    used = {other.casefold() for other in taken}
    base = name = clean(safe_name(clean(name)))
    number = 1
    while name.casefold() in used or safe_name(name) != name:
        number += 1
        tail = f"-{number}"
        name = safe_name(base.encode()[:120].decode(errors="ignore")[: 60 - len(tail)]) + tail
    return name


def cleaned(recording: Recording) -> Recording:
    """A recording as it will be read again: without surrounding blanks, accents composed."""
    cells = {column: clean(cell) for column, cell in cells_of(recording).items()}
    return recording_from(cells)


def merge_changes(
    seen: Sequence[Recording], wanted: Sequence[Recording], now: Sequence[Recording]
) -> tuple[Recording, ...]:
    """Apply a person's changes to recordings that others changed in the meantime.

    Args:
        seen: what this person saw.
        wanted: what this person made of it.
        now: what is on disk; its changes since `seen` are kept. Of one cell that both changed, the
            person's is kept.
    """
    if list(seen) == list(now):
        return tuple(wanted)
    before = {r.recording: r for r in seen}
    after = {r.recording: r for r in wanted}
    disk = {r.recording: r for r in now}
    kept = [r for r in now if r.recording in after or r.recording not in before]
    merged = [
        _merged(before.get(r.recording), after[r.recording], r) if r.recording in after else r
        for r in kept
    ]
    # A row that another deleted is not brought back, unless this person changed it.
    new = [r for r in wanted if r.recording not in disk and before.get(r.recording) != r]
    return (*merged, *new)


def _merged(before: Recording | None, after: Recording, now: Recording) -> Recording:
    if before is None:
        return after
    old, new = cells_of(before), cells_of(after)
    gone = old.keys() - new.keys()
    changed = {column: cell for column, cell in new.items() if old.get(column) != cell}
    cells = {column: cell for column, cell in cells_of(now).items() if column not in gone}
    return recording_from(cells | changed)


def add_recordings(now: Sequence[Recording], read: RecordingsFile) -> tuple[Recording, ...]:
    """Recordings with those of another table.

    Of a recording that both have, the table changes the columns that it has and leaves the others.
    """
    spelt = {column_key(name): name for row in now for name in cells_of(row)}
    names = {column: spelt.get(column_key(column), column) for column in read.table.columns}
    said = {}
    for row in read.recordings:
        cells = cells_of(row)
        of_table = {name: cells[column] for column, name in names.items() if column in cells}
        said[row.recording.casefold()] = {**of_table, "recording": row.recording}
    changed = []
    for row in now:
        given = said.pop(row.recording.casefold(), None)
        same_name = {"recording": row.recording}
        changed.append(row if given is None else recording_from(cells_of(row) | given | same_name))
    return (*changed, *map(recording_from, said.values()))
