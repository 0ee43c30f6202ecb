"""What this server shares with the other replicas, where an administrator has set it up."""

import importlib
import itertools
import math
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import streamlit as st
from filelock import FileLock, Timeout

from emotion_core.errors import EmotionCoreError
from emotion_core.extras import missing_extra
from emotion_core.ui.common.resources import app_settings

if TYPE_CHECKING:
    from emotion_core.sharing.shared import Shared

_CLAIM: Final = ".claimed"
# Long enough to keep a crowd of visitors from asking all the time.
_CHECK_EVERY_S: Final = 60.0


@st.cache_resource(show_spinner=False)
def shared() -> "Shared | None":
    """The database and the object store of all replicas; None where this server is the only one.

    Raises:
        SettingsError: an administrator's variable cannot be used.
        MissingDependencyError: a package of the extra `replicas` is not installed.
    """
    settings = app_settings()
    if not settings.database:
        return None
    module: Any = shared_module("emotion_core.sharing.shared")
    made: Shared = module.Shared(settings.database, settings.store)
    return made


def shared_module(name: str) -> Any:
    """A module that only a server of several replicas imports.

    Raises:
        MissingDependencyError: a package of the extra `replicas` is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing_extra(error) from error


@st.cache_resource(show_spinner=False)
def replica_folder() -> Path:
    """A folder below the work folder that belongs to this server while it runs.

    What servers have left there that run no more is deleted: the others have it.

    Raises:
        OSError: the work folder cannot be written.
    """
    base = app_settings().work_dir.resolve() / "replicas"
    base.mkdir(parents=True, exist_ok=True)
    mine = next(f for n in itertools.count(1) if _claim(f := base / str(n)))
    for other in base.iterdir():
        if other != mine and _claim(other, keep=False):
            shutil.rmtree(other, ignore_errors=True)
    return mine


_claims: list[FileLock] = []


def _claim(folder: Path, *, keep: bool = True) -> bool:
    """Whether no running server has the folder; it is this one's then, for as long as it runs."""
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / _CLAIM)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    if not (folder / _CLAIM).exists():
        # Another server has just deleted the folder.
        lock.release()
        return False
    if keep:
        _claims.append(lock)
    else:
        lock.release()
    return True


class _Check:
    """The newest answer of the database and the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checked_s, self._problem = -math.inf, ""

    def problem(self, known: "Shared") -> str:
        """What is wrong with them, "" where they can be used."""
        asked_s = time.monotonic()
        with self._lock:
            # A failure is asked about each time: the visitor reloads to see whether it is over. But
            # not by those who have waited here for that very answer.
            last_s = 0.0 if self._problem else _CHECK_EVERY_S
            if asked_s > self._checked_s + last_s:
                self._problem = ""
                try:
                    known.check()
                except EmotionCoreError as error:
                    self._problem = str(error)
                self._checked_s = time.monotonic()
            return self._problem


_check: Final = _Check()


def stop_without_shared() -> None:
    """End the page's run with a message where what the replicas share cannot be used."""
    try:
        known = shared()
        problem = _check.problem(known) if known is not None else ""
    except EmotionCoreError as error:
        problem = str(error)
    if problem:
        stop_because(problem)


def stop_because(problem: object) -> NoReturn:
    """End the page's run with what is wrong with the database or the object store."""
    st.error(f"{problem} Reload this page to try again.", icon=":material/cloud_off:")
    st.stop()
