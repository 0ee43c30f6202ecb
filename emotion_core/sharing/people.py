"""The people who have signed in on any replica of an installation."""

import logging
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from emotion_core.access.people import KnownPerson, People
from emotion_core.access.person import Person
from emotion_core.errors import EmotionCoreError
from emotion_core.sharing.database import PEOPLE, Database

_log = logging.getLogger(__name__)


class SharedPeople(People):
    """As `People`, in the database.

    Args:
        folder: of this replica; nothing is written there.
        database: gives the database of all replicas.
    """

    def __init__(self, folder: Path, database: Callable[[], Database]) -> None:
        super().__init__(folder)
        self._database = database

    def remember(self, person: Person) -> bool:
        """As of `People`."""
        try:
            database = self._database()
            changed = {
                "issuer": person.issuer,
                "subject": person.subject,
                "email": person.email,
                "name": person.name,
                "last_s": database.now,
            }
            insert = database.insert(PEOPLE).values(owner=person.owner, **changed)
            with database.transaction() as connection:
                connection.execute(
                    insert.on_conflict_do_update(index_elements=[PEOPLE.c.owner], set_=changed)
                )
        except EmotionCoreError as error:
            _log.error("The list of people could not be written: %s", error)
            return False
        return True

    def all(self) -> list[KnownPerson]:
        """As of `People`."""
        with self._database().transaction() as connection:
            rows = connection.execute(sa.select(PEOPLE)).all()
        found = [KnownPerson(Person(r.issuer, r.subject, r.email, r.name), r.last_s) for r in rows]
        return sorted(found, key=lambda known: known.person.label)

    def forget(self, person: Person) -> None:
        """As of `People`."""
        with self._database().transaction() as connection:
            connection.execute(sa.delete(PEOPLE).where(PEOPLE.c.owner == person.owner))
