"""Readings on a grid: means where the source is faster, held where it is slower, never invented."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_studies import probs_of
from numpy.typing import ArrayLike

from emotion_core.errors import InputError
from emotion_core.results.face_table import FaceTable
from emotion_core.study.definitions import Event, EventKind, Recording, StudySettings
from emotion_core.study.grid import Grid, event_span
from emotion_core.study.resampling import grid_of, resample

HAPPY = 3


def table(
    times: ArrayLike, happy: ArrayLike, frames: ArrayLike | None = None, **more: ArrayLike
) -> FaceTable:
    """One person's rows at these times; `frames` are the times of all analysed frames."""
    moments = np.asarray(times, np.float64)
    n = len(moments)
    rows = FaceTable(
        frame=np.arange(n),
        time_s=moments,
        track_id=np.ones(n, np.int64),
        boxes_xywh=np.zeros((n, 4), np.float32),
        probs=probs_of("happy", np.asarray(happy)).astype(np.float32),
        detection_score=np.ones(n, np.float32),
        predicted=np.zeros(n, bool),
        unsure=np.zeros(n, bool),
        frame_times=np.unique(moments if frames is None else np.asarray(frames, np.float64)),
    )
    return replace(rows, **{name: np.asarray(value) for name, value in more.items()})


def happy_of(rows: FaceTable, rate_hz: float) -> list[float]:
    """Values of one expression on the grid of the whole recording; -1 where there is none."""
    values = resample(rows, grid_of(rows.frame_times, rate_hz)).probs[:, HAPPY]
    return np.where(np.isnan(values), -1, values).round(6).tolist()


def test_no_frame_is_an_error_that_names_the_range() -> None:
    with pytest.raises(InputError, match="from 0 s on: correct"):
        grid_of(np.empty(0), 10)
    with pytest.raises(InputError, match="from 2 s on and before 3 s"):
        grid_of(np.array([0.0, 1.0]), 10, 2.0, 3.0)


def test_a_time_of_centuries_is_refused() -> None:
    with pytest.raises(InputError, match="hours"):
        grid_of(np.array([0.0, 1e9]), 10)


@pytest.mark.parametrize(
    ("frames", "rate", "start", "end", "expected"),
    [
        ([0.0], 10, 0.0, None, Grid(0.0, 10, 1)),  # a usual step of 0.04 s
        (np.arange(100) / 10, 10, 0.0, None, Grid(0.0, 10, 100)),
        (np.round(np.arange(90) / 30, 6), 10, 0.0, None, Grid(0.0, 10, 30)),
        (np.arange(100) / 10, 10, 2.05, 4.0, Grid(2.05, 10, 20)),
        (np.arange(600, 700) / 10, 10, 0.0, None, Grid(60.0, 10, 100)),  # analysed from 60 s on
        (np.arange(100) / 10, 10, 0.0, 99.0, Grid(0.0, 10, 100)),
    ],
)
def test_the_grid_of_a_recording(
    frames: ArrayLike, rate: float, start: float, end: float | None, expected: Grid
) -> None:
    assert grid_of(np.asarray(frames, np.float64), rate, start, end) == expected


def test_a_faster_source_gives_means() -> None:
    times = np.round(np.arange(30) / 30, 6)  # six decimals, as in faces.csv
    happy = np.repeat([0.2, 0.8], 15) + np.tile([-0.1, 0.0, 0.1], 10)
    assert happy_of(table(times, happy), 10) == [0.2] * 5 + [0.8] * 5


def test_a_slower_source_is_held_until_its_next_frame() -> None:
    rows = table([0.0, 1.0, 2.0], [0.1, 0.5, 0.9])
    assert happy_of(rows, 4) == [0.1] * 4 + [0.5] * 4 + [0.9] * 4


def test_an_absence_is_not_filled() -> None:
    """Frames at 0.0 to 0.9; the person is not in those from 0.3 to 0.5."""
    frames = np.arange(10) / 10
    there = np.delete(frames, [3, 4, 5])
    assert happy_of(table(there, [0.5] * 7, frames), 10) == [0.5] * 3 + [-1.0] * 3 + [0.5] * 4
    # At 20 a second the last reading before it is held only until the next frame.
    assert happy_of(table(there, [0.5] * 7, frames), 20) == [0.5] * 6 + [-1.0] * 6 + [0.5] * 8


