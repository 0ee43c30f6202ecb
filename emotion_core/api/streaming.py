"""A stream over a WebSocket: pictures in, readings out, the newest picture wins."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from emotion_core.api.door import PROTOCOL, Door
from emotion_core.api.limits import ApiLimits
from emotion_core.api.refusals import RefusalResponse, RefusedError
from emotion_core.api.workers import Workers, read_picture
from emotion_core.config import PipelineSettings
from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.live.capacity import SEATS, Seat, busy_words

# RFC 6455, 7.4.1.
_NORMAL, _WRONG_DATA, _TOO_BIG, _FAILED, _TRY_LATER = 1000, 1003, 1009, 1011, 1013
FACES: Final = ("everybody", "largest", "one")


@dataclass(slots=True)
class _Newest:
    """The picture that waits, and how many were received."""

    data: bytes = b""
    arrived_s: float = 0.0
    received: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """The endpoint for streams; each connection has a pipeline, and so a tracker, of its own.

    Args:
        door: checks who comes in.
        workers: read the pictures.
        limits: of this server.
        most: live streams at the same time, those of the pages included.
    """

    def __init__(self, door: Door, workers: Workers, limits: ApiLimits, most: int) -> None:
        self._door, self._workers, self._limits, self._most = door, workers, limits, most

    async def stream(self, socket: WebSocket) -> None:
        """GET /stream with an upgrade."""
        try:
            self._door.check(socket)
            settings = _settings(socket)
            seat = SEATS.take(self._most)
            if seat is None:
                raise RefusedError(503, busy_words(self._most, self._most), retry_s=30)
        except RefusedError as refusal:
            await self._door.pause(refusal)
            await _deny(socket, refusal)
            return
        try:
            await self._serve(socket, settings, seat)
        finally:
            seat.release()

    async def _serve(self, socket: WebSocket, settings: PipelineSettings, seat: Seat) -> None:
        offered = socket.headers.get("sec-websocket-protocol", "")
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        seat.use()
        newest = _Newest()
        tasks = [
            asyncio.create_task(self._receive(socket, newest)),
            asyncio.create_task(self._answer(socket, newest, settings)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code, reason = next(iter(done)).result()
        except WebSocketDisconnect:
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # The client may be gone by now.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(code, reason)

    async def _receive(self, socket: WebSocket, newest: _Newest) -> tuple[int, str]:
        """Keep the newest picture; returns why the stream ends."""
        while True:
            try:
                message = await asyncio.wait_for(socket.receive(), self._limits.idle_s)
            except TimeoutError:
                return _NORMAL, f"No picture came for {self._limits.idle_s:g} seconds."
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", _NORMAL))
            data = message.get("bytes")
            if data is None:
                return _WRONG_DATA, "Send each picture as one binary message, JPEG or PNG."
            if len(data) > self._limits.frame_bytes:
                return _TOO_BIG, f"A picture is larger than {self._limits.frame_bytes / 1e6:g} MB."
            newest.data, newest.arrived_s = data, time.monotonic()
            newest.received += 1
            newest.came.set()

    async def _answer(
        self, socket: WebSocket, newest: _Newest, settings: PipelineSettings
    ) -> tuple[int, str]:
        """Read the newest picture, send what was read, and so on; returns why the stream ends."""
        try:
            pipeline = await self._workers.run(self._workers.pipeline, settings)
        except EmotionCoreError as error:
            return _FAILED, str(error)[:120]
        begun_s: float | None = None
        answered = 0
        while True:
            await newest.came.wait()
            newest.came.clear()
            index, data = newest.received - 1, newest.data
            begun_s = newest.arrived_s if begun_s is None else begun_s
            known = {"index": index, "skipped": index - answered}
            answered = index + 1
            time_s = newest.arrived_s - begun_s
            try:
                read = await self._workers.run(read_picture, pipeline, data, index, time_s)
            except EmotionCoreError as error:
                # One picture that cannot be read does not end the stream.
                read = {"time_s": time_s, "error": str(error)}
            try:
                await asyncio.wait_for(socket.send_json(read | known), self._limits.send_s)
            except TimeoutError:
                return _TRY_LATER, "The answers are not taken."


def _settings(socket: WebSocket) -> PipelineSettings:
    faces = socket.query_params.get("faces", "everybody")
    smoothing = socket.query_params.get("smoothing", "0.5")
    if faces not in FACES:
        raise RefusedError(422, f"faces must be one of {', '.join(FACES)}, got “{faces[:40]}”.")
    try:
        return PipelineSettings(
            smoothing_strength=float(smoothing),
            largest_face_only=faces == "largest",
            one_person=faces == "one",
        )
    except (ValueError, SettingsError) as error:
        raise RefusedError(422, "smoothing must be a number from 0 to 1.") from error


async def _deny(socket: WebSocket, refusal: RefusedError) -> None:
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(RefusalResponse(refusal))
    else:
        await socket.close(1008, refusal.message[:120])
