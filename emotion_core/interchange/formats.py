"""The formats by name, and one way to write any number of recordings in each of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from emotion_core.errors import InputError
from emotion_core.interchange.bids import bids_label, write_bids
from emotion_core.interchange.boris import write_boris, write_boris_project
from emotion_core.interchange.document import Document, Written
from emotion_core.interchange.elan import write_elan
from emotion_core.interchange.textgrid import write_textgrid
from emotion_core.interchange.webvtt import write_webvtt
from emotion_core.results.paths import safe_name
from emotion_core.results.streams import Content, zip_pieces


@dataclass(frozen=True, slots=True)
class Format:
    """A format of another program.

    Attributes:
        label: for people.
        program: that opens it.
        suffix: of its file, or of the zip where it has several.
        media_type: of this file.
        each: writes one document; None where one file holds all of them.
        together: writes all documents into a file of a name; None where each has its own.
        stem: what is left of a name in the format's file names.
    """

    label: str
    program: str
    suffix: str
    media_type: str
    each: Callable[[Document], Written] | None = None
    together: Callable[[Sequence[Document], str], Written] | None = None
    stem: Callable[[str], str] = safe_name


_ZIP: Final = "application/zip"
NOTES: Final = "notes.txt"
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "elan": Format("ELAN (.eaf)", "ELAN", ".eaf", "application/xml", write_elan),
        "boris": Format(
            "BORIS events (.tsv)",
            "BORIS",
            ".tsv",
            "text/tab-separated-values",
            together=write_boris,
        ),
        "boris-project": Format(
            "BORIS project (.boris)",
            "BORIS",
            ".boris",
            "application/json",
            together=write_boris_project,
        ),
        "textgrid": Format("Praat (.TextGrid)", "Praat", ".TextGrid", "text/plain", write_textgrid),
        "webvtt": Format("WebVTT (.vtt)", "video players", ".vtt", "text/vtt", write_webvtt),
        "bids": Format(
            "BIDS events (.tsv, .json)",
            "BIDS tools",
            ".zip",
            _ZIP,
            write_bids,
            stem=bids_label,
        ),
    }
)


def write(documents: Sequence[Document], to: str, name: str) -> Written:
    """Write documents in a format.

    Args:
        documents: one for each recording.
        to: a key of `FORMATS`.
        name: of the file where one holds all of them; made safe as that of a file.

    Returns:
        Files with names of their own, safe on every system, and what could not be kept as it is;
        each sentence begins with the recording where there are several.

    Raises:
        InputError: there is no such format.
    """
    if to not in FORMATS:
        raise InputError(f'There is no format "{to}". There are: {", ".join(FORMATS)}.')
    known, several = FORMATS[to], len(documents) > 1
    documents = _with_own_names(documents, known.stem)
    files: dict[str, bytes] = {}
    problems = [
        f"{document.name}: {note}" if several else note
        for document in documents
        for note in document.notes
    ]
    if known.together is not None:
        written = known.together(documents, safe_name(name))
        return Written(written.files, (*problems, *written.problems))
    for document in documents:
        written = known.each(document) if known.each is not None else Written({})
        files |= written.files
        problems += [f"{document.name}: {p}" if several else p for p in written.problems]
    return Written(files, tuple(problems))


def _with_own_names(
    documents: Sequence[Document], stem: Callable[[str], str]
) -> tuple[Document, ...]:
    """Documents whose names are safe and differ, also where capital and small letters are equal."""
    used: set[str] = set()
    named = []
    for document in documents:
        base = name = safe_name(document.name)
        number = 1
        while stem(name).casefold() in used:
            number += 1
            name = f"{base}-{number}"
        used.add(stem(name).casefold())
        named.append(replace(document, name=name))
    return tuple(named)


def is_zipped(to: str, several: bool) -> bool:
    """Whether a download in a format is a zip.

    Args:
        to: a key of `FORMATS`.
        several: there may be more than one recording.
    """
    return FORMATS[to].media_type == _ZIP or (several and FORMATS[to].together is None)


def download_pieces(
    documents: Sequence[Document], to: str, name: str, several: bool = False
) -> Iterator[bytes]:
    """The file that `write` makes, or a zip of its files and of what is to be told (notes.txt).

    Args:
        documents: see `write`.
        to: see `write`.
        name: see `write`.
        several: see `is_zipped`.

    Raises:
        InputError: there is no such format.
    """
    written = write(documents, to, name)
    if not is_zipped(to, several):
        yield from written.files.values()
        return
    files: dict[str, Content] = dict(written.files)
    if written.problems:
        files[NOTES] = "".join(f"{problem}\n" for problem in written.problems)
    yield from zip_pieces(files)
