"""Files handed to the browser in pieces, at addresses that cannot be guessed and expire.

Streamlit's own downloads and players copy a whole file into the server's memory. Here a page offers
a file and gets a link; the route that answers the link is served by the same server, below the same
address. The browser sends nothing but the link's id: it never names a path.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from emotion_core.errors import EmotionCoreError, MissingDependencyError
from emotion_core.ui.common.server import base_path

_log = logging.getLogger(__name__)
ROUTE: Final = "files"
# A result may stay open over a night; drawing the page again renews its links.
LIFETIME_S: Final = 12 * 3600.0
GONE: Final = (
    "This file is no longer available: it was deleted, or the link has expired. "
    "Go back to the page that offered it and reload that page."
)
NOT_YOURS: Final = (
    "This file belongs to someone else, or you have signed out. Sign in, and go to the page that "
    "offers it."
)
_SAFE: Final = {
    # The browser may cache a piece while a player seeks; proxies may not.
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What a visitor named may be shown in a report: it must not act on this site.
    "Content-Security-Policy": "sandbox",
}


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file that the browser may fetch.

    Attributes:
        name: that the visitor's copy gets.
        media_type: "video/mp4" and the like.
        content: where the file is on disk, which also serves ranges of bytes, or a function that
            makes its pieces each time it is asked for. The function is kept as long as the link.
        inline: for a player in the page, not to be saved.
    """

    name: str
    media_type: str
    content: Path | Callable[[], Iterator[bytes]]
    inline: bool = False

    def pieces(self) -> Iterator[bytes]:
        """All bytes of the file.

        Raises:
            EmotionCoreError, OSError: it cannot be read or made.
        """
        return (
            iter([self.content.read_bytes()]) if isinstance(self.content, Path) else self.content()
        )

    @property
    def disposition(self) -> str:
        """The Content-Disposition header, safe for names of any letters (RFC 6266)."""
        kind = "inline" if self.inline else "attachment"
        return f"{kind}; filename*=utf-8''{quote(self.name, safe='')}"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who may fetch a file.

    Attributes:
        owner: of `Person.owner`; "": anyone who knows the link.
        kind, token: of what the file belongs to, such as a study; "" where that is not known.
    """

    owner: str = ""
    kind: str = ""
    token: str = ""


class Guard(Protocol):
    """Decides about requests for files, and is told of those that were answered."""

    def may_fetch(self, request: Request, reader: Reader) -> bool:
        """Whether the one who asks is the one to whom the link was given."""
        ...

    def handed_out(self, request: Request, file: "OfferedFile", reader: Reader) -> None:
        """A file goes out."""


class FileLinks:
    """The files that can be fetched now. All methods may be called from any thread.

    Args:
        lifetime_s: seconds for which a link works after it was last offered.
        clock: seconds that only grow.

    Attributes:
        served: a running server answers the links.
    """

    def __init__(
        self, lifetime_s: float = LIFETIME_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.served = False
        self._lifetime_s, self._clock = lifetime_s, clock
        self._offered: dict[str, tuple[float, OfferedFile, Reader]] = {}
        self._lock = threading.Lock()

    def offer(
        self, file: OfferedFile, link_id: str | None = None, reader: Reader = Reader()
    ) -> str:
        """Make a file available; returns the id of its link, 43 letters.

        Args:
            file: to be fetched.
            link_id: of an earlier offer to the same visitor, which goes on where it still works:
                a player would start again at another address.
            reader: who may fetch it.
        """
        now = self._clock()
        with self._lock:
            self._offered = {i: kept for i, kept in self._offered.items() if kept[0] > now}
            if link_id not in self._offered or link_id is None:
                link_id = secrets.token_urlsafe(32)
            self._offered[link_id] = (now + self._lifetime_s, file, reader)
        return link_id

    def find(self, link_id: str) -> OfferedFile | None:
        """The file behind a link; None where the link is unknown or has expired."""
        found = self.offered(link_id)
        return found[0] if found else None

    def offered(self, link_id: str) -> tuple[OfferedFile, Reader] | None:
        """As `find`, and who may fetch the file."""
        with self._lock:
            kept = self._offered.get(link_id)
            return kept[1:] if kept is not None and kept[0] > self._clock() else None


LINKS: Final = FileLinks()


def file_routes(links: FileLinks = LINKS, guard: Guard | None = None) -> list[Route]:
    """The routes by which a server answers the links; call it once, for the server that runs.

    Args:
        links: to answer.
        guard: asked about each request where people sign in; None: who knows a link may follow it.
    """
    links.served = True
    answer = partial(_answer, links, guard)
    return [Route(f"{base_path()}/{ROUTE}", answer, methods=["GET"])]


def _answer(links: FileLinks, guard: Guard | None, request: Request) -> Response:
    found = links.offered(request.query_params.get("id", ""))
    if found is None:
        return _gone()
    file, reader = found
    if guard is not None and not guard.may_fetch(request, reader):
        return _refusal(NOT_YOURS, 403)
    try:
        response = _response(file, request.method == "HEAD")
    except MissingDependencyError as error:
        # The person who runs this server can do something about it.
        return _refusal(f"This file cannot be made here: {error}", 501)
    except (EmotionCoreError, OSError) as error:
        _log.info("A file could not be handed out: %r", error)
        return _gone()
    response.headers.update(_SAFE | {"Content-Disposition": file.disposition})
    if guard is not None:
        guard.handed_out(request, file, reader)
    return response


def _gone() -> Response:
    return _refusal(GONE, 404)


def _refusal(words: str, status: int) -> Response:
    page = f"<!doctype html><title>Not available</title><p>{escape(words)}</p>"
    return HTMLResponse(page, status, _SAFE)


def _response(file: OfferedFile, head_only: bool) -> Response:
    if isinstance(file.content, Path):
        return FileResponse(
            file.content, media_type=file.media_type, stat_result=file.content.stat()
        )
    if head_only:
        return Response(media_type=file.media_type)
    pieces = file.pieces()
    # What goes wrong is found here in most cases, while the answer can still be a sentence.
    first = next(pieces, b"")
    return StreamingResponse(_chained(first, pieces), media_type=file.media_type)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