def test_an_unread_stretch_is_not_filled() -> None:
    """A pause of up to a second is a slow camera; a longer one was not analysed."""
    short, long = [0.0, 0.1, 1.1, 1.2], [0.0, 0.1, 1.2, 1.3]
    assert happy_of(table(short, [0.5] * 4), 10) == [0.5] * 13
    assert happy_of(table(long, [0.5] * 4), 10) == [0.5] * 2 + [-1.0] * 10 + [0.5] * 2


def test_a_step_with_a_cut_in_it_counts_what_comes_after() -> None:
    rows = table([0.0, 0.05, 0.1, 0.15], [0.2, 0.9, 0.9, 0.9], shot=[1, 2, 2, 2])
    result = resample(rows, grid_of(rows.frame_times, 10))
    assert result.probs[:, HAPPY].round(6).tolist() == [0.9, 0.9]
    assert result.shot.tolist() == [2, 2]


def test_what_was_seen_held_unsure_and_said() -> None:
    rows = table(
        np.arange(8) / 20,
        [0.5] * 8,
        predicted=[False, True, True, True, False, False, False, False],
        unsure=[False, False, True, False, True, True, False, False],
        speaking=np.array([1, -1, 0, 0, -1, -1, 1, 0], np.int8),
    )
    result = resample(rows, grid_of(rows.frame_times, 10))
    assert result.seen.tolist() == [True, False, True, True]
    assert result.held.tolist() == [False, True, False, False]
    assert result.unsure.tolist() == [False, True, True, False]
    assert result.speaking.tolist() == [1, 0, -1, 1]


def test_frames_outside_of_the_range_do_not_count() -> None:
    """But one before it is held into it."""
    rows = table([0.0, 1.0, 1.5, 2.0], [0.2, 0.4, 0.8, 1.0])
    grid = grid_of(rows.frame_times, 2, 0.5, 1.75)
    result = resample(rows, grid, 1.75)
    assert grid == Grid(0.5, 2, 3)
    assert result.probs[:, HAPPY].round(6).tolist() == [0.2, 0.4, 0.8]


@given(fps=st.sampled_from([10, 20, 25, 30, 50, 60, 29.97]), rate=st.sampled_from([1.0, 2.0, 5.0]))
def test_a_slow_signal_reads_the_same_at_any_frame_rate(fps: float, rate: float) -> None:
    times = np.round(np.arange(int(20 * fps)) / fps, 6)
    signal = 0.5 + 0.4 * np.sin(times / 3)
    rows = table(times, signal)
    result = resample(rows, grid_of(rows.frame_times, rate))
    middles = result.grid.times() + 0.5 / rate
    inside = middles < 19.5
    expected = 0.5 + 0.4 * np.sin(middles / 3)
    assert result.seen[inside].all()
    # Half a frame's time, and the curvature within a step.
    most = 0.4 / 3 * 0.5 / fps + 0.4 / 9 / rate**2 / 8
    assert np.abs(result.probs[inside, HAPPY] - expected[inside]).max() < most + 1e-6


@given(order=st.permutations(range(12)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    rows = table(np.arange(12) / 25, np.linspace(0, 1, 12))
    grid = grid_of(rows.frame_times, 10)
    shuffled = resample(rows.rows(np.array(order)), grid)
    np.testing.assert_array_equal(shuffled.probs, resample(rows, grid).probs)


@pytest.mark.parametrize(
    ("start", "end", "within", "touched"),
    [
        (0.0, 0.0, [], []),
        (-5.0, -1.0, [], []),
        (0.3, 0.6, [3, 4, 5], [3, 4, 5]),  # 0.1 * 3 is not 0.3
        (0.34, 0.36, [3], [3]),
        (0.36, 0.44, [], [3, 4]),
        (0.8, 99.0, [8, 9], [8, 9]),
        (-1e308, 1e308, list(range(10)), list(range(10))),
        (1e300, 1e308, [], []),
    ],
)
def test_the_steps_of_an_interval(
    start: float, end: float, within: list[int], touched: list[int]
) -> None:
    grid = Grid(0.0, 10.0, 10)
    assert np.flatnonzero(grid.within([(start, end)])).tolist() == within
    assert np.flatnonzero(grid.touched([(start, end)])).tolist() == touched


def test_an_event_on_the_clock_of_the_video() -> None:
    recording = Recording("a", "a.mp4", "p", clock_offset_s=2.0)
    point, interval = ((Event("*", EventKind.EVENT, "x", 3.0, end)) for end in (3.0, 4.0))
    settings = StudySettings(event_s=7.0)
    assert event_span(point, recording, settings) == (1.0, 8.0)
    assert event_span(interval, recording, settings) == (1.0, 2.0)
