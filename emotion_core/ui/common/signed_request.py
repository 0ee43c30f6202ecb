"""Who sends an HTTP request to the server of the pages, by the cookie that Streamlit signed.

Streamlit reads it for the connection of a page only; links to files are requests of their own.
"""

import mimetypes
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from emotion_core.access.audit import VISITOR, AuditLog
from emotion_core.access.person import Person, admit_claims, admit_header, short_name
from emotion_core.access.settings import AccessSettings, SignOn
from emotion_core.atomic_io import parse_json
from emotion_core.study.store import StudyStore
from emotion_core.ui.common.file_links import OfferedFile, Reader

STUDY: Final = "study"


def person_of(request: Request, settings: AccessSettings) -> Person | None:
    """Who sends a request; None where no one is signed in.

    Call it for a server on which people sign in.
    """
    if settings.sign_on is SignOn.HEADER:
        return admit_header(request.headers.getlist(settings.user_header), settings).person
    return admit_claims(_claims(request), settings).person


def _claims(request: Request) -> dict[str, Any]:
    """What the signed cookie holds; {} without one that is genuine."""

    def one(name: str) -> bytes | None:
        value = request.cookies.get(name)
        if value is None:
            return None
        signed: bytes | None = decode_signed_value(
            get_cookie_secret(), name, value.encode("latin-1", "replace")
        )
        return signed

    try:
        text = get_cookie_with_chunks(one, USER_COOKIE_NAME)
        claims = parse_json(text) if text else {}
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def guard_of(settings: AccessSettings, audit: AuditLog, work_dir: Path) -> "FileGuard":
    """The guard of a server with this work folder."""
    return FileGuard(settings, audit, StudyStore(work_dir / "studies"))


class FileGuard:
    """Hands files to the person to whom the link was given, and notes it in the audit log.

    Args:
        settings: of sign-on.
        audit: the audit log.
        studies: of this server; a study may be taken away from those with whom it was shared.
    """

    def __init__(self, settings: AccessSettings, audit: AuditLog, studies: StudyStore) -> None:
        self._settings, self._audit, self._studies = settings, audit, studies

    def may_fetch(self, request: Request, reader: Reader) -> bool:
        """Whether the one who asks is the one to whom the link was given, and still may."""
        if self._settings.sign_on is SignOn.OFF or not reader.owner:
            return True
        person = person_of(request, self._settings)
        if person is None or person.owner != reader.owner:
            return False
        return reader.kind != STUDY or self._studies.may_open(
            reader.token, person.owner, person.email
        )

    def handed_out(self, request: Request, file: OfferedFile, reader: Reader) -> None:
        """Note that a file was saved; what a player shows is part of the page."""
        # A player and a download that goes on ask for more than one piece.
        later = not request.headers.get("range", "bytes=0-").startswith("bytes=0-")
        if file.inline or later or request.method != "GET":
            return
        person = None
        if self._settings.sign_on is not SignOn.OFF:
            person = person_of(request, self._settings)
        who = person.label if person is not None else VISITOR
        thing = short_name(reader.token) if reader.token else ""
        # Its name may hold that of a person.
        ending = mimetypes.guess_extension(file.media_type) or Path(file.name).suffix
        self._audit.write("export", who, kind=reader.kind, thing=thing, file=ending.lstrip("."))
