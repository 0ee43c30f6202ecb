"""What an administrator decides about sign-on, the audit log, metrics and log lines.

Without any of these variables everything is off, and the program works as for one person.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from emotion_core.config import check_range
from emotion_core.environment import count, is_token, number, switch, token_words, words
from emotion_core.errors import SettingsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK: Final = ("127.0.0.0/8", "::1")
# As uvicorn has it, which believes X-Forwarded-For from these addresses.
_UVICORN_BELIEVES: Final = "127.0.0.1,::1"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
_EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_DOMAIN: Final = re.compile(r"@[^@\s,;<>]+")
_NAME: Final = re.compile(r"[^@\s,;<>]+")
_ONLY_WITH_SIGN_ON: Final = (
    "EMOTION_LAB_USER_HEADER",
    "EMOTION_LAB_TRUSTED_PROXIES",
    "EMOTION_LAB_USERS",
    "EMOTION_LAB_ADMINS",
    "EMOTION_LAB_TRUST_EMAIL",
)


class SignOn(StrEnum):
    """How people sign in."""

    OFF = "off"
    OIDC = "oidc"
    HEADER = "header"


def networks(name: str, parts: tuple[str, ...]) -> tuple[Network, ...]:
    """Addresses and ranges of addresses.

    Raises:
        SettingsError: one of them is not an IP address or a range such as 10.0.0.0/8.
    """
    found = []
    for part in parts:
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise SettingsError(
                f"{name} must hold IP addresses or ranges such as 10.0.0.0/8, separated by "
                f"commas, got {part!r}."
            ) from error
    return tuple(found)


def is_within(address: str, ranges: tuple[Network, ...]) -> bool:
    """Whether an IP address belongs to one of the ranges; False for what is not an address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in known for known in ranges)


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Sign-on, audit log, metrics and log lines.

    Attributes:
        sign_on: how people sign in (EMOTION_LAB_SIGN_ON: oidc or header).
        user_header: the header in which the proxy names the person (EMOTION_LAB_USER_HEADER).
        trusted_proxies: addresses from which that header is believed
            (EMOTION_LAB_TRUSTED_PROXIES); by default those of this machine.
        users: who may sign in, e-mail addresses and whole domains as `@example.org`
            (EMOTION_LAB_USERS); (): everyone whom the provider knows.
        admins: who may see sizes and the audit log, and delete (EMOTION_LAB_ADMINS).
        trust_email: addresses count though the provider does not say that it verified them
            (EMOTION_LAB_TRUST_EMAIL).
        sign_on_h: hours after which a person must sign in again (EMOTION_LAB_SIGN_ON_H).
        sign_out_url: where the proxy signs people out (EMOTION_LAB_SIGN_OUT_URL); "": unknown.
        audit_days: days for which the audit log is kept (EMOTION_LAB_AUDIT_DAYS); 0: there is none.
        metrics: /metrics answers (EMOTION_LAB_METRICS).
        metrics_token: opens it from everywhere (EMOTION_LAB_METRICS_TOKEN); "": addresses only.
        metrics_from: addresses that may read it without a token (EMOTION_LAB_METRICS_FROM).
        json_log: log lines are JSON objects (EMOTION_LAB_LOG=json).
    """

    sign_on: SignOn = SignOn.OFF
    user_header: str = ""
    trusted_proxies: tuple[Network, ...] = networks("default", _LOOPBACK)
    users: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    trust_email: bool = False
    sign_on_h: float = 12.0
    sign_out_url: str = ""
    audit_days: int = 0
    metrics: bool = False
    # Not shown where the settings are printed.
    metrics_token: str = field(default="", repr=False)
    metrics_from: tuple[Network, ...] = networks("default", _LOOPBACK)
    json_log: bool = False

    def __post_init__(self) -> None:
        check_range("EMOTION_LAB_SIGN_ON_H", self.sign_on_h, 0.01, 24 * 30)
        check_range("EMOTION_LAB_AUDIT_DAYS", self.audit_days, 0, 36_500)
        if self.sign_on is SignOn.HEADER and not _HEADER.fullmatch(self.user_header):
            raise SettingsError(
                "EMOTION_LAB_SIGN_ON=header needs EMOTION_LAB_USER_HEADER: the name of the header "
                "in which the proxy names the person, such as X-Forwarded-Email."
            )
        if self.sign_on is SignOn.OIDC and self.user_header:
            raise SettingsError(
                "EMOTION_LAB_USER_HEADER is used with EMOTION_LAB_SIGN_ON=header only: remove one."
            )
        if self.metrics_token and not is_token(self.metrics_token):
            raise SettingsError(token_words("EMOTION_LAB_METRICS_TOKEN"))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "AccessSettings":
        """Read the variables; those that are unset or empty keep their defaults.

        Raises:
            SettingsError: a variable cannot be used; the message names it.
        """
        environ = {name: text for name, text in environ.items() if text.strip()}
        sign_on = _sign_on(environ)
        signed = sign_on is not SignOn.OFF
        proxies = networks(
            "EMOTION_LAB_TRUSTED_PROXIES", words(environ, "EMOTION_LAB_TRUSTED_PROXIES")
        )
        if sign_on is SignOn.HEADER:
            _check_uvicorn(environ, proxies or cls().trusted_proxies)
        plain = sign_on is SignOn.HEADER
        return cls(
            sign_on=sign_on,
            user_header=environ.get("EMOTION_LAB_USER_HEADER", "").strip(),
            trusted_proxies=proxies or cls().trusted_proxies,
            users=_people(environ, "EMOTION_LAB_USERS", plain=plain, domains=True),
            admins=_people(environ, "EMOTION_LAB_ADMINS", plain=plain, domains=False),
            trust_email=switch(environ, "EMOTION_LAB_TRUST_EMAIL"),
            sign_on_h=number(environ, "EMOTION_LAB_SIGN_ON_H", 12.0),
            sign_out_url=_address(environ, "EMOTION_LAB_SIGN_OUT_URL"),
            audit_days=count(environ, "EMOTION_LAB_AUDIT_DAYS", 365 if signed else 0),
            metrics=switch(environ, "EMOTION_LAB_METRICS"),
            metrics_token=environ.get("EMOTION_LAB_METRICS_TOKEN", "").strip(),
            metrics_from=networks(
                "EMOTION_LAB_METRICS_FROM", words(environ, "EMOTION_LAB_METRICS_FROM")
            )
            or cls().metrics_from,
            json_log=_json_log(environ),
        )

    def may_use(self, email: str) -> bool:
        """Whether a person with this confirmed address (or name) may use the server."""
        if not self.users:
            return True
        domain = "@" + email.rpartition("@")[2]
        return bool(email) and (
            email in self.users or email in self.admins or ("@" in email and domain in self.users)
        )


def _sign_on(environ: Mapping[str, str]) -> SignOn:
    text = environ.get("EMOTION_LAB_SIGN_ON", "").strip().lower() or SignOn.OFF
    if text not in tuple(SignOn):
        raise SettingsError(f"EMOTION_LAB_SIGN_ON must be oidc, header or off, got {text!r}.")
    others = [name for name in _ONLY_WITH_SIGN_ON if name in environ]
    # Those who wrote it believe that the server is protected.
    if text == SignOn.OFF and others:
        raise SettingsError(
            f"{others[0]} is set, but sign-on is off. Set EMOTION_LAB_SIGN_ON to oidc or header, "
            f"or remove {others[0]}."
        )
    return SignOn(text)


def _check_uvicorn(environ: Mapping[str, str], proxies: tuple[Network, ...]) -> None:
    """A header is believed by the address it comes from, which others must not be able to forge."""
    believed = [p.strip() for p in environ.get("FORWARDED_ALLOW_IPS", _UVICORN_BELIEVES).split(",")]
    for part in filter(None, believed):
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            network = None
        if network is None or not any(
            network.version == known.version and network.subnet_of(known)  # type: ignore[arg-type]
            for known in proxies
        ):
            raise SettingsError(
                f"The server takes visitors' addresses from {part} (FORWARDED_ALLOW_IPS), which "
                "EMOTION_LAB_TRUSTED_PROXIES does not contain. Set both to the addresses of your "
                "proxy."
            )


def _people(
    environ: Mapping[str, str], name: str, *, plain: bool, domains: bool
) -> tuple[str, ...]:
    """A list of people, in lower case."""
    listed = tuple(part.casefold() for part in words(environ, name))
    if name in environ and not listed:
        raise SettingsError(f"{name} names no one, got {environ[name]!r}.")
    for part in listed:
        if _EMAIL.fullmatch(part):
            continue
        if (domains and _DOMAIN.fullmatch(part)) or (plain and _NAME.fullmatch(part)):
            continue
        whole = ", or whole domains such as @example.org" if domains else ""
        raise SettingsError(
            f"{name} must be a list of e-mail addresses, separated by commas{whole}; got {part!r}."
        )
    return listed


def _address(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name, "").strip()
    parts = urlsplit(text)
    if text and not (parts.scheme in ("http", "https") or text.startswith("/")):
        raise SettingsError(f"{name} must begin with https://, http:// or /, got {text!r}.")
    return text


def _json_log(environ: Mapping[str, str]) -> bool:
    text = environ.get("EMOTION_LAB_LOG", "text").strip().lower()
    if text not in ("text", "json"):
        raise SettingsError(f"EMOTION_LAB_LOG must be text or json, got {text!r}.")
    return text == "json"
