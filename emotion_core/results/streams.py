"""Files made piece by piece, so that their size never decides how much memory they take."""

import csv
import io
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

# What a file holds: itself, where it is on disk, or its bytes one piece after the other.
Content = bytes | str | Path | Iterable[bytes]

_PIECE_BYTES: Final = 1 << 18
_ROWS_AT_ONCE: Final = 500
# Deflate gains nothing on these.
_COMPRESSED: Final = frozenset({".jpg", ".mp4", ".npz", ".parquet", ".png", ".zip"})
# A zip without Zip64 ends at 4 GiB for each file; half of that leaves room for a bad compression.
_ZIP64_BYTES: Final = 1 << 31


class ByteSink(io.RawIOBase):
    """A file open for writing that hands on what was written; it cannot seek."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: Any) -> int:
        """Hold a copy of the bytes until the next `take`."""
        piece = bytes(data)
        self._held.append(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        """How many bytes were ever written; pyarrow writes offsets into its files."""
        return self._length

    def take(self) -> bytes:
        """What was written since the last call."""
        data = b"".join(self._held)
        self._held.clear()
        return data


class PieceReader(io.RawIOBase):
    """A file open for reading over an iterable of bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = iter(pieces), b""

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the current piece goes; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def csv_pieces(rows: Iterable[Iterable[str]]) -> Iterator[bytes]:
    """Rows as UTF-8 CSV with bare line feeds, a few hundred rows a piece."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % _ROWS_AT_ONCE == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def zip_pieces(files: Mapping[str, Content]) -> Iterator[bytes]:
    """The bytes of a zip, made while they are read; what is compressed already is stored.

    Args:
        files: name in the archive → content; each content is read when its turn comes.

    Raises:
        OSError: a file cannot be read.
    """
    sink = ByteSink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            with archive.open(_entry(name), "w", force_zip64=_may_be_large(content)) as entry:
                for piece in content_pieces(content):
                    entry.write(piece)
                    if data := sink.take():
                        yield data
    yield sink.take()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    stored = Path(name).suffix.lower() in _COMPRESSED
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _may_be_large(content: Content) -> bool:
    if isinstance(content, Path):
        return content.stat().st_size >= _ZIP64_BYTES
    return not isinstance(content, bytes | str)


def content_pieces(content: Content) -> Iterator[bytes]:
    """A content's bytes, a file's a quarter of a MiB at a time.

    Raises:
        OSError: a file cannot be read.
    """
    if isinstance(content, str):
        yield content.encode()
    elif isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with content.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    else:
        yield from content
