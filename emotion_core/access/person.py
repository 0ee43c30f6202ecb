"""Who is signed in, from what an OpenID provider or a proxy says of them."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from emotion_core.access.settings import AccessSettings

# More than any e-mail address (RFC 5321 allows 254 characters).
_LONGEST: Final = 320


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who is signed in.

    Attributes:
        issuer: who vouches for them: the provider's address, or the proxy's header.
        subject: their lasting name there.
        email: a confirmed e-mail address, or the name that the proxy gave, in lower case; "".
        name: as they are called.
    """

    issuer: str
    subject: str
    email: str = ""
    name: str = ""

    @property
    def owner(self) -> str:
        """The name under which their results are kept, the same at every visit."""
        known = json.dumps([self.issuer, self.subject]).encode()
        return f"person:{sha256(known).hexdigest()}"

    @property
    def label(self) -> str:
        """How the pages and the audit log call them."""
        return self.email or self.name or self.subject[:40]


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come in; without a person `words` say why not, "" where no one has signed in yet."""

    person: Person | None = None
    words: str = ""


def admit_claims(
    claims: Mapping[str, Any], settings: AccessSettings, now_s: float | None = None
) -> Admission:
    """Decide by the claims of an id token (OpenID Connect Core 1.0, section 2).

    Args:
        claims: as Streamlit keeps them, with `is_logged_in`.
        settings: of the server.
        now_s: seconds since 1970.
    """
    if claims.get("is_logged_in") is not True:
        return Admission()
    issuer, subject = _text(claims.get("iss")), _text(claims.get("sub"))
    if not issuer or not subject:
        return Admission(
            words="The sign-on provider does not say who you are: its token has no issuer or "
            "subject. Tell the administrator of this server."
        )
    since_s = claims.get("iat")
    now_s = time.time() if now_s is None else now_s
    known = isinstance(since_s, int | float) and not isinstance(since_s, bool)
    if not known or not now_s - float(since_s or 0) <= settings.sign_on_h * 3600:
        return Admission(words="You signed in a long time ago. Please sign in again.")
    email = _confirmed_email(claims, settings)
    person = Person(issuer, subject, email, _text(claims.get("name")))
    return _of_the_list(person, settings, _text(claims.get("email")))


def admit_header(values: Sequence[str], settings: AccessSettings) -> Admission:
    """Decide by what a trusted proxy wrote into its header.

    Args:
        values: of the header; a proxy replaces what a browser sent, so there is one.
        settings: of the server.
    """
    text = _text(values[0]) if len(values) == 1 else ""
    if not text:
        return Admission()
    issuer = f"header:{settings.user_header.lower()}"
    return _of_the_list(Person(issuer, text, text.casefold(), text), settings, text)


def is_admin(person: Person | None, settings: AccessSettings) -> bool:
    """Whether a person is an administrator of this server."""
    return person is not None and bool(person.email) and person.email in settings.admins


def short_name(token: str) -> str:
    """A name for a study, an analysis or a recording that opens nothing: 12 hexadecimal digits."""
    return sha256(token.encode()).hexdigest()[:12]


def _of_the_list(person: Person, settings: AccessSettings, told: str) -> Admission:
    if settings.may_use(person.email):
        return Admission(person)
    if not person.email:
        return Admission(
            words="This server admits people by their e-mail address, and the sign-on provider "
            "does not confirm yours. Confirm it there, or tell the administrator of this server."
        )
    return Admission(
        words=f"{told} may not use this server. Ask its administrator to add your address, or "
        "sign in with another account."
    )


def _confirmed_email(claims: Mapping[str, Any], settings: AccessSettings) -> str:
    """Some providers let people name any address: only a confirmed one tells who they are."""
    confirmed = claims.get("email_verified")
    # Some providers send it as text.
    good = confirmed is True or (isinstance(confirmed, str) and confirmed.lower() == "true")
    if good or (settings.trust_email and confirmed is None):
        return _text(claims.get("email")).casefold()
    return ""


def _text(value: object) -> str:
    """A text that can be a name, without spaces around it; else ""."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isprintable() and len(text) <= _LONGEST else ""
