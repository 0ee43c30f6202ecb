"""The live processor with real video frames and a real processing track around a stubbed source."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from streamlit_webrtc.process import VideoProcessTrack

from emotion_core.config import OverlaySettings, PipelineSettings
from emotion_core.datatypes import FloatArray, Frame, FrameResult, ImageArray
from emotion_core.live.checked_pictures import REPEAT_S
from emotion_core.live.guided_takes import LEAST_READINGS, READY_S, GuidedTakes
from emotion_core.live.processor import PAGE_S, LiveProcessor, live_threads
from emotion_core.live.rendering import mirrored, to_bgr, to_frame
from emotion_core.live.settings import LiveSettings
from emotion_core.model.adaptation import Adaptation

PLAIN = LiveSettings(mirror=False)


def sadder() -> Adaptation:
    offsets = np.zeros(7)
    offsets[5] = 1.0
    return Adaptation("sadder", {"name": "x", "sha256": "y"}, offsets)


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


@pytest.fixture
def make() -> Iterator[Callable[..., LiveProcessor]]:
    """Builds processors and ends them after the test."""
    made: list[LiveProcessor] = []

    def build(pipeline: FakePipeline, **options: object) -> LiveProcessor:
        options.setdefault("settings", PLAIN)
        options.setdefault("draw", draw_red)
        made.append(LiveProcessor(pipeline, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for processor in made:
        processor._pipeline.go.set()  # type: ignore[attr-defined]
        processor.on_ended()
    wait_until(lambda: not live_threads(), "all workers to end")


def red_pixels(frame: av.VideoFrame) -> int:
    image = frame.to_ndarray(format="bgr24").astype(int)
    return int(((image[..., 2] > 200) & (image[..., 0] < 60)).sum())


def test_display_does_not_wait_for_analysis_and_stale_frames_are_dropped(
    make: Callable[..., LiveProcessor],
) -> None:
    pipeline = FakePipeline(blocked=True)
    processor = make(pipeline)
    processor.recv(video_frame(0))
    assert pipeline.started.wait(10)
    # The worker is busy with the first frame: nine more are shown at once, one is kept.
    for value in range(1, 10):
        processor.recv(video_frame(value * 10))
    assert processor.reading().frames_in == 10
    assert processor.reading().result is None
    pipeline.go.set()
    wait_until(lambda: processor.reading().frames_read == 2, "the newest frame to be read")
    assert [frame.index for frame in pipeline.seen] == [0, 9]
    assert int(pipeline.seen[1].image[0, 0, 0]) in range(88, 93)


def test_newest_result_is_drawn_on_the_newest_frame(make: Callable[..., LiveProcessor]) -> None:
    processor = make(FakePipeline())
    first = processor.recv(video_frame())
    assert red_pixels(first) == 0
    wait_until(lambda: processor.reading().frames_read == 1, "the first result")
    assert red_pixels(processor.recv(video_frame())) > 30


def test_overlay_off_gives_the_cameras_own_frame_back(make: Callable[..., LiveProcessor]) -> None:
    processor = make(FakePipeline(), settings=LiveSettings(mirror=False))
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    processor.update_settings(LiveSettings(overlay=OverlaySettings(show=False), mirror=False))
    frame = video_frame()
    assert processor.recv(frame) is frame


def test_mirror_flips_the_shown_picture_and_never_the_analysed_one(
    make: Callable[..., LiveProcessor],
) -> None:
    pipeline = FakePipeline()
    processor = make(pipeline, settings=LiveSettings(mirror=True))
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = 255
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    shown = processor.recv(frame).to_ndarray(format="bgr24")
    assert shown[24, 60].min() > 200
    assert shown[24, 4].max() < 50
    wait_until(lambda: bool(pipeline.seen), "the frame to be read")
    assert pipeline.seen[0].image[24, 4].min() > 200


def test_mirrored_result_changes_left_and_right() -> None:
    result = mirrored(one_face(Frame(np.zeros((48, 64, 3), np.uint8))), 64)
    assert result.boxes.tolist() == [[54, 4, 62, 12]]


def test_settings_reach_the_pipeline_before_the_next_frame_and_only_when_changed(
    make: Callable[..., LiveProcessor],
) -> None:
    pipeline = FakePipeline()
    processor = make(pipeline)
    for count in (1, 2):
        processor.recv(video_frame())
        wait_for_frames(processor, count)
    assert len(pipeline.settings) == 1
    slow = PipelineSettings(smoothing_strength=0.9)
    processor.update_settings(LiveSettings(pipeline=slow, mirror=False))
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 3, "a result")
    assert pipeline.settings[-1] is slow


def test_rates_and_latency_come_from_the_clock(make: Callable[..., LiveProcessor]) -> None:
    now = [100.0]
    pipeline = FakePipeline(blocked=True)
    processor = make(pipeline, clock=lambda: now[0])
    processor.recv(video_frame())
    assert pipeline.started.wait(10)
    now[0] += 0.05
    pipeline.go.set()
    wait_until(lambda: processor.reading().frames_read == 1, "the first result")
    assert processor.reading().latency_ms == pytest.approx(50)
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 2, "the second result")
    now[0] += 0.05
    # Two frames shown within 0.1 s, two read within 0.05 s.
    assert processor.reading().display_fps == pytest.approx(10)
    assert processor.reading().analysis_fps == pytest.approx(20)
    now[0] += 10
    assert processor.reading().analysis_fps == 0
    assert processor.reading().age_s == pytest.approx(10.05)


def test_a_failing_pipeline_is_reported_and_the_video_goes_on(
    make: Callable[..., LiveProcessor], caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = FakePipeline()
    pipeline.error = RuntimeError("the network is gone")
    processor = make(pipeline)
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().error != "", "the error")
    assert processor.reading().error == "the network is gone"
    processor.recv(video_frame())
    wait_until(lambda: len(pipeline.seen) == 2, "another try")
    pipeline.error = None
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 1, "recovery")
    assert processor.reading().error == ""
    assert len([r for r in caplog.records if "could not be read" in r.message]) == 1


def test_a_failing_overlay_shows_the_cameras_picture(
    make: Callable[..., LiveProcessor], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> np.ndarray:
        raise ValueError("no ink")

    processor = make(FakePipeline(), draw=broken)
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    frame = video_frame()
    assert processor.recv(frame) is frame
    assert processor.recv(frame) is frame
    assert len([r for r in caplog.records if "Drawing" in r.message]) == 1


def test_no_face_is_a_reading_without_history(make: Callable[..., LiveProcessor]) -> None:
    pipeline = FakePipeline()
    pipeline.empty = True
    processor = make(pipeline)
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    result = processor.reading().result
    assert result is not None
    assert len(result) == 0
    assert processor.history() == {}


def test_the_worker_ends_with_the_stream_and_ending_twice_is_fine(
    make: Callable[..., LiveProcessor],
) -> None:
    processor = make(FakePipeline())
    processor.recv(video_frame())
    wait_until(lambda: len(live_threads()) == 1, "the worker")
    processor.on_ended()
    processor.on_ended()
    wait_until(lambda: not live_threads(), "the worker to end")
    processor.recv(video_frame())
    assert not live_threads()
    assert processor.reading().ended


def test_the_worker_ends_when_frames_stay_away_and_returns_with_them(
    make: Callable[..., LiveProcessor],
) -> None:
    processor = make(FakePipeline(), idle_end_s=0.05)
    processor.recv(video_frame())
    wait_until(lambda: not live_threads(), "the worker to fall asleep")
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == 2, "the worker to return")


def test_a_stream_that_falls_silent_is_ended_once_and_said_so(
    make: Callable[..., LiveProcessor],
) -> None:
    now, ended_on = [0.0], []
    processor = make(FakePipeline(), idle_end_s=0.05, clock=lambda: now[0])
    assert not processor.reading().silent  # it has not begun

    def end() -> None:
        ended_on.append(threading.current_thread().name)
        processor.on_ended()

    processor.end_when_silent(end)
    processor.recv(video_frame())
    assert not processor.reading().silent
    now[0] = 4.0
    assert processor.reading().silent
    wait_until(lambda: processor.reading().ended, "the stream to be ended")
    assert len(ended_on) == 1
    assert ended_on[0].startswith("emotion-live-")
    wait_until(lambda: not live_threads(), "the worker to end")
    now[0] = 60.0
    assert processor.reading().silent


def test_a_stream_that_was_stopped_is_not_ended_again_nor_called_silent(
    make: Callable[..., LiveProcessor],
) -> None:
    now, ended = [0.0], []
    processor = make(FakePipeline(), idle_end_s=0.05, clock=lambda: now[0])
    processor.end_when_silent(lambda: ended.append(1))
    processor.recv(video_frame())
    processor.on_ended()
    processor.end_when_silent(lambda: ended.append(2))
    wait_until(lambda: not live_threads(), "the worker to end")
    now[0] = 60.0
    assert not processor.reading().silent
    assert ended == []


HIDING = LiveSettings(mirror=False, hide_faces=True, overlay=OverlaySettings(show=False))


def grey(image: ImageArray, boxes: FloatArray) -> ImageArray:
    """Hides a picture as a whole."""
    return np.full_like(image, 200)


def is_panel(frame: av.VideoFrame) -> bool:
    return float(np.median(frame.to_ndarray(format="bgr24"))) == pytest.approx(48, abs=3)


def test_while_faces_are_hidden_only_checked_pictures_are_shown(
    make: Callable[..., LiveProcessor],
) -> None:
    now = [0.0]
    processor = make(FakePipeline(), settings=HIDING, clock=lambda: now[0], hide=grey)
    # No picture has been checked yet.
    assert is_panel(processor.recv(video_frame(100)))
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    shown = processor.recv(video_frame(100)).to_ndarray(format="bgr24")
    assert np.abs(shown.astype(int) - 200).max() <= 3
    wait_until(lambda: processor.reading().frames_read == 2, "the next result")
    # A picture that is not renewed is not repeated for ever.
    now[0] += REPEAT_S
    assert is_panel(processor.recv(video_frame(100)))


def test_what_is_shown_is_the_frame_that_was_checked_not_the_newest(
    make: Callable[..., LiveProcessor],
) -> None:
    pipeline = FakePipeline()
    processor = make(pipeline, settings=HIDING, hide=lambda image, boxes: image.copy())
    processor.recv(video_frame(100))
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    pipeline.go.clear()
    shown = processor.recv(video_frame(180)).to_ndarray(format="bgr24")
    assert np.abs(shown.astype(int) - 100).max() <= 3


def test_the_camera_picture_is_not_shown_when_faces_cannot_be_hidden(
    make: Callable[..., LiveProcessor], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(image: ImageArray, boxes: FloatArray) -> ImageArray:
        raise RuntimeError("no cascade")

    films: list[ImageArray] = []
    processor = make(FakePipeline(), settings=HIDING, hide=broken)
    processor.listen(lambda result, arrived_s, picture, size: films.append(picture()))
    for number in range(3):
        assert is_panel(processor.recv(video_frame(100)))
        wait_until(lambda: processor.reading().frames_read > number, "a result")  # noqa: B023
    # The readings go on, and the page tells why there is no picture.
    assert "no cascade" in processor.reading().picture_error
    assert [float(np.median(film)) for film in films] == [48.0] * 3
    assert caplog.text.count("Traceback") == 1


def test_when_drawing_fails_hidden_faces_stay_hidden_on_page_and_film(
    make: Callable[..., LiveProcessor],
) -> None:
    def broken(*_: object) -> ImageArray:
        raise RuntimeError("no font")

    films: list[ImageArray] = []
    settings = LiveSettings(mirror=False, hide_faces=True)
    processor = make(FakePipeline(), settings=settings, draw=broken, hide=grey)
    processor.listen(lambda result, arrived_s, picture, size: films.append(picture()))
    processor.recv(video_frame(100))
    wait_until(lambda: len(films) == 1, "a result")
    shown = processor.recv(video_frame(100)).to_ndarray(format="bgr24")
    assert np.abs(shown.astype(int) - 200).max() <= 3
    assert (films[0] == 200).all()
    assert "no font" in processor.reading().picture_error


def test_hiding_begins_with_the_frame_at_which_it_is_switched_on(
    make: Callable[..., LiveProcessor],
) -> None:
    processor = make(FakePipeline(), settings=PLAIN, hide=grey)
    processor.recv(video_frame(100))
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    processor.update_settings(HIDING)
    assert is_panel(processor.recv(video_frame(100)))


def test_switching_hiding_off_while_a_picture_is_checked_keeps_no_open_picture(
    make: Callable[..., LiveProcessor],
) -> None:
    checking, go = threading.Event(), threading.Event()

    def slow(image: ImageArray, boxes: FloatArray) -> ImageArray:
        checking.set()
        go.wait(10)
        return grey(image, boxes)

    processor = make(FakePipeline(), settings=HIDING, hide=slow)
    processor.recv(video_frame(100))
    assert checking.wait(10)
    processor.update_settings(PLAIN)
    go.set()
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    processor.update_settings(HIDING)
    shown = processor.recv(video_frame(100)).to_ndarray(format="bgr24")
    assert np.abs(shown.astype(int) - 200).max() <= 3


def test_faces_that_are_not_read_are_hidden_too(make: Callable[..., LiveProcessor]) -> None:
    given: list[FloatArray] = []

    def hide(image: ImageArray, boxes: FloatArray) -> ImageArray:
        given.append(boxes)
        return grey(image, boxes)

    pipeline = FakePipeline()
    other = np.array([[20, 2, 24, 6]], np.float32)
    pipeline.process = lambda frame: replace(one_face(frame), others=other)  # type: ignore[method-assign]
    processor = make(pipeline, settings=HIDING, hide=hide)
    processor.recv(video_frame(100))
    wait_until(lambda: processor.reading().frames_read == 1, "a result")
    assert given[0].tolist() == [[2, 4, 10, 12], [20, 2, 24, 6]]


def test_a_listener_hears_every_result_also_after_it_failed(
    make: Callable[..., LiveProcessor], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[int, float]] = []
    processor = make(FakePipeline(), clock=lambda: 5.0)

    def listener(
        result: FrameResult, arrived_s: float, picture: object, size: tuple[int, int]
    ) -> None:
        heard.append((result.index, arrived_s))
        if len(heard) == 2:
            raise RuntimeError("full")

    processor.listen(listener)
    for count in (1, 2, 3):
        processor.recv(video_frame())
        wait_for_frames(processor, count)
    wait_until(lambda: len(heard) == 3, "the last one")
    assert heard == [(0, 5.0), (1, 5.0), (2, 5.0)]
    assert len([r for r in caplog.records if "listener" in r.message]) == 1


def test_the_words_over_the_faces_are_those_that_the_page_shows(
    make: Callable[..., LiveProcessor],
) -> None:
    """The boxes are the newest; the expression changes on video and page at the same time."""
    drawn: list[FrameResult] = []

    def draw(image: ImageArray, result: FrameResult, settings: object, names: object) -> ImageArray:
        drawn.append(result)
        return image

    def process(frame: Frame) -> FrameResult:
        top = 3 if frame.index == 0 else 6
        probs = np.full((1, 7), 0.1, np.float32)
        probs[0, top] = 0.4
        return replace(one_face(frame, (frame.index, 4, 10, 12)), probs=probs)

    now = [0.0]
    pipeline = FakePipeline()
    pipeline.process = process  # type: ignore[method-assign]
    processor = make(pipeline, draw=draw, clock=lambda: now[0])
    for count in (1, 2):
        processor.recv(video_frame())
        wait_for_frames(processor, count)
        if count == 1:
            processor.show_with_page(processor.reading().result)
    processor.recv(video_frame())
    assert (drawn[-1].index, drawn[-1].labels, drawn[-1].boxes[0, 0]) == (1, ("happy",), 1)
    wait_until(lambda: processor.reading().frames_read == 3, "a result")
    processor.show_with_page(processor.reading().result)
    processor.recv(video_frame())
    assert drawn[-1].labels == ("surprise",)
    # A page that no longer asks must not hold the words for ever.
    angry = np.eye(7, dtype=np.float32)[:1]
    newest = processor.reading().result
    assert newest is not None
    processor.show_with_page(replace(newest, probs=angry))
    now[0] += PAGE_S
    processor.recv(video_frame())
    assert drawn[-1].labels == ("surprise",)


def test_a_listener_may_ask_for_the_picture_as_it_is_drawn_on(
    make: Callable[..., LiveProcessor],
) -> None:
    pictures: list[np.ndarray] = []
    processor = make(FakePipeline(), settings=LiveSettings(mirror=True))
    processor.listen(lambda result, arrived_s, picture, size: pictures.append(picture()))
    processor.recv(video_frame())
    wait_until(lambda: len(pictures) == 1, "a picture")
    # The box of `one_face` is filled, and stands where the camera saw it: nothing is mirrored.
    assert (pictures[0][8, 8] == (0, 0, 255)).all()
    assert (pictures[0][8, 55] != (0, 0, 255)).any()


def test_nothing_is_drawn_where_nothing_is_sent_back(make: Callable[..., LiveProcessor]) -> None:
    def never(*_: object) -> np.ndarray:
        raise AssertionError

    processor = make(FakePipeline(), draw=never, send_back=False)
    for count in (1, 2):
        frame = video_frame()
        assert processor.recv(frame) is frame
        wait_for_frames(processor, count)
    assert not processor.reading().sends_back


@pytest.mark.parametrize("size", [(64, 48), (65, 48), (64, 49)])
@pytest.mark.parametrize("format_name", ["yuv420p", "bgr24", "yuvj420p"])
def test_pictures_survive_both_conversions(size: tuple[int, int], format_name: str) -> None:
    wave = np.linspace(40, 200, size[0], dtype=np.uint8)
    image = np.stack([np.tile(wave, (size[1], 1))] * 2 + [np.full(size[::-1], 90, np.uint8)], 2)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=format_name)
    there = to_bgr(frame)
    assert there.shape == image.shape
    assert np.abs(there.astype(int) - image).max() <= 6
    back = to_frame(there)
    assert (back.width, back.height) == size
    assert np.abs(back.to_ndarray(format="bgr24").astype(int) - image).max() <= 9


def test_calibration_reaches_the_pipeline(make: Callable[..., LiveProcessor]) -> None:
    processor = make(FakePipeline())
    processor.start_calibration(3.0)
    assert processor.calibration_progress == {1: 0.5}
    processor.clear_calibration()
    assert processor.calibration_progress == {}


class StubCamera(MediaStreamTrack):
    """A camera of a few frames that then ends, as aiortc's remote tracks do."""

    kind = "video"

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.left = frames

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.01)
        if not self.left:
            self.stop()
            raise MediaStreamError
        self.left -= 1
        frame = video_frame()
        frame.pts, frame.time_base = 3000 * self.left, Fraction(1, 90000)
        return frame


