"""Who is signed in on this page, and whether they may see it. Draws nothing.

Streamlit's own sign-on (`st.login`, OpenID Connect) or a header of a trusted proxy tells who it is.
Whatever is wrong with the settings, no one is let in: the page says what to do instead.
"""

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

from emotion_core.access.person import Admission, Person, admit_claims, admit_header, is_admin
from emotion_core.access.settings import AccessSettings, SignOn
from emotion_core.errors import SettingsError
from emotion_core.extras import missing_extra

_log = logging.getLogger(__name__)
_SHORTEST_SECRET: Final = 32
_PROVIDER_KEYS: Final = ("client_id", "client_secret", "server_metadata_url")
_CALLBACK: Final = "/oauth2callback"
_FILE: Final = ".streamlit/secrets.toml"
_IN_SESSION: Final = "signed_in_owner"


class _Server:
    """What the server of the pages has put in place before the first visit."""

    drops_forged_headers = False


SERVER: Final = _Server()


def access_settings() -> AccessSettings:
    """The administrator's settings of sign-on and operation.

    Raises:
        SettingsError: a variable cannot be used.
    """
    return AccessSettings.from_environment()


def sign_on_problem(settings: AccessSettings) -> str:
    """Why no one can sign in on this server, and what to do; "" where all is well."""
    if settings.sign_on is SignOn.OFF:
        return ""
    if st.get_option("server.trustedUserHeaders"):
        return (
            "Streamlit's server.trustedUserHeaders believes everybody: remove it, and use "
            "EMOTION_LAB_SIGN_ON=header with EMOTION_LAB_USER_HEADER."
        )
    if settings.sign_on is SignOn.HEADER:
        if SERVER.drops_forged_headers:
            return ""
        return "Sign-on by a proxy's header works for the whole program only: start Home.py."
    if find_spec("authlib") is None or find_spec("httpx") is None:
        name = "httpx" if find_spec("authlib") else "authlib"
        return str(missing_extra(ModuleNotFoundError(name=name)))
    return _secrets_problem(_auth_section())


def _auth_section() -> Mapping[str, Any] | None:
    """The table [auth] of Streamlit's secrets; None where the file cannot be read."""
    if not st.secrets.load_if_toml_exists():
        return None
    section = st.secrets.get("auth", {})
    return section if isinstance(section, Mapping) else {}


def _secrets_problem(auth: Mapping[str, Any] | None) -> str:
    if auth is None:
        return f"{_FILE} is missing or cannot be read; sign-on needs its table [auth]."
    address = urlsplit(str(auth.get("redirect_uri", "")))
    if address.scheme not in ("http", "https") or not address.path.endswith(_CALLBACK):
        return (
            f"redirect_uri in [auth] of {_FILE} must be this program's address with {_CALLBACK} "
            f"at its end, such as https://lab.example.org{_CALLBACK}."
        )
    # Whoever guesses it signs in as anyone.
    if len(str(auth.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        return (
            f"cookie_secret in [auth] of {_FILE} must have at least {_SHORTEST_SECRET} characters. "
            "This makes one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    known = _provider_tables(auth)
    if not known:
        return f"[auth] of {_FILE} names no provider: it needs {', '.join(_PROVIDER_KEYS)}."
    problems = (_provider_problem(name, table) for name, table in known.items())
    return next(filter(None, problems), "")


def _provider_tables(auth: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name → table of each provider; "" is the one without a name."""
    named = {
        name: table
        for name, table in auth.items()
        if isinstance(table, Mapping) and any(key in table for key in _PROVIDER_KEYS)
    }
    unnamed = {"": auth} if any(key in auth for key in _PROVIDER_KEYS) else {}
    return unnamed | named


def _provider_problem(name: str, table: Mapping[str, Any]) -> str:
    place = f"[auth.{name}]" if name else "[auth]"
    if "_" in name:
        return f"{place} of {_FILE}: Streamlit knows no providers with _ in their names."
    missing = [key for key in _PROVIDER_KEYS if not str(table.get(key, "")).strip()]
    if missing:
        return f"{place} of {_FILE} lacks {', '.join(missing)}."
    address = urlsplit(str(table["server_metadata_url"]))
    local = address.hostname in ("localhost", "127.0.0.1", "::1")
    if address.scheme != "https" and not (address.scheme == "http" and local):
        return f"server_metadata_url in {place} of {_FILE} must begin with https://."
    return ""


def providers() -> dict[str, str]:
    """Name → address of the metadata of each provider, as `st.login` wants the names."""
    tables = _provider_tables(_auth_section() or {})
    return {name: str(table["server_metadata_url"]) for name, table in tables.items()}


def admission() -> Admission:
    """Who has signed in on this page, or why they may not come in."""
    settings = access_settings()
    if settings.sign_on is SignOn.OFF or sign_on_problem(settings):
        return Admission()
    if settings.sign_on is SignOn.HEADER:
        return admit_header(st.context.headers.get_all(settings.user_header), settings)
    return admit_claims(st.user.to_dict(), settings)


def signs_on() -> bool:
    """Whether people must sign in on this server; also where its settings are wrong."""
    try:
        return access_settings().sign_on is not SignOn.OFF
    except SettingsError:
        return True


def person_here() -> Person | None:
    """The person of this page; None where no one is signed in, or where no one needs to."""
    try:
        return admission().person
    except SettingsError:
        return None


def admin_here() -> bool:
    """Whether the person of this page is an administrator."""
    try:
        return is_admin(person_here(), access_settings())
    except SettingsError:
        return False


def bind_session(person: Person | None) -> bool:
    """Keep what one person does in a tab from the next one; returns whether they just came."""
    owner = person.owner if person is not None else ""
    known = st.session_state.get(_IN_SESSION)
    if known is not None and known != owner:
        st.session_state.clear()
    st.session_state[_IN_SESSION] = owner
    return known != owner
