"""While faces are hidden, the live page and the film show checked pictures only."""

import threading
from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest
from live_processor_stubs import PLAIN, FakePipeline, one_face, video_frame, wait_until

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.live.checked_pictures import REPEAT_S
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings

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
