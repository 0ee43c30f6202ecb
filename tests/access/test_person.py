"""Who a person is, by what a provider or a proxy says of them."""

from typing import Any

import pytest

from emotion_core.access.person import (
    Person,
    admit_claims,
    admit_header,
    is_admin,
    short_name,
)
from emotion_core.access.settings import AccessSettings, SignOn

NOW_S = 1_800_000_000.0
SETTINGS = AccessSettings(SignOn.OIDC, admins=("chief@example.org",))
CLAIMS: dict[str, Any] = {
    "is_logged_in": True,
    "iss": "https://id.example.org",
    "sub": "17",
    "email": "Anna@Example.org",
    "email_verified": True,
    "name": "Anna",
    "iat": NOW_S - 60,
}


def who(settings: AccessSettings = SETTINGS, **changes: Any) -> Person | None:
    return admit_claims(CLAIMS | changes, settings, NOW_S).person


def test_a_person_is_issuer_and_subject_whatever_their_address() -> None:
    anna = who()
    assert anna == Person("https://id.example.org", "17", "anna@example.org", "Anna")
    moved = who(email="anna@elsewhere.org")
    assert anna is not None
    assert moved is not None
    assert moved.owner == anna.owner
    others = [who(sub="18"), who(iss="https://other.example.org")]
    assert anna.owner not in {other.owner for other in others if other}
    # No two pairs are taken for one.
    assert Person("a", "bc").owner != Person("ab", "c").owner


@pytest.mark.parametrize(
    "changes",
    [
        {"is_logged_in": False},
        {"is_logged_in": "yes"},
        {"iss": None},
        {"sub": ""},
        {"sub": "a\nb"},
        {"iat": NOW_S - 13 * 3600},
        {"iat": None},
        {"iat": "now"},
        {"iat": float("nan")},
        {"iat": True},
    ],
)
def test_incomplete_and_old_claims_let_no_one_in(changes: dict[str, Any]) -> None:
    assert who(**changes) is None


@pytest.mark.parametrize(
    ("confirmed", "trust", "email"),
    [
        (True, False, "anna@example.org"),
        ("true", False, "anna@example.org"),
        (False, False, ""),
        (False, True, ""),
        (None, False, ""),
        (None, True, "anna@example.org"),
        ("no", True, ""),
        (1, False, ""),
    ],
)
def test_only_a_confirmed_address_counts(confirmed: object, trust: bool, email: str) -> None:
    person = who(AccessSettings(SignOn.OIDC, trust_email=trust), email_verified=confirmed)
    assert person is not None
    assert person.email == email


def test_an_address_that_no_one_confirmed_makes_no_administrator() -> None:
    assert is_admin(who(email="chief@example.org"), SETTINGS)
    assert not is_admin(who(email="chief@example.org", email_verified=False), SETTINGS)
    assert not is_admin(who(), SETTINGS)
    assert not is_admin(None, SETTINGS)
    # An empty list names nobody, also not those without an address.
    assert not is_admin(who(email_verified=False), AccessSettings(SignOn.OIDC))


def test_those_who_are_not_on_the_list_are_told() -> None:
    settings = AccessSettings(SignOn.OIDC, users=("@lab.example.org",))
    found = admit_claims(CLAIMS, settings, NOW_S)
    assert found.person is None
    assert "Anna@Example.org may not use this server" in found.words
    found = admit_claims(CLAIMS | {"email_verified": False}, settings, NOW_S)
    assert found.person is None
    assert "does not confirm" in found.words
    assert who(settings, email="anna@lab.example.org")


HEADER = AccessSettings(SignOn.HEADER, user_header="X-User")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["Anna@example.org"], "anna@example.org"),
        ([" anna "], "anna"),
        ([], None),
        ([""], None),
        # A proxy that adds its header to the browser's own does not say which is true.
        (["chief", "anna"], None),
        (["a" * 400], None),
        (["an\x00na"], None),
    ],
)
def test_a_header_names_one_person(values: list[str], name: str | None) -> None:
    person = admit_header(values, HEADER).person
    assert (person.email if person else None) == name


def test_short_names_open_nothing() -> None:
    token = "A" * 22
    assert len(short_name(token)) == 12
    assert short_name(token) not in token
