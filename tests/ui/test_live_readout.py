"""What stands beside the live video."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.datatypes import FrameResult
from emotion_core.live.status import LiveReading
from emotion_core.ui.live_page.readout import _people_or_reason, _person, affect_trails, rates_html


def reading(**changes: object) -> LiveReading:
    values: dict[str, object] = {
        "result": None,
        "age_s": None,
        "analysis_fps": 0.0,
        "display_fps": 0.0,
        "latency_ms": None,
        "frames_in": 0,
        "frames_read": 0,
        "sends_back": True,
        "error": "",
        "picture_error": "",
        "ended": False,
        "silent": False,
    }
    return LiveReading(**(values | changes))  # type: ignore[arg-type]


def test_unknown_values_are_dashes() -> None:
    html = rates_html(reading())
    assert "<b>–</b><span>Faces</span>" in html
    assert "<b>–</b><span>Latency in the server</span>" in html


def test_rates_are_rounded() -> None:
    html = rates_html(
        reading(
            result=FrameResult.empty(0, 0), analysis_fps=24.6, display_fps=29.9, latency_ms=17.2
        )
    )
    for part in ("<b>0</b>", "<b>25</b>", "<b>30</b>", "<b>17 ms</b>"):
        assert part in html


def test_analysis_only_shows_no_rate_of_display() -> None:
    html = rates_html(reading(sends_back=False, display_fps=30.0))
    assert "<b>30</b><span>Camera fps</span>" in html
    assert "Display fps" not in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Analysing the first frame"),
        ({"result": FrameResult.empty(0, 0)}, "No face in view"),
        ({"error": "the <network> is gone"}, "the &lt;network&gt; is gone"),
    ],
)
def test_without_people_the_reason_is_said(changes: dict[str, object], words: str) -> None:
    assert words in _people_or_reason(reading(**changes))


def test_a_minute_is_thinned_to_four_points_a_second() -> None:
    times = np.arange(0, 60, 0.1)
    person = _person(times, np.full((len(times), 7), 1 / 7, np.float32))
    assert 150 <= len(person["times"]) <= 240
    assert len(person["probs"]) == len(person["times"])
    assert min(np.diff(person["times"])) >= 0.24


def test_the_trail_ends_at_the_newest_point() -> None:
    times = np.arange(0, 10, 0.1)
    probs = np.zeros((100, 7), np.float32)
    probs[:, 4] = 1
    probs[-1] = np.eye(7)[3]
    trail = affect_trails({2: (times, probs)})[2]
    assert 6 <= len(trail) <= 10
    assert trail[0] == (0.0, 0.0)
    assert trail[-1][0] > 0.5


def page() -> None:
    import threading

    import av
    import numpy as np

    from emotion_core.config import PipelineSettings
    from emotion_core.datatypes import Frame, FrameResult
    from emotion_core.live.processor import LiveProcessor
    from emotion_core.ui.live_page.readout import offer_download, show_last_minute, show_readings

    done = threading.Event()

    class Reader:
        def process(self, frame: Frame) -> FrameResult:
            probs = np.eye(7, dtype=np.float32)[[3]]
            box, no = np.array([[1, 1, 9, 9]], np.float32), np.zeros(1, bool)
            one, score = np.ones(1, np.int64), np.ones(1, np.float32)
            done.set()
            return FrameResult(frame.index, 0.0, box, one, probs, probs, score, no, no, ((),))

        def update_settings(self, settings: PipelineSettings) -> None:
            pass

    processor = LiveProcessor(Reader(), lambda image, *_: image)  # type: ignore[arg-type]
    image = np.zeros((48, 64, 3), np.uint8)
    processor.recv(av.VideoFrame.from_ndarray(image, format="bgr24"))
    done.wait(10)
    while processor.reading().frames_read == 0:
        pass
    processor.on_ended()
    show_readings(processor)
    show_last_minute(processor)
    offer_download(processor)


def test_a_finished_stream_keeps_its_last_reading_on_the_page() -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    html = "".join(element.proto.body for element in app.get("html"))
    assert "happy<small>100%</small>" in html
    assert "Person #1" in html
