"""Text and tables of unknown origin: written here, by a spreadsheet, or by a person."""

import codecs
import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from emotion_core.errors import InputError

# A log of hours has some ten MB; more is not a table of events.
_MOST_BYTES: Final = 256_000_000
_DELIMITERS: Final = ",;\t"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")
_LONGEST_NUMBER: Final = 60
_NO_FRACTIONS: Final = 1e15


@dataclass(frozen=True, slots=True)
class Text:
    """A text file.

    Attributes:
        text: with "\\n" as line ends, without a byte order mark.
        bom: the file began with one (UTF-8).
        guessed: it is not UTF-8 and was read as Windows-1252, so that some letters may be wrong.
    """

    text: str
    bom: bool = False
    guessed: bool = False


def read_text(path: Path) -> Text:
    """Read UTF-8, UTF-16 with a byte order mark, else Windows-1252.

    Raises:
        InputError: the file is missing, cannot be read, or is far too large.
    """
    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise InputError(f"{path.name} has {size / 1e6:,.0f} MB: no table of a study has.")
        return decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        words = getattr(error, "strerror", None) or error
        raise InputError(f"{path.name} cannot be read: {words}.") from error


def decoded(data: bytes) -> Text:
    """The text of bytes, as `read_text`."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            text = data[len(bom) :].decode(encoding, errors="replace")
            return Text(_line_feeds(text), bom=encoding == "utf-8")
    try:
        return Text(_line_feeds(data.decode("utf-8")))
    except UnicodeDecodeError:
        # Five of its bytes mean nothing.
        return Text(_line_feeds(data.decode("cp1252", errors="replace")), guessed=True)


def _line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        number: as a spreadsheet counts, the header is 1.
        cells: column → cell, without surrounding blanks; a missing cell is "".
        text: the row as the file has it.
        fits: it has no more cells than there are columns.
        closed: every quotation mark in it has its partner.
    """

    number: int
    cells: Mapping[str, str]
    text: str
    fits: bool = True
    closed: bool = True

    def fault(self) -> str:
        """What is wrong with the row, in a sentence; "" if it can be read."""
        if not self.closed:
            return "A quotation mark in this row is never closed."
        return "" if self.fits else "This row has more cells than the table has columns."


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        columns: as in the header; one without a name is called by its number, and a repeated name
            gets one.
        rows: without empty ones.
        delimiter: what is between two cells.
        bom: the file began with a byte order mark.
        guessed: see `Text`.
        renamed: columns that had no name of their own.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    delimiter: str = ","
    bom: bool = False
    guessed: bool = False
    renamed: tuple[str, ...] = ()

    def with_columns(self, names: Mapping[str, str]) -> "Table":
        """The table with other names of its columns; all must differ."""
        if all(column == name for column, name in names.items()):
            return self
        rows = tuple(
            replace(row, cells={names[c]: cell for c, cell in row.cells.items() if c in names})
            for row in self.rows
        )
        return replace(self, columns=tuple(names.values()), rows=rows)


def read_table(path: Path) -> Table:
    """Read a table with a header, its cells between commas, semicolons or tabs.

    Raises:
        InputError: see `read_text`.
    """
    return table_of(read_text(path))


def table_of(text: Text, above: int = 0) -> Table:
    """The table of a text; the first line that is not empty is the header.

    Args:
        text: of the file.
        above: how many lines above the header are not part of the table.
    """
    body = text.text.split("\n", above)[-1] if above else text.text
    delimiter = sniffed(body)
    records = _records(body, delimiter, above)
    header = next(((n, r) for n, r, _ in records if r.strip(f" \t\n{delimiter}")), None)
    if header is None:
        return Table((), (), delimiter, text.bom, text.guessed)
    cells = split_cells(header[1], delimiter)
    names = [" ".join(clean(cell.lstrip("\ufeff")).split()) for cell in cells]
    columns, renamed = _own_names(names)
    rows = tuple(_rows(records, columns, delimiter))
    # An empty column after the last delimiter of a header belongs to nothing.
    used = {c for row in rows for c, cell in row.cells.items() if cell}
    count = len(columns)
    while count and not names[count - 1] and columns[count - 1] not in used:
        count -= 1
    renamed = tuple(c for c in renamed if c in columns[:count])
    return Table(columns[:count], rows, delimiter, text.bom, text.guessed, renamed)


def sniffed(text: str) -> str:
    """What separates the cells of a table: the most frequent candidate of its first line."""
    line = next((line for line in text.split("\n") if line.strip()), "")
    plain = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=plain.count)


def column_key(name: str) -> str:
    """What tells columns apart: "Start s" and "start_s" are one."""
    return re.sub(r"[\s_-]+", "_", name.casefold())


def _own_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: dict[str, str] = {}
    renamed = []
    for number, name in enumerate(names, 1):
        own = name or f"column {number}"
        while column_key(own) in found:
            own = f"{own} {number}"
        found[column_key(own)] = own
        if own != name:
            renamed.append(own)
    return tuple(found.values()), tuple(renamed)


