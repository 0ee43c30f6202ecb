"""What those see who have not signed in, and the menu of those who have."""

import json
import logging
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from emotion_core.access.person import Admission, Person
from emotion_core.access.settings import AccessSettings, SignOn
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.ui.common.audit_trail import note
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.shared_access import open_people
from emotion_core.ui.common.sign_on import (
    access_settings,
    admission,
    bind_session,
    providers,
    sign_on_problem,
)
from emotion_core.ui.common.text import escape

_log = logging.getLogger(__name__)
_PATIENCE_S: Final = 5.0
_MOST_BYTES: Final = 1_000_000
# Streamlit leads everybody who has signed in to the start page. The tab keeps which page was asked
# for, as a path: it leads nowhere but to this server.
_ASKED_SCRIPT: Final = """export default function ({ data }) {
  const here = location.pathname + location.search;
  if (!data.signed_in) {
    sessionStorage.setItem("emotion_lab_asked", here);
    return;
  }
  const asked = sessionStorage.getItem("emotion_lab_asked");
  sessionStorage.removeItem("emotion_lab_asked");
  if (data.start && asked && asked !== here) location.replace(location.origin + asked);
}"""


def admit() -> tuple[Person | None, str]:
    """Let a person in, or tell what is wrong.

    Returns:
        The person who is signed in, and a problem of this server's settings; no person and no
        problem where no one has to sign in (`signs_on` tells) or no one has.
    """
    try:
        settings = access_settings()
    except SettingsError as error:
        return None, str(error)
    problem = sign_on_problem(settings)
    if problem or settings.sign_on is SignOn.OFF:
        return None, problem
    person = admission().person
    if bind_session(person) and person is not None:
        note("sign in")
        _remember(person)
    return person, ""


def _remember(person: Person) -> None:
    try:
        open_people(app_settings()).remember(person)
    except EmotionCoreError as error:
        _log.error("%s", error)


def show_sign_in(problem: str) -> None:
    """Draw what there is to see without signing in.

    Args:
        problem: of this server's settings; "" where people can sign in.
    """
    st.title("Sign in", anchor=False)
    if problem:
        _log.error("Nobody can sign in: %s", problem)
        st.error(f"This server admits no one now. {escape(problem)}", icon=":material/error:")
        return
    settings, found = access_settings(), admission()
    if found.words:
        st.warning(escape(found.words), icon=":material/block:")
    if settings.sign_on is SignOn.HEADER:
        _by_proxy(settings, found)
        return
    _lead_to_asked_page(signed_in=False)
    st.markdown("Sign in to use this lab. Everyone sees only their own results and studies.")
    for name, address in providers().items():
        words = f"Sign in with {name.title()}" if name else "Sign in"
        if st.button(words, type="primary", icon=":material/login:", key=f"sign_in_{name}"):
            _begin(name, address)
    if found.words:
        st.button("Sign out", icon=":material/logout:", key="sign_out_refused", on_click=st.logout)


def _lead_to_asked_page(*, signed_in: bool, start: bool = False) -> None:
    """Keep which page was asked for until its visitor has signed in; draws nothing.

    Args:
        signed_in: they have, and are led there.
        start: this is the start page.
    """
    lead = st.components.v2.component("emotion_lab_asked", js=_ASKED_SCRIPT)
    # The style of the page hides this container: it would leave a gap.
    with st.container(key="visit"):
        lead(key="visit_asked", data={"signed_in": signed_in, "start": start}, height=1)


def _by_proxy(settings: AccessSettings, found: Admission) -> None:
    if not found.words:
        st.info(
            "This lab is reached through the sign-on of its organisation, which has not told this "
            "server who you are. Open the address that your organisation gave you.",
            icon=":material/login:",
        )
    if settings.sign_out_url:
        st.link_button("Sign out", settings.sign_out_url, icon=":material/logout:")


def _begin(name: str, address: str) -> None:
    """Go to the provider, where it answers: its own error page would not say what is wrong."""
    host = urlsplit(address).netloc
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE_S) as answer:
            known = json.loads(answer.read(_MOST_BYTES))
        if not known.get("authorization_endpoint"):
            raise ValueError("it names no authorization_endpoint")
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "reason", None) or error
        _log.error("The sign-on provider at %s cannot be used: %s", address, reason)
        st.error(
            f"The sign-on provider at {escape(host)} does not answer as it should. Try again in a "
            "moment; if that does not help, tell the administrator of this server.",
            icon=":material/cloud_off:",
        )
        return
    st.login(name or None)


def show_account(person: Person, *, start: bool) -> None:
    """Draw who is signed in, and a way out; lead those who have just come to where they were going.

    Args:
        person: who is signed in.
        start: this is the start page.
    """
    settings = access_settings()
    if settings.sign_on is SignOn.OIDC:
        _lead_to_asked_page(signed_in=True, start=start)
    with st.popover(escape(person.label), icon=":material/account_circle:", key="account"):
        if person.name and person.name != person.email:
            st.markdown(f"**{escape(person.name)}**")
        st.caption("Signed in. Only you see your results; studies can be shared.")
        if settings.sign_on is SignOn.OIDC:
            st.button("Sign out", icon=":material/logout:", key="sign_out", on_click=_leave)
        elif settings.sign_out_url:
            st.link_button("Sign out", settings.sign_out_url, icon=":material/logout:")
        else:
            st.caption("Sign out where you signed in: at your organisation’s sign-on.")


def _leave() -> None:
    note("sign out")
    st.logout()
