"""What the live processor draws, shows and hands to listeners, with real video frames."""

from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest
from live_processor_stubs import FakePipeline, one_face, video_frame, wait_for_frames, wait_until

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.live.processor import PAGE_S, LiveProcessor
from emotion_core.live.rendering import mirrored, to_bgr, to_frame
from emotion_core.live.settings import LiveSettings


def red_pixels(frame: av.VideoFrame) -> int:
    image = frame.to_ndarray(format="bgr24").astype(int)
    return int(((image[..., 2] > 200) & (image[..., 0] < 60)).sum())


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
