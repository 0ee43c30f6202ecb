"""Sign-on is off by default, and wrong settings name themselves instead of opening the server."""

import ipaddress

import pytest

from emotion_core.access.settings import AccessSettings, SignOn, is_within
from emotion_core.errors import SettingsError

read = AccessSettings.from_environment
HEADER = {"EMOTION_LAB_SIGN_ON": "header", "EMOTION_LAB_USER_HEADER": "X-Forwarded-Email"}


def test_without_variables_everything_is_off() -> None:
    settings = read({})
    assert settings == AccessSettings()
    assert settings.sign_on is SignOn.OFF
    assert (settings.audit_days, settings.metrics, settings.json_log) == (0, False, False)


def test_sign_on_brings_the_audit_log() -> None:
    assert read({"EMOTION_LAB_SIGN_ON": "oidc"}).audit_days == 365
    assert read({"EMOTION_LAB_SIGN_ON": "OIDC", "EMOTION_LAB_AUDIT_DAYS": "0"}).audit_days == 0
    assert read({"EMOTION_LAB_AUDIT_DAYS": "30"}).audit_days == 30


def test_people_are_named_by_address_or_domain() -> None:
    settings = read(
        {
            "EMOTION_LAB_SIGN_ON": "oidc",
            "EMOTION_LAB_USERS": "Anna@Example.org, @lab.example.org",
            "EMOTION_LAB_ADMINS": "chief@example.org",
        }
    )
    let_in = ["anna@example.org", "ben@lab.example.org", "chief@example.org"]
    assert all(settings.may_use(email) for email in let_in)
    turned_away = ["ben@example.org", "eve@evil-lab.example.org", "", "lab.example.org"]
    assert not any(settings.may_use(email) for email in turned_away)
    assert AccessSettings().may_use("")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"EMOTION_LAB_SIGN_ON": "yes"}, "EMOTION_LAB_SIGN_ON"),
        # Those who wrote one of these believe that the server is protected.
        ({"EMOTION_LAB_USERS": "anna@example.org"}, "sign-on is off"),
        ({"EMOTION_LAB_ADMINS": "anna@example.org"}, "sign-on is off"),
        ({"EMOTION_LAB_USER_HEADER": "X-User"}, "sign-on is off"),
        ({"EMOTION_LAB_SIGN_ON": "header"}, "EMOTION_LAB_USER_HEADER"),
        (HEADER | {"EMOTION_LAB_USER_HEADER": "X User"}, "EMOTION_LAB_USER_HEADER"),
        ({"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_USER_HEADER": "X"}, "remove one"),
        (HEADER | {"EMOTION_LAB_TRUSTED_PROXIES": "proxy"}, "EMOTION_LAB_TRUSTED_PROXIES"),
        ({"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_ADMINS": "anna"}, "'anna'"),
        ({"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_ADMINS": ", ,"}, "names no one"),
        ({"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_ADMINS": "@example.org"}, "'@example.org'"),
        (
            {"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_USERS": "a@b.c; d@e.f"},
            "separated by commas",
        ),
        ({"EMOTION_LAB_TRUST_EMAIL": "perhaps", "EMOTION_LAB_SIGN_ON": "oidc"}, "1 or 0"),
        ({"EMOTION_LAB_SIGN_ON_H": "0"}, "EMOTION_LAB_SIGN_ON_H"),
        ({"EMOTION_LAB_SIGN_OUT_URL": "javascript:alert(1)"}, "EMOTION_LAB_SIGN_OUT_URL"),
        ({"EMOTION_LAB_AUDIT_DAYS": "-1"}, "EMOTION_LAB_AUDIT_DAYS"),
        ({"EMOTION_LAB_METRICS": "on"}, "EMOTION_LAB_METRICS"),
        ({"EMOTION_LAB_METRICS_TOKEN": "short"}, "EMOTION_LAB_METRICS_TOKEN"),
        ({"EMOTION_LAB_METRICS_FROM": "10.0.0.0/33"}, "EMOTION_LAB_METRICS_FROM"),
        ({"EMOTION_LAB_LOG": "xml"}, "EMOTION_LAB_LOG"),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read(environ)


def test_a_plain_name_makes_an_administrator_where_a_proxy_names_people() -> None:
    assert read(HEADER | {"EMOTION_LAB_ADMINS": "Chief"}).admins == ("chief",)


def test_the_token_is_not_printed() -> None:
    token = "t" * 30
    assert token not in repr(read({"EMOTION_LAB_METRICS_TOKEN": token}))


@pytest.mark.parametrize("believed", ["*", "10.0.0.0/8", "127.0.0.1,10.1.2.4", "proxy.example.org"])
def test_a_header_is_refused_where_others_could_forge_the_address(believed: str) -> None:
    """uvicorn takes visitors' addresses from X-Forwarded-For of these."""
    given = HEADER | {"EMOTION_LAB_TRUSTED_PROXIES": "127.0.0.1,::1,10.1.2.3"}
    assert read(given).trusted_proxies[2] == ipaddress.ip_network("10.1.2.3")
    with pytest.raises(SettingsError, match="FORWARDED_ALLOW_IPS"):
        read(given | {"FORWARDED_ALLOW_IPS": believed})


def test_a_proxy_elsewhere_wants_its_address_twice() -> None:
    given = HEADER | {"EMOTION_LAB_TRUSTED_PROXIES": "10.1.2.0/24"}
    with pytest.raises(SettingsError, match="FORWARDED_ALLOW_IPS"):
        read(given)
    assert read(given | {"FORWARDED_ALLOW_IPS": "10.1.2.3"}).sign_on is SignOn.HEADER


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("testclient", False),
        ("", False),
    ],
)
def test_addresses_belong_to_ranges(address: str, within: bool) -> None:
    assert is_within(address, AccessSettings().trusted_proxies) == within
