"""The studies of this server, and which of them are this visitor's."""

from pathlib import Path
from typing import Final

import streamlit as st

from emotion_core.study.store import StudyStore
from emotion_core.ui.common.audit_trail import note_open
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.sign_on import person_here, signs_on
from emotion_core.ui.common.visitor_jobs import remember_visitor, visitors

_PARAMETER: Final = "study"
_SHOWN: Final = "study_shown"
_MINE: Final = "studies"


@st.cache_resource(show_spinner=False)
def study_store() -> StudyStore:
    """Shared by all visitors. A study is kept until it is deleted, whatever the retention."""
    return StudyStore(app_settings().work_dir / "studies")


def my_studies() -> list[str]:
    """Tokens of the studies that this visitor made or came to by their address, newest first.

    Call it once in a run of the page: where there are some, the browser is told to remember.
    """
    store = study_store()
    if signs_on():
        # Others may have shared a study, or taken it away, a moment ago.
        person = person_here()
        return store.of([person.owner], person.email) if person else []
    if _MINE not in st.session_state:
        st.session_state[_MINE] = store.of(visitors())
    tokens: list[str] = st.session_state[_MINE]
    given = st.query_params.get(_PARAMETER, "")
    if given and given not in tokens:
        tokens.append(given)
    st.session_state[_MINE] = tokens = [t for t in tokens if store.find(t) is not None]
    if tokens:
        remember_visitor()
    return tokens


def shown_study() -> str | None:
    """The study that the page shows, or None for the start; it is part of the address."""
    if _SHOWN not in st.session_state:
        st.session_state[_SHOWN] = st.query_params.get(_PARAMETER)
    token: str | None = st.session_state[_SHOWN]
    if token:
        st.query_params[_PARAMETER] = token
    return token


def study_folder(token: str) -> Path | None:
    """The folder of a study that this visitor may see; None where there is none.

    Where people sign in, its address alone opens nothing: it is theirs, or shared with them.
    """
    if signs_on():
        person = person_here()
        store = study_store()
        if person is None or not store.may_open(token, person.owner, person.email):
            return None
    if (folder := study_store().find(token)) is not None:
        note_open("study", token)
    return folder


def is_mine(token: str) -> bool:
    """Whether this visitor may delete a study and share it; where no one signs in, everyone may."""
    if not signs_on():
        return True
    person = person_here()
    return person is not None and study_store().owned_by(token, person.owner)


def show_study_of(token: str | None) -> None:
    """Show a study from the next run of the page on; None shows the start."""
    st.session_state[_SHOWN] = token
    if token is None:
        st.query_params.pop(_PARAMETER, None)
    elif token not in (mine := st.session_state.setdefault(_MINE, [])):
        mine.insert(0, token)
