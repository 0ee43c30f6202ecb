"""A header that names a person is believed from the proxy, and from no one else."""

from typing import Any

import pytest
from asgi_calls import ask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from emotion_core.access.proxy import TrustedHeader
from emotion_core.access.settings import AccessSettings, SignOn, networks

SETTINGS = AccessSettings(
    SignOn.HEADER, "X-User", trusted_proxies=networks("here", ("127.0.0.1", "10.1.2.3"))
)


async def _say(request: Request) -> PlainTextResponse:
    return PlainTextResponse(",".join(request.headers.getlist("x-user")) or "nobody")


def answer(client: tuple[str, int] | None, *headers: tuple[str, str]) -> str:
    """What arrives of X-User behind uvicorn's own middleware, which runs first."""
    app = TrustedHeader(Starlette(routes=[Route("/", _say)]), SETTINGS)
    server: Any = ProxyHeadersMiddleware(app, "127.0.0.1,10.1.2.3")  # type: ignore[arg-type]
    return ask(server, "/", *headers, client=client).text


USER = ("X-User", "anna")


@pytest.mark.parametrize(
    ("client", "headers", "said"),
    [
        (("10.1.2.3", 40_000), [USER], "anna"),
        (("127.0.0.1", 40_000), [USER], "anna"),
        # As proxies do it: uvicorn puts the browser's address in the proxy's place.
        (("10.1.2.3", 40_000), [USER, ("X-Forwarded-For", "203.0.113.9")], "anna"),
        (("10.1.2.4", 40_000), [USER], "nobody"),
        (("203.0.113.9", 40_000), [USER], "nobody"),
        # A stranger cannot talk the server into another address.
        (("203.0.113.9", 40_000), [USER, ("X-Forwarded-For", "127.0.0.1")], "nobody"),
        (("203.0.113.9", 40_000), [USER, ("X-Forwarded-For", "10.1.2.3:40000")], "nobody"),
        # With a port it could be a connection's own address: it is not believed.
        (("10.1.2.3", 40_000), [USER, ("X-Forwarded-For", "203.0.113.9:40000")], "nobody"),
        (None, [USER], "nobody"),
        (("10.1.2.3", 40_000), [], "nobody"),
    ],
)
def test_the_header_is_believed_by_its_sender(
    client: tuple[str, int] | None, headers: list[tuple[str, str]], said: str
) -> None:
    assert answer(client, *headers) == said
