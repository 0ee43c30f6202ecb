"""All hostile files: the whole corpus, and the short version that the suite runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostile import names, pictures, references, tables, videos
from hostile.cases import Case, Secrets


@dataclass(frozen=True, slots=True)
class Made:
    """A case and where it lies."""

    case: Case
    path: Path


def all_cases(secrets: Secrets) -> Iterator[Case]:
    """Every case; about 400."""
    yield from videos.cases()
    yield from pictures.cases()
    yield from tables.cases()
    yield from references.cases(secrets)
    yield from names.cases()


def make_corpus(folder: Path, secrets: Secrets, *, short: bool = False) -> list[Made]:
    """Make the files, each in a folder of its own."""
    secrets.write()
    made = []
    for number, case in enumerate(all_cases(secrets)):
        if case.short or not short:
            place = folder / f"{number:04d}"
            place.mkdir(parents=True)
            made.append(Made(case, case.write(place)))
    return made
