"""What people do on the pages, for the audit log; nothing is kept where that is off."""

from typing import Final

import streamlit as st

from emotion_core.access.audit import VISITOR, AuditLog
from emotion_core.access.person import short_name
from emotion_core.errors import SettingsError
from emotion_core.ui.common.file_links import Reader
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.shared_access import open_audit
from emotion_core.ui.common.sign_on import access_settings, person_here

_SEEN: Final = "audit_seen"
_OPEN: Final = "audit_open"


@st.cache_resource(show_spinner=False)
def audit_log() -> AuditLog:
    """The audit log of this server, or of all replicas.

    Raises:
        SettingsError: an administrator's variable cannot be used.
    """
    return open_audit(app_settings(), access_settings().audit_days)


def note(event: str, kind: str = "", token: str = "", **more: object) -> None:
    """Add a line to the audit log.

    Args:
        event: such as "delete".
        kind: of the thing, such as "study".
        token: of the thing; its short name is written.
        more: further values, no readings and no names from recordings.
    """
    try:
        log = audit_log()
    except SettingsError:
        return
    person = person_here()
    who = person.label if person is not None else VISITOR
    log.write(event, who, kind=kind, thing=short_name(token) if token else "", **more)


def note_open(kind: str, token: str) -> None:
    """Note that a thing is shown: once in a session, however often the page is drawn."""
    st.session_state[_OPEN] = (kind, token)
    seen: set[tuple[str, str]] = st.session_state.setdefault(_SEEN, set())
    if (kind, token) not in seen:
        seen.add((kind, token))
        note("open", kind, token)


def forget_open() -> None:
    """The page begins: it has not shown anything yet."""
    st.session_state.pop(_OPEN, None)


def reader_here() -> Reader:
    """Who may fetch the files that this page offers, and what they belong to."""
    person = person_here()
    kind, token = st.session_state.get(_OPEN, ("", ""))
    return Reader(person.owner if person is not None else "", kind, token)
