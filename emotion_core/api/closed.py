"""What answers where the interface is closed; it imports nothing of what an open one needs."""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PREFIX: Final = "/api/v1"
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def closed_route(base: str = "") -> Route:
    """The route that answers as if nothing were there.

    Args:
        base: path below which the server's pages are, "" or as "/lab".
    """
    return Route(f"{base}{PREFIX}/{{path:path}}", _nothing, methods=_METHODS)


async def _nothing(request: Request) -> Response:
    del request
    return PlainTextResponse("Not Found", 404)
