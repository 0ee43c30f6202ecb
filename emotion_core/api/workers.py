"""The threads that read pictures for the interface: few, and of lower priority than the pages'."""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from emotion_core.config import PipelineSettings, TrackingSettings
from emotion_core.datatypes import Frame
from emotion_core.live.processor import live_threads
from emotion_core.media.photo import read_photo
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import Classifier
from emotion_core.pipeline.pipeline import Pipeline

Result = TypeVar("Result")
# The lowest of a POSIX system; live streams have 0.
NICENESS: Final = 19
MOST_REST_S: Final = 0.5
FRAME: Final = PipelineSettings(
    tracking=TrackingSettings(confirm_hits=1, reidentify=False), smoothing_strength=0.0
)
PHOTO: Final = PipelineSettings.for_photo()


class Workers:
    """Threads for half of the cores, made with the first work. Call its methods on one event loop.

    Args:
        models_dir: folder of model folders.
    """

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._pool = ThreadPoolExecutor(
            max(1, (os.cpu_count() or 1) // 2), "api", initializer=_step_back
        )
        self._own = threading.local()
        self._lock = threading.Lock()
        self._classifier: Classifier | None = None

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """The result of a function, called on a thread of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _in_turns, work, *arguments)

    def read(self, data: bytes, settings: PipelineSettings) -> dict[str, Any]:
        """Read one picture by itself; on a thread of the pool.

        Args:
            data: as in `read_picture`.
            settings: `FRAME` or `PHOTO`.

        Returns:
            As `read_picture`.

        Raises:
            PhotoError: the picture cannot be read.
            ModelError: the network is missing.
        """
        pipelines: dict[PipelineSettings, Pipeline] = self._own.__dict__.setdefault("kept", {})
        if settings not in pipelines:
            pipelines[settings] = self.pipeline(settings)
        pipeline = pipelines[settings]
        # The picture before was of other people.
        pipeline.reset()
        return read_picture(pipeline, data)

    def pipeline(self, settings: PipelineSettings) -> Pipeline:
        """A new pipeline around a network that live streams do not use.

        Raises:
            ModelError: the network is missing.
        """
        with self._lock:
            if self._classifier is None:
                self._classifier = Classifier(load_bundle(models_dir=self._models_dir))
            return Pipeline(self._classifier, settings)


def read_picture(
    pipeline: Pipeline, data: bytes, index: int = 0, time_s: float = 0.0
) -> dict[str, Any]:
    """What a pipeline reads in an encoded picture.

    Args:
        pipeline: used by no other thread at the same time.
        data: of a JPEG, PNG or another format that `read_photo` reads.
        index: number of the picture in its stream, from 0.
        time_s: seconds since the first picture of its stream.

    Returns:
        `FrameResult.to_dict`, and the `width` and `height` in pixels that boxes refer to.

    Raises:
        PhotoError: the picture cannot be read.
    """
    image = read_photo(data, name="The picture")
    height, width = image.shape[:2]
    result = pipeline.process(Frame(image, index, time_s))
    return result.to_dict() | {"width": width, "height": height}


def _in_turns(work: Callable[..., Result], *arguments: Any) -> Result:
    """The result of a function; while a page streams, with a rest as long as the work.

    Threads of any priority hold Python's global lock against all others.
    """
    begun_s = time.perf_counter()
    try:
        return work(*arguments)
    finally:
        if live_threads():
            time.sleep(min(time.perf_counter() - begun_s, MOST_REST_S))


def _step_back() -> None:
    """Give the calling thread a lower priority; only Linux has one for each thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
