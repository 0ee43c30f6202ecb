"""The live processor with real video frames and a real processing track around a stubbed source."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from live_processor_stubs import PLAIN, FakePipeline, video_frame, wait_for_frames, wait_until
from streamlit_webrtc.process import VideoProcessTrack

from emotion_core.config import PipelineSettings
from emotion_core.datatypes import FrameResult
from emotion_core.live.guided_takes import LEAST_READINGS, READY_S, GuidedTakes
from emotion_core.live.processor import LiveProcessor, live_threads
from emotion_core.live.settings import LiveSettings
from emotion_core.model.adaptation import Adaptation


def sadder() -> Adaptation:
    offsets = np.zeros(7)
    offsets[5] = 1.0
    return Adaptation("sadder", {"name": "x", "sha256": "y"}, offsets)


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
