"""What tests of the live processor share: made frames, a stubbed pipeline, and waiting."""

import threading
import time
from collections.abc import Callable

import av
import numpy as np

from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings
from emotion_core.model.adaptation import Adaptation
from emotion_core.pipeline.identity_resolution import Resolution

PLAIN = LiveSettings(mirror=False)


def one_face(frame: Frame, box: tuple[float, float, float, float] = (2, 4, 10, 12)) -> FrameResult:
    probs = np.full((1, 7), 0.1, np.float32)
    probs[0, 3] = 0.4
    return FrameResult(
        frame.index,
        frame.time_s,
        np.array([box], np.float32),
        np.array([1]),
        probs,
        probs,
        np.array([5.0], np.float32),
        np.array([False]),
        np.array([False]),
        ((),),
    )


class FakePipeline:
    """Holds each frame back until it is told to go on, and remembers what it was given."""

    def __init__(self, blocked: bool = False) -> None:
        self.go = threading.Event()
        if not blocked:
            self.go.set()
        self.started = threading.Event()
        self.seen: list[Frame] = []
        self.settings: list[PipelineSettings] = []
        self.adaptations: list[Adaptation | None] = []
        self.error: Exception | None = None
        self.empty = False

    def process(self, frame: Frame) -> FrameResult:
        self.seen.append(frame)
        self.started.set()
        self.go.wait(10)
        if self.error:
            raise self.error
        return FrameResult.empty(frame.index, frame.time_s) if self.empty else one_face(frame)

    def update_settings(self, settings: PipelineSettings) -> None:
        self.settings.append(settings)

    def update_adaptation(self, adaptation: Adaptation | None) -> None:
        self.adaptations.append(adaptation)

    def start_calibration(self, track_id: int | None = None, seconds: float = 3.0) -> None:
        self.calibrating = {1: 0.5}

    def clear_calibration(self, track_id: int | None = None) -> None:
        self.calibrating = {}

    def resolve_identities(self) -> Resolution:
        return Resolution({}, ())

    calibrating: dict[int, float] = {}  # noqa: RUF012

    @property
    def calibration_progress(self) -> dict[int, float]:
        return self.calibrating


def draw_red(image: ImageArray, result: FrameResult, settings: object, names: object) -> ImageArray:
    drawn = image.copy()
    left, top, right, bottom = result.boxes[0].astype(int)
    drawn[top:bottom, left:right] = (0, 0, 255)
    return drawn


def video_frame(value: int = 128, width: int = 64, height: int = 48) -> av.VideoFrame:
    image = np.full((height, width, 3), value, np.uint8)
    return av.VideoFrame.from_ndarray(image, format="bgr24")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def wait_for_frames(processor: LiveProcessor, count: int) -> None:
    wait_until(lambda: processor.reading().frames_read == count, "a result")
