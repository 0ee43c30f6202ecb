"""Rows of a data set's CSV, one at a time, with limits that keep a hostile one harmless."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterator
from typing import IO, Final

from emotion_core.datasets.archives import DAMAGED, MOST_FILES, Tree
from emotion_core.errors import DatasetError

# A row of fer2013.csv has less than 10 kB.
LONGEST_LINE: Final = 64_000
_MOST_COLUMNS: Final = 100
_SHOWN: Final = 200


def read_rows(tree: Tree, name: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The number of each row's line, from 1, and its cells; blank lines are left out.

    Memory does not grow with the file.

    Args:
        tree: holds the file.
        name: of the file.
        where: what messages call it.

    Raises:
        DatasetError: not UTF-8 or not a CSV, or a line, a row or their number is out of all
            proportion; the message names the row.
    """
    with contextlib.closing(tree.open(name)) as file:
        rows = csv.reader(_lines(file, where), strict=True)
        try:
            for cells in rows:
                _check(cells, rows.line_num, where)
                if cells:
                    yield rows.line_num, cells
        except csv.Error as error:
            raise DatasetError(
                f"{where} is no readable CSV: row {rows.line_num}: {error}."
            ) from error


def _check(cells: list[str], number: int, where: str) -> None:
    if number > MOST_FILES:
        raise DatasetError(f"{where} has more than {MOST_FILES:,} rows, the most that are read.")
    if len(cells) > _MOST_COLUMNS:
        raise DatasetError(
            f"{where}, row {number} has {len(cells):,} columns; tables of faces have a dozen."
        )


def _lines(file: IO[bytes], where: str) -> Iterator[str]:
    for number in itertools.count(1):
        try:
            line = file.readline(LONGEST_LINE)
        except DAMAGED as error:
            raise DatasetError(f"{where} cannot be read ({error}).") from error
        if len(line) == LONGEST_LINE:
            raise DatasetError(
                f"{where}, row {number} has more than {LONGEST_LINE:,} characters; a face has less "
                "than 10,000."
            )
        if not line:
            return
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{where} is no readable CSV: row {number} is not UTF-8 text. Save the table as "
                "CSV in UTF-8."
            ) from error


def column_places(header: list[str], columns: tuple[str, ...], where: str) -> list[int]:
    """Positions of columns in a header.

    Raises:
        DatasetError: some are missing; the message names them.
    """
    missing = [c for c in columns if c not in header]
    if missing:
        has = ", ".join(header)
        raise DatasetError(
            f"{where} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"it has {has[:_SHOWN]}{'…' * (len(has) > _SHOWN)}."
        )
    return [header.index(c) for c in columns]


def named_rows(
    tree: Tree, name: str, columns: tuple[str, ...], where: str
) -> Iterator[tuple[int, list[str]]]:
    """The number of each row's line and the cells of some columns, found by the header.

    Raises:
        DatasetError: as `read_rows`; a column is missing, or a row has other cells than the header.
    """
    rows = read_rows(tree, name, where)
    _, header = next(rows, (1, [""]))
    places = column_places(header, columns, where)
    for number, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(
                f"{where}, row {number} has {len(cells)} cells, the header {len(header)}; the file "
                "may be cut short."
            )
        yield number, [cells[place] for place in places]
