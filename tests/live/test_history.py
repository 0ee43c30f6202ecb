import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.labels import EXPRESSIONS
from emotion_core.live.history import History, readings_csv


def result(time_s: float, tracks: tuple[int, ...], predicted: bool = False) -> FrameResult:
    n = len(tracks)
    probs = np.full((n, 7), 1 / 7, np.float32)
    return FrameResult(
        0,
        time_s,
        np.zeros((n, 4), np.float32),
        np.array(tracks),
        probs,
        probs,
        np.ones(n, np.float32),
        np.full(n, predicted),
        np.zeros(n, bool),
        ((),) * n,
    )


def test_nothing_is_remembered_without_a_face() -> None:
    history = History()
    history.add(FrameResult.empty(0, 1.0))
    assert history.readings() == {}
    assert readings_csv({}) == "track_id,time_s," + ",".join(EXPRESSIONS) + "\n"


def test_one_reading_a_step_for_each_person() -> None:
    history = History(step_s=0.1)
    for i in range(31):
        history.add(result(i / 30, (1, 2)))
    times, probs = history.readings()[2]
    assert 8 <= len(times) <= 11
    assert np.diff(times).min() >= 0.1
    assert probs.shape == (len(times), 7)


def test_a_held_box_is_no_reading() -> None:
    history = History()
    history.add(result(0.0, (1,), predicted=True))
    assert history.readings() == {}


def test_what_is_older_than_the_span_is_forgotten() -> None:
    history = History(span_s=60)
    history.add(result(0.0, (1,)))
    for second in range(1, 100):
        history.add(result(float(second), (2,)))
    assert list(history.readings()) == [2]
    assert history.readings()[2][0][0] == pytest.approx(39)
    history.clear()
    assert history.readings() == {}


def test_csv_has_a_row_for_each_reading() -> None:
    history = History()
    history.add(result(0.5, (3,)))
    lines = readings_csv(history.readings()).splitlines()
    assert lines[1].startswith("3,0.500,0.1429")
    assert len(lines) == 2