def test_streamlit_webrtcs_own_track_drives_the_processor(
    make: Callable[..., LiveProcessor], run_async: Callable[[Coroutine[Any, Any, Any]], Any]
) -> None:
    processor = make(FakePipeline())

    async def play() -> int:
        track = VideoProcessTrack(track=StubCamera(30), processor=processor)
        shown = 0
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return shown
            assert (frame.width, frame.height) == (64, 48)
            shown += 1

    assert run_async(play()) == 30
    assert processor.reading().frames_in == 30
    assert processor.reading().frames_read > 1
    assert processor.reading().ended
    assert processor.history()[1][1].shape[1] == 7


def test_guided_takes_hear_the_network_alone_and_then_it_is_read_as_before(
    make: Callable[..., LiveProcessor],
) -> None:
    adapted = replace(PLAIN, adaptation=sadder(), pipeline=PipelineSettings(use_baselines=True))
    pipeline = FakePipeline()
    processor = make(pipeline, settings=adapted)
    guide = GuidedTakes(-READY_S)
    processor.guide_with(guide)
    for count in range(1, LEAST_READINGS + 2):
        processor.recv(video_frame())
        wait_until(lambda n=count: processor.reading().frames_read == n, "a result")  # type: ignore[misc]
    assert not pipeline.settings[-1].use_baselines
    assert pipeline.adaptations == []
    prompt = guide.prompt(0.1)
    assert prompt is not None
    assert prompt.readings == LEAST_READINGS + 1

    processor.guide_with(None)
    processor.recv(video_frame())
    wait_until(lambda: processor.reading().frames_read == LEAST_READINGS + 2, "a result")
    assert pipeline.settings[-1].use_baselines
    assert pipeline.adaptations == [adapted.adaptation]
