"""The studies of a server: each in a folder whose name cannot be guessed, kept until deleted."""

import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Set
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.errors import InputError, OutputError
from emotion_core.results.export import output_error
from emotion_core.results.paths import taking_turns

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_HEAD: Final = "study.json"
# In the head: the tokens for coders, and for participants of a presentation.
CODING: Final = "coding"
SESSION: Final = "session"
# And with whom it is shared: e-mail address → when, in seconds since 1970.
_SHARED: Final = "shared"
_LOCK: Final = ".heads.lock"
_PATIENCE_S: Final = 10.0
_EMAIL: Final = re.compile(r"[^@\s,;<>]{1,200}(@[^@\s,;<>]{1,100})?")
# The study itself is a folder within, so that nothing about its owner is zipped with it.
_STUDY: Final = "study"


class StudyStore:
    """All studies of a work folder; every server on this folder sees the same.

    Args:
        root: the folder of studies; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, owner: str, fill: Callable[[Path], object]) -> str:
        """Make a study; returns the token by which it is found again.

        Args:
            owner: name of the visit, which must not become known to others.
            fill: writes the study into the folder it is given. Nothing is kept where it fails.

        Raises:
            OutputError: the work folder cannot be written.
        """
        token = secrets.token_urlsafe(16)
        folder = self._root / token
        head = {"owner": _digest(owner), "created_s": time.time()}
        try:
            folder.mkdir(parents=True)
            fill(folder / _STUDY)
            replace_file(folder / _HEAD, json.dumps(head).encode())
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise output_error(folder, error) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return token

    def find(self, token: str) -> Path | None:
        """The folder of a study; None where there is none (any more)."""
        if not self._head(token):
            return None
        folder = self._root / token / _STUDY
        return folder if folder.is_dir() else None

    def invitation(self, token: str, purpose: str = CODING) -> str:
        """The token by which others come to a study, and to nothing of it but their own page.

        Args:
            token: of the study.
            purpose: CODING or SESSION.

        Raises:
            OutputError: there is no such study, or the work folder cannot be written.
        """
        head = self._known_head(token)
        if purpose not in head:
            made = {purpose: secrets.token_urlsafe(16)}
            head = self._change_head(token, lambda head: made | head)
        return str(head[purpose])

    def invited(self, invitation: str, purpose: str = CODING) -> Path | None:
        """The folder of the study to which an invitation leads; None where there is none."""
        if not _TOKEN.fullmatch(invitation):
            return None
        tokens = (head.parent.name for head in self._heads())
        found = (t for t in tokens if self._head(t).get(purpose) == invitation)
        token = next(found, None)
        return self.find(token) if token else None

    def of(self, owners: Iterable[str], email: str = "") -> list[str]:
        """Tokens of the studies that these visits made, newest first.

        Args:
            owners: names of visits, or a person's.
            email: what others share with this address is among them; "": nothing is.
        """
        wanted = {_digest(owner) for owner in owners}
        heads = {head.parent.name: self._head(head.parent.name) for head in self._heads()}
        found = [token for token, head in heads.items() if _opens(head, wanted, email)]
        return sorted(found, key=lambda token: -float(heads[token].get("created_s", 0.0)))

    def owned_by(self, token: str, owner: str) -> bool:
        """Whether a visit, or a person, made this study."""
        return self.may_open(token, owner, "")

    def may_open(self, token: str, owner: str, email: str) -> bool:
        """Whether a person made this study, or it is shared with their address."""
        return _opens(self._head(token), {_digest(owner)}, email)

    def shared_with(self, token: str) -> tuple[str, ...]:
        """Addresses of those with whom a study is shared, sorted."""
        return tuple(sorted(_shared(self._head(token))))

    def share(self, token: str, email: str) -> None:
        """Let a person see a study; harmless when repeated.

        Args:
            token: of the study.
            email: their address as they sign in with it; upper and lower case are the same.

        Raises:
            InputError: it is not an address.
            OutputError: there is no such study, or the work folder cannot be written.
        """
        address = email.strip().casefold()
        if not _EMAIL.fullmatch(address):
            raise InputError("Give one e-mail address, as the person signs in with it.")
        self._change_head(
            token, lambda head: head | {_SHARED: _shared(head) | {address: time.time()}}
        )

    def unshare(self, token: str, email: str) -> None:
        """Take a study away from a person with whom it was shared; harmless when repeated.

        Raises:
            OutputError: there is no such study, or the work folder cannot be written.
        """
        self._change_head(
            token,
            lambda head: head | {_SHARED: {k: v for k, v in _shared(head).items() if k != email}},
        )

    def _change_head(
        self, token: str, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Change the head of a study, one at a time; returns it as it is then."""
        self._known_head(token)
        path = self._root / token / _HEAD
        try:
            with taking_turns(self._root / _LOCK, _PATIENCE_S):
                head = change(self._known_head(token))
                replace_file(path, json.dumps(head).encode())
        except OSError as error:
            raise output_error(path, error) from error
        return head

    def _known_head(self, token: str) -> dict[str, Any]:
        head = self._head(token)
        if not head:
            raise OutputError("The study is no longer here: it was deleted.")
        return head

    def delete(self, token: str) -> None:
        """Remove a study and everything in it; harmless when repeated.

        Raises:
            OutputError: a file cannot be removed.
        """
        if not _TOKEN.fullmatch(token):
            return
        try:
            shutil.rmtree(self._root / token)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"The study could not be deleted: {error.strerror}.") from error

    def _heads(self) -> list[Path]:
        return list(self._root.glob(f"*/{_HEAD}")) if self._root.is_dir() else []

    def _head(self, token: str) -> dict[str, Any]:
        """What is known of a study; {} where there is none."""
        # Tokens come from the address bar: they must not lead anywhere else.
        if not _TOKEN.fullmatch(token):
            return {}
        try:
            head = parse_json((self._root / token / _HEAD).read_bytes())
        except (OSError, ValueError):
            return {}
        return head if isinstance(head, dict) else {}


def _shared(head: dict[str, Any]) -> dict[str, Any]:
    shared = head.get(_SHARED)
    return shared if isinstance(shared, dict) else {}


def _opens(head: dict[str, Any], owners: Set[str], email: str) -> bool:
    """Whether a study was made by one of these owners (digests), or is shared with an address."""
    return head.get("owner") in owners or (bool(email) and email in _shared(head))


def _digest(owner: str) -> str:
    return sha256(owner.encode()).hexdigest()
