"""Bodies of requests: never more than a limit in memory or on disk, never waited for endlessly."""

import asyncio
from typing import IO, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from emotion_core.api.refusals import RefusedError
from emotion_core.atomic_io import parse_json
from emotion_core.errors import OutputError

# Written to the disk at once.
_PIECE: Final = 1 << 20


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """The whole body.

    Args:
        request: whose body was not read yet.
        most: bytes.
        seconds: until it must be complete.

    Raises:
        RefusedError: 413 it is larger, 408 it came too slowly, 400 there is none or it was cut off.
    """
    _check_length(request, most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise _too_large(most)
        request.state.body_read = True
    except TimeoutError as error:
        raise RefusedError(408, f"The body was not complete after {seconds:g} seconds.") from error
    except ClientDisconnect as error:
        raise _cut_off() from error
    if not body:
        raise RefusedError(400, "The body is empty.")
    return bytes(body)


async def save_body(request: Request, file: IO[bytes], most: int, idle_s: float) -> None:
    """Write the whole body into a file, piece by piece.

    Raises:
        RefusedError: as `read_body`; 408 after a pause of `idle_s` seconds.
        OutputError: the disk is full.
    """
    _check_length(request, most)
    pieces = aiter(request.stream())
    waiting, size = bytearray(), 0
    try:
        while (piece := await asyncio.wait_for(anext(pieces, None), idle_s)) is not None:
            waiting += piece
            size += len(piece)
            if size > most:
                raise _too_large(most)
            if len(waiting) >= _PIECE:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        request.state.body_read = True
        await run_in_threadpool(file.write, bytes(waiting))
    except TimeoutError as error:
        raise RefusedError(408, f"Nothing came for {idle_s:g} seconds.") from error
    except ClientDisconnect as error:
        raise _cut_off() from error
    except OSError as error:
        raise OutputError(f"The upload could not be kept: {error.strerror}.") from error
    if not size:
        raise RefusedError(400, "The body is empty.")


async def read_json(request: Request, most: int, seconds: float) -> dict[str, Any]:
    """The JSON object that a request holds.

    Raises:
        RefusedError: as `read_body`; 400 it is not JSON, 422 it is not an object.
    """
    body = await read_body(request, most, seconds)
    try:
        values = parse_json(body)
    except ValueError as error:
        raise RefusedError(400, f"The body is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise RefusedError(422, "The body must be a JSON object, as {…}.")
    return values


def _check_length(request: Request, most: int) -> None:
    """Refuse what says of itself that it is too large, before any of it is read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 18 or int(length) > most):
        raise _too_large(most)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"The body is larger than {most / 1e6:g} MB.")


def _cut_off() -> RefusedError:
    return RefusedError(400, "The connection broke off before the body was complete.")
