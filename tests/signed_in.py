"""Pages as people see them who are signed in, without a provider."""

import time
from pathlib import Path
from typing import Any

import pytest
from page_driver import run
from streamlit.testing.v1 import AppTest

from emotion_core.access.person import Person
from emotion_core.config import PROJECT_ROOT
from emotion_core.ui.common import sign_on

ISSUER = "https://id.example.org"
SECRETS: dict[str, Any] = {
    "auth": {
        "redirect_uri": "https://lab.example.org/oauth2callback",
        "cookie_secret": "c" * 40,
        "client_id": "lab",
        "client_secret": "s",
        "server_metadata_url": f"{ISSUER}/.well-known/openid-configuration",
    }
}


def use_sign_on(monkeypatch: pytest.MonkeyPatch, work: Path, **environ: str) -> None:
    """Sign-on by OpenID Connect on a work folder of its own, as if Authlib were installed."""
    given = {"EMOTION_LAB_SIGN_ON": "oidc", "EMOTION_LAB_WORK_DIR": str(work)} | environ
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sign_on, "find_spec", lambda name: name)


def person(name: str) -> Person:
    email = f"{name}@example.org"
    return Person(ISSUER, f"id-of-{name}", email, name.title())


def claims(name: str, **changes: Any) -> dict[str, Any]:
    """What Streamlit keeps of someone who is signed in."""
    who = person(name)
    return {
        "is_logged_in": True,
        "iss": who.issuer,
        "sub": who.subject,
        "email": who.email,
        "email_verified": True,
        "name": who.name,
        "iat": time.time() - 60,
    } | changes


def open_as(name: str, page: str, secrets: Any = SECRETS, **query: str) -> AppTest:
    """A page of `pages/` (or Home.py) as someone sees it; "" is no one."""
    path = PROJECT_ROOT / page if page == "Home.py" else PROJECT_ROOT / "pages" / page
    app = AppTest.from_file(str(path), default_timeout=60)
    app.secrets = dict(secrets)
    app.user = claims(name) if name else {"is_logged_in": False}
    app.query_params.update(query)
    return run(app)


def title(app: AppTest) -> str:
    return str(app.title[0].value)
