"""Sampling plans: reproducible, inside the recordings, and told where they cannot be kept."""

from pathlib import Path

import numpy as np
import pytest
from study_folders import recording, study_with

from emotion_core.errors import InputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.coding.plans import (
    Plan,
    Sampling,
    best_windows,
    coder_order,
    random_windows,
    sample,
    shared_part,
)
from emotion_core.study.definitions import Event, EventKind
from emotion_core.study.folder import Study
from emotion_core.study.grid import Grid
from emotion_core.study.readings_file import Header, Readings, write_readings

# Rounded to milliseconds, the last would begin before its span and end after it.
SPANS = {"P1_a": (0.5, 60.25), "P2_a": (0.0, 8.0), "P3_a": (2.0004, 40.0006)}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_with(tmp_path / "study", [recording(name) for name in SPANS])


@pytest.mark.parametrize("sampling", [Sampling.WHOLE, Sampling.RANDOM])
def test_windows_are_inside_apart_and_the_same_each_time(study: Study, sampling: Sampling) -> None:
    plan = Plan(sampling, length_s=6.0, number=5, seed=3)
    found = sample(study, plan, SPANS)
    assert found == sample(study, plan, SPANS)
    for name, (first, last) in SPANS.items():
        windows = [w for w in found.windows if w.recording == name]
        assert windows, name
        assert all(first <= w.start_s < w.end_s <= last for w in windows)
        ends = [w.end_s for w in windows]
        assert all(w.start_s >= end - 1e-3 for w, end in zip(windows[1:], ends, strict=False))
    if sampling is Sampling.RANDOM:
        assert len([w for w in found.windows if w.recording == "P1_a"]) == 5
        assert found.problems == ("P2_a: windows of 6 s that fit: 1, not 5.",)
        assert found.windows != sample(study, Plan(sampling, 6.0, 5, seed=4), SPANS).windows


def test_another_recording_changes_none_of_the_others(study: Study) -> None:
    plan = Plan(Sampling.RANDOM, 4.0, 3)
    before = sample(study, plan, SPANS).windows
    wider = study.with_recordings([*study.recordings, recording("P0_z")])
    after = sample(wider, plan, SPANS | {"P0_z": (0.0, 30.0)}).windows
    assert set(before) < set(after)


def test_random_windows_are_spread_evenly() -> None:
    rng = np.random.default_rng(5)
    starts = [s for _ in range(2000) for s, _ in random_windows(rng, (10.0, 20.0), 1.0, 2)[0]]
    counts, _ = np.histogram(starts, bins=9, range=(10.0, 19.0))
    assert counts.min() > 0.7 * counts.mean()
    assert random_windows(rng, (0.0, 3.0), 1.0, 3)[0] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]


def test_windows_at_events_are_on_the_videos_clock_and_cut(study: Study) -> None:
    offset = [recording("P1_a", clock_offset_s=100.0), *study.recordings[1:]]
    events = [
        Event("P1_a", EventKind.STIMULUS, "film", 110.0, 130.0),
        Event("P1_a", EventKind.EVENT, "laugh", 155.0, 155.0),
        Event("P1_a", EventKind.EVENT, "late", 900.0, 901.0),
        Event("P1_a", EventKind.EXCLUDE, "noise", 111.0, 112.0),
    ]
    study = study.with_recordings(offset).with_events(events)
    plan = Plan(Sampling.EVENTS, length_s=4.0, before_s=2.0, after_s=3.0)
    found = sample(study, plan, SPANS)
    assert [(w.start_s, w.end_s) for w in found.windows] == [(8.0, 33.0), (53.0, 60.25)]
    assert any("“late” at 800.0 s is outside" in p for p in found.problems)
    assert any("“laugh” at 55.0 s was cut" in p for p in found.problems)
    only = Plan(Sampling.EVENTS, event_kind="stimulus", event_label="film", recordings=("P1_a",))
    assert [(w.start_s, w.end_s) for w in sample(study, only, SPANS).windows] == [(10.0, 30.0)]


def readings_with(study: Study, unsure_s: tuple[float, float], change_s: float) -> None:
    steps, rate_hz = 200, 10.0
    times = np.arange(steps) / rate_hz
    values = np.full((steps, 9), 0.01)
    dominant = np.where(times < change_s, EXPRESSIONS.index("happy"), EXPRESSIONS.index("sad"))
    values[np.arange(steps), dominant] = 0.9
    yes, no = np.ones(steps, np.bool_), np.zeros(steps, np.bool_)
    unsure = (times >= unsure_s[0]) & (times < unsure_s[1])
    readings = Readings(
        Grid(0.0, rate_hz, steps), yes, no, unsure, no, np.full(steps, -1, np.int8), yes, values,
        values,
    )  # fmt: skip
    write_readings(study.folder / "readings" / "P3_a.parquet", Header("key"), readings)


def test_windows_where_the_machine_is_unsure_or_changes(study: Study) -> None:
    readings_with(study, (12.0, 14.0), 6.0)
    spans = {"P3_a": (0.0, 20.0)}
    unsure = sample(study, Plan(Sampling.UNSURE, 2.0, 3, recordings=("P3_a",)), spans)
    starts = [w.start_s for w in unsure.windows]
    assert any(abs(s - 12.0) < 0.1 for s in starts), starts
    assert all(10.0 <= s <= 14.0 for s in starts)
    changes = sample(study, Plan(Sampling.CHANGES, 2.0, 1, recordings=("P3_a",)), spans)
    (window,) = changes.windows
    assert window.start_s <= 6.0 <= window.end_s
    assert changes == sample(study, Plan(Sampling.CHANGES, 2.0, 1, recordings=("P3_a",)), spans)
    with pytest.raises(InputError, match="no readings yet"):
        sample(study, Plan(Sampling.CHANGES, 2.0, 1, recordings=("P1_a",)), SPANS)


def test_windows_of_most_score_do_not_overlap() -> None:
    times = np.arange(100) / 10
    scores = np.zeros(100)
    scores[[20, 21, 70]] = 1.0
    rng = np.random.default_rng(1)
    windows = best_windows(times, scores, (0.0, 10.0), 2.0, 5, rng)
    assert len(windows) == 2
    assert windows[0][0] <= 2.0 < 2.1 < windows[0][1]
    assert windows[1][0] <= 7.0 < windows[1][1]


def test_what_cannot_be_sampled_is_told(study: Study) -> None:
    with pytest.raises(InputError, match="no recording P9"):
        sample(study, Plan(recordings=("P9",)), SPANS)
    with pytest.raises(InputError, match="length unknown"):
        sample(study, Plan(), {})
    for wrong in ({"length_s": 0.0}, {"number": 0}, {"before_s": -1.0}, {"length_s": float("nan")}):
        with pytest.raises(SettingsError):
            Plan(Sampling.RANDOM, **wrong)


def test_each_coder_has_an_order_and_shares_are_nested() -> None:
    units = [f"1-{i:04}" for i in range(40)]
    anna, bo = coder_order(1, "Anna", units), coder_order(1, "Bo", units)
    assert anna == coder_order(1, "Anna", reversed(units))
    assert sorted(anna) == sorted(bo) == units
    assert anna != bo != units
    assert anna != coder_order(2, "Anna", units)
    small, large = shared_part(1, 0.2, units), shared_part(1, 0.55, units)
    assert (len(small), len(large)) == (8, 22)
    assert set(small) < set(large)
    assert shared_part(1, 0.001, units[:3]) != []
