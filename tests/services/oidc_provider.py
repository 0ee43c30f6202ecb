"""A small OpenID provider on loopback: authorization code flow with PKCE, nonce and signed tokens.

It checks what a provider checks (client, redirect address, code verifier, each code once) and keeps
what it saw, so that a test can tell that the program did its part.
"""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "lab", "a-secret-of-the-client"
PEOPLE: dict[str, dict[str, Any]] = {
    "anna": {"email": "Anna@example.org", "email_verified": True, "name": "Anna Ahrens"},
    "ben": {"email": "ben@example.org", "email_verified": True, "name": "Ben Berg"},
    "long": {"email": f"{'long' * 16}@{'example' * 8}.org", "email_verified": True, "name": "Lo"},
    "chief": {"email": "chief@example.org", "email_verified": True, "name": "Chief"},
    # She typed in an administrator's address, which no one confirmed.
    "eve": {"email": "chief@example.org", "email_verified": False, "name": "Eve"},
}


class Provider:
    """The endpoints, and what was asked of them.

    Attributes:
        url: the issuer.
        asked: queries of all authorization requests.
        refused: why token requests were refused.
        wrong_nonce: id tokens get another nonce than was asked for.
        forged: id tokens are signed with another key than the published one.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.wrong_nonce = self.forged = False
        self._key = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
        self._other = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/choose", self._choose),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
            ]
        )

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        assert query["client_id"] == CLIENT_ID
        links = "".join(
            f'<p><a href="choose?{escape(urlencode({"who": who} | query))}">{who}</a></p>'
            for who in PEOPLE
        )
        return HTMLResponse(f"<!doctype html><title>Provider</title><h1>Who are you?</h1>{links}")

    async def _choose(self, request: Request) -> Response:
        query = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        return RedirectResponse(f"{query['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        problem = self._problem(request, form, asked)
        if problem or asked is None:
            self.refused.append(problem)
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": f"id-of-{asked['who']}",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": "another" if self.wrong_nonce else asked["nonce"],
            **PEOPLE[asked["who"]],
        }
        key = self._other if self.forged else self._key
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return JSONResponse(
            {"id_token": token, "access_token": "unused", "token_type": "Bearer", "expires_in": 300}
        )

    def _problem(self, request: Request, form: dict[str, str], asked: dict[str, str] | None) -> str:
        if asked is None:
            return "unknown code"
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        by_header = request.headers.get("authorization") == f"Basic {basic}"
        by_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if not (by_header or by_form):
            return "wrong client"
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return "another redirect address"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return "" if challenge == asked.get("code_challenge") else "wrong code verifier"


@contextmanager
def running_provider(port: int) -> Iterator[Provider]:
    """A provider on a port of 127.0.0.1, ended with the block."""
    provider = Provider(f"http://127.0.0.1:{port}")
    config = uvicorn.Config(provider.app(), "127.0.0.1", port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the provider did not start"
        assert time.monotonic() < deadline, "the provider did not start"
        time.sleep(0.02)
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)