def _rows(
    records: Iterable[tuple[int, str, bool]], columns: tuple[str, ...], delimiter: str
) -> Iterator[Row]:
    blank = f" \t\n{delimiter}"
    for number, record, closed in records:
        if not record.strip(blank):
            continue
        cells = [clean(cell) for cell in split_cells(record, delimiter)]
        fits = not any(cells[len(columns) :])
        cells += [""] * (len(columns) - len(cells))
        yield Row(number, dict(zip(columns, cells, strict=False)), record, fits, closed)


def _records(text: str, delimiter: str, number: int) -> Iterator[tuple[int, str, bool]]:
    """Number and text of each record, and whether every quoted cell ends in it.

    The first record has the number after `number`. A quotation mark without a partner costs its
    own line, not the rest of the file.
    """
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        number += 1
        inside, end = _inside_quotes(lines[at], delimiter), at + 1
        while inside and end < len(lines) and not _misplaced(lines[end], delimiter):
            inside, end = _inside_quotes(lines[end], delimiter, inside), end + 1
        if inside:
            yield number, lines[at], False
            at += 1
        else:
            yield number, "\n".join(lines[at:end]), True
            at = end


def _misplaced(line: str, delimiter: str) -> bool:
    """Whether the first quotation mark of a line cannot be the end of a cell begun earlier."""
    end = re.search(r'(?<!")"(?:"")*(?!")', line)
    return end is not None and line[end.end() : end.end() + 1] not in ("", delimiter, " ")


def _inside_quotes(line: str, delimiter: str, inside: bool = False) -> bool:
    """Whether a line ends inside a quoted cell; `inside`: it begins in one."""
    if '"' not in line:
        return inside
    at = 0
    while True:
        if inside:
            at = line.find('"', at) + 1
            if not at:
                return True
            if line[at : at + 1] == '"':
                at += 1
                continue
            inside = False
        # A quotation mark opens a cell only where the cell begins.
        elif line[at : at + 1] == '"':
            inside, at = True, at + 1
            continue
        at = line.find(delimiter, at) + 1
        if not at:
            return False


def split_cells(record: str, delimiter: str) -> list[str]:
    """The cells of one record."""
    if '"' not in record:
        return record.split(delimiter)
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 128 KiB
        return record.split(delimiter)


def clean(text: str) -> str:
    """A cell without surrounding blanks, its letters composed: macOS writes "ü" as two."""
    text = (_line_feeds(text) if "\r" in text else text).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def written_table(
    columns: Sequence[str],
    rows: Iterable[Mapping[str, str]],
    like: Table,
    unread: Iterable[Row] = (),
) -> bytes:
    """A table as a file, with the delimiter and the byte order mark of an earlier one.

    Args:
        columns: what the header says.
        rows: column → cell; a missing one is empty.
        like: the table that it replaces.
        unread: rows of that table which are kept as they are, after all others.
    """
    text = io.StringIO()
    # A name with another delimiter in it would mislead a reader that guesses the delimiter.
    quote = any(set(column) & set(_DELIMITERS) for column in columns)
    writer = csv.writer(text, delimiter=like.delimiter, lineterminator="\n")
    always = csv.writer(text, delimiter=like.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    (always if quote else writer).writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    # A quotation mark without its partner must have nothing after it.
    for row in sorted(unread, key=lambda row: not row.closed):
        if row.closed and not row.fits:
            # Further columns must not make room for cells that belong to none.
            cells, known = split_cells(row.text, like.delimiter), len(row.cells)
            room = [""] * max(len(columns) - known, 0)
            writer.writerow([*cells[:known], *room, *cells[known:]])
        else:
            text.write(row.text + "\n")
    data = text.getvalue().encode("utf-8", errors="replace")
    return codecs.BOM_UTF8 + data if like.bom else data


def seconds_of(text: str) -> float:
    """Seconds: "83.5", "83,5", "1:23.5" or "00:01:23,500".

    Raises:
        InputError: it is not a time.
    """
    text = text.strip().replace(",", ".")
    # A long text is refused before a pattern or `float` works on it.
    if len(text) <= _LONGEST_NUMBER:
        if ":" in text and (clock := _CLOCK.fullmatch(text.lstrip("+-"))):
            hours, minutes, seconds = (float(part or 0) for part in clock.groups())
            value = 3600 * hours + 60 * minutes + seconds
            return -value if text.startswith("-") else value
        if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
    raise InputError(f'"{text[:_LONGEST_NUMBER]}" is not a time; write seconds, such as 12.5')


def seconds_text(seconds: float) -> str:
    """Seconds to the microsecond, without the noise of binary fractions: 0.1 + 0.2 is "0.3"."""
    if abs(seconds) >= _NO_FRACTIONS:
        return repr(seconds)
    text = f"{seconds:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def range_texts(start_s: float, end_s: float) -> tuple[str, str]:
    """Two times, written so that the later one is still later when it is read."""
    start, end = seconds_text(start_s), seconds_text(end_s)
    same = (float(end) > float(start)) == (end_s > start_s)
    return (start, end) if same else (repr(start_s), repr(end_s))
