"""Scanning beside the stream: answered by frame numbers and times, never by the machine's speed."""

import threading

import numpy as np
import pytest

from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.vision import background_scan, cascade
from emotion_core.vision import boxes as bx
from emotion_core.vision.background_scan import DUE_FRAMES, DUE_S, BackgroundScan


@pytest.fixture
def prepared() -> cascade.Prepared:
    image = next(iter(sample_frames(1, 1, scenario="still"))).image
    ready = cascade.prepare(image, face_px=(100.0, 400.0))
    image[:] = 0  # the caller may reuse its buffer at once
    return ready


def test_the_answer_is_the_scan_moved_to_its_place(prepared: cascade.Prepared) -> None:
    scans = BackgroundScan()
    assert not scans.busy
    scans.start(prepared, (30, 20), 5, 1.0, 1.1)
    assert scans.busy
    found = scans.answer(5 + DUE_FRAMES, 1.0)
    assert found is not None
    truth = sample_boxes(0, 1, scenario="still") + np.array([30, 20, 30, 20])
    assert bx.iou_matrix(found[0], truth).max() > 0.6
    assert not scans.busy
    assert scans.answer(9, 9.0) is None, "fetched once"


def test_frames_or_time_decide_when_it_is_due(
    prepared: cascade.Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    found = (np.ones((1, 4), np.float32), np.ones(1, np.float32))

    def slow(*_: object, **__: object) -> object:
        assert may_go_on.wait(10)
        return found

    monkeypatch.setattr(background_scan, "detect", slow)
    for frame, time_s in ((DUE_FRAMES, 0.0), (1, DUE_S)):
        may_go_on.clear()
        scans = BackgroundScan()
        scans.start(prepared, (0, 0), 0, 0.0, 1.1)
        assert scans.answer(DUE_FRAMES - 1, 0.9 * DUE_S) is None
        # Due, but the machine is slow: the stream waits rather than answers otherwise than usual.
        threading.Timer(0.05, may_go_on.set).start()
        assert scans.answer(frame, time_s) is not None


def test_a_ready_answer_waits_until_it_is_due(prepared: cascade.Prepared) -> None:
    scans = BackgroundScan()
    scans.start(prepared, (0, 0), 0, 0.0, 1.1)
    # One thread serves all, so once another stream's scan is answered this one has ended too.
    other = BackgroundScan()
    other.start(prepared, (0, 0), 0, 0.0, 1.1)
    assert other.answer(DUE_FRAMES, 0.0) is not None
    assert scans.answer(1, 0.0) is None
    assert scans.busy


def test_a_forgotten_scan_is_never_answered(prepared: cascade.Prepared) -> None:
    scans = BackgroundScan()
    scans.start(prepared, (0, 0), 0, 0.0, 1.1)
    scans.forget()
    assert not scans.busy
    assert scans.answer(100, 100.0) is None
    scans.forget()
