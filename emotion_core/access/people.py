"""The people who have signed in: for the list of sizes that an administrator sees."""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emotion_core.access.person import Person
from emotion_core.atomic_io import parse_json, replace_file

_log = logging.getLogger(__name__)
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Someone who has signed in before, and when they last did, in seconds since 1970."""

    person: Person
    last_s: float


class People:
    """Everybody who has signed in on servers of one work folder.

    Args:
        folder: holds one small file for each; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, person: Person) -> bool:
        """Note that a person signed in; returns whether that could be written."""
        known = {
            "issuer": person.issuer,
            "subject": person.subject,
            "email": person.email,
            "name": person.name,
            "last_s": time.time(),
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name = person.owner.removeprefix("person:") + _SUFFIX
            replace_file(self._folder / name, json.dumps(known).encode())
        except OSError as error:
            _log.error("The list of people could not be written: %s", error)
            return False
        return True

    def all(self) -> list[KnownPerson]:
        """Everybody, sorted by how they are called.

        Raises:
            StoreError: they are in a database, which does not answer.
        """
        found = [known for path in self._folder.glob(f"*{_SUFFIX}") if (known := _read(path))]
        return sorted(found, key=lambda known: known.person.label)

    def forget(self, person: Person) -> None:
        """Take a person off the list; their results are not touched.

        Raises:
            OSError: the file cannot be removed.
            StoreError: they are in a database, which does not answer.
        """
        name = person.owner.removeprefix("person:") + _SUFFIX
        (self._folder / name).unlink(missing_ok=True)


def _read(path: Path) -> KnownPerson | None:
    try:
        known = parse_json(path.read_bytes())
        words = [str(known[name]) for name in ("issuer", "subject", "email", "name")]
        return KnownPerson(Person(*words), float(known["last_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
