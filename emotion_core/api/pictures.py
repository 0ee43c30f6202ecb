"""Single pictures: a frame, read as fast as a live stream's, or a photo, searched thoroughly."""

from starlette.requests import Request
from starlette.responses import Response

from emotion_core.api.body import read_body
from emotion_core.api.limits import ApiLimits, Places
from emotion_core.api.refusals import Json
from emotion_core.api.workers import FRAME, PHOTO, Workers


class Pictures:
    """The endpoints for single pictures."""

    def __init__(self, workers: Workers, limits: ApiLimits) -> None:
        self._workers, self._limits = workers, limits
        self._frames = Places(limits.frames, "frames")
        self._photos = Places(limits.photos, "photos")

    async def frame(self, request: Request) -> Response:
        """POST /frame."""
        with self._frames.one():
            data = await read_body(request, self._limits.frame_bytes, self._limits.body_s)
            return Json(await self._workers.run(self._workers.read, data, FRAME))

    async def photo(self, request: Request) -> Response:
        """POST /photo."""
        with self._photos.one():
            data = await read_body(request, self._limits.photo_bytes, self._limits.body_s)
            return Json(await self._workers.run(self._workers.read, data, PHOTO))
