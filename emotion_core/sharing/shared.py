"""The database and the object store of an installation with several replicas."""

from emotion_core.sharing.database import Database
from emotion_core.sharing.files import SharedFiles
from emotion_core.sharing.objects import Objects


class Shared:
    """What all replicas share; nothing is connected before it is used.

    Args:
        database_url: as of EMOTION_LAB_DATABASE.
        store_url: as of EMOTION_LAB_STORE.

    Raises:
        SettingsError: a URL cannot be used.
        ModuleNotFoundError: a package of the extra `replicas` is not installed.
    """

    def __init__(self, database_url: str, store_url: str) -> None:
        self.database = Database(database_url)
        self._objects = Objects(store_url)

    def files(self, kind: str) -> SharedFiles:
        """The files of one kind of job."""
        return SharedFiles(self.database, self._objects, kind)

    def check(self) -> None:
        """See whether both can be used.

        Raises:
            StoreError: one of them cannot; says why.
            SettingsError: the store's URL cannot be used.
            MissingDependencyError: a package for this kind of store is not installed.
        """
        self.database.check()
        self.check_store()

    def check_store(self) -> None:
        """See whether the object store can be used; errors as of `check`."""
        self._objects.check()
