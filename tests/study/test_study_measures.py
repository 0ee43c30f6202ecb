"""Measures of events, against values planted and against plain loops over the steps."""

import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_studies import probs_of
from numpy.typing import NDArray

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.study.definitions import SIGNALS, StudySettings
from emotion_core.study.grid import Grid
from emotion_core.study.measures import MEASURES, Rows, Spans, measure
from emotion_core.study.readings_file import Header, Readings, write_readings

HAPPY, NEUTRAL, VALENCE = 3, 4, 7
NAN = math.nan


def readings(
    happy: NDArray[np.float64],
    rate_hz: float = 10.0,
    valid: NDArray[np.bool_] | None = None,
    baseline: float | None = None,
    **more: NDArray[np.bool_],
) -> Readings:
    """Readings of one expression; NaN where the participant is absent."""
    probs = probs_of("happy", happy)
    present = ~np.isnan(happy)
    values = np.concatenate([probs, valence_arousal(probs.astype(np.float32))], axis=1)
    no = np.zeros(len(happy), bool)
    level = NAN if baseline is None else baseline
    flags: dict[str, Any] = {"seen": present, "held": no, "unsure": no, "excluded": no} | more
    return Readings(
        Grid(0.0, rate_hz, len(happy)),
        speaking=np.full(len(happy), -1, np.int8),
        valid=present & (True if valid is None else valid),
        values=values,
        corrected=values - level,
        **flags,
    )


def measured(
    folder: Path,
    rows: Readings,
    spans: list[tuple[float, float]],
    settings: StudySettings | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The measures of events from a file of these readings."""
    path = folder / "a [1].parquet"
    write_readings(path, Header("", steps=rows.grid.steps), rows)
    steps = np.array([rows.grid.span(*span) for span in spans], np.int64).reshape(-1, 2)
    starts = np.array([start for start, _ in spans])
    asked = Spans(np.zeros(len(spans), np.int64), steps[:, 0], steps[:, 1], starts)
    return measure([path], asked, settings or StudySettings(rate_hz=rows.grid.rate_hz))


def of_happy(found: dict[str, NDArray[np.float64]], event: int = 0) -> dict[str, float]:
    return {name: float(values[event, HAPPY]) for name, values in found.items()}


def test_planted_values(tmp_path: Path) -> None:
    """Six seconds: 0.1, a peak of 0.9 from 2 s to 3 s, and one of 0.7 from 4 s to 4.3 s."""
    happy = np.full(60, 0.1)
    happy[20:30], happy[40:43] = 0.9, 0.7
    happy[25] = 0.95
    happy[50:55] = np.nan
    valid = np.ones(60, bool)
    valid[55:] = False
    rows = readings(happy, valid=valid, baseline=0.2, unsure=np.arange(60) >= 44)
    found = measured(tmp_path, rows, [(1.0, 7.0)])
    kept = happy[10:50]
    assert of_happy(found) == {
        "mean": pytest.approx(kept.mean(), abs=1e-6),
        "median": pytest.approx(0.1, abs=1e-6),
        "sd": pytest.approx(kept.std(ddof=1), abs=1e-6),
        "max": pytest.approx(0.95, abs=1e-6),
        "max_time_s": pytest.approx(1.5),
        "mean_corrected": pytest.approx(kept.mean() - 0.2, abs=1e-6),
        "area": pytest.approx(9 * 0.07 + 0.075 + 3 * 0.05, abs=1e-6),
        "dominant_share": pytest.approx(13 / 40),
        "episodes": 1,  # the second one is shorter than 0.5 s
        "episodes_per_min": pytest.approx(60 / 4),
        "episode_mean_s": pytest.approx(1.0),
        "onset_s": pytest.approx(1.0),
        "valid_share": pytest.approx(40 / 60),
        "valid_s": pytest.approx(4.0),
        "unsure_share": pytest.approx(11 / 45),
    }


def test_what_is_not_there_is_missing_and_never_zero(tmp_path: Path) -> None:
    rows = readings(np.full(10, NAN))
    found = measured(tmp_path, rows, [(0.0, 1.0), (50.0, 60.0), (0.01, 0.02)])
    always = {"valid_share": 0.0, "valid_s": 0.0}
    for event, known in enumerate((always, always, {"valid_s": 0.0})):
        for name, value in of_happy(found, event).items():
            np.testing.assert_equal(value, known.get(name, NAN), err_msg=name)


def test_without_a_baseline_or_an_episode(tmp_path: Path) -> None:
    found = of_happy(measured(tmp_path, readings(np.full(10, 0.2)), [(0.0, 1.0)]))
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {"mean_corrected", "area", "episode_mean_s", "onset_s"}
    assert (found["episodes"], found["episodes_per_min"]) == (0, 0)
    assert found["sd"] == pytest.approx(0, abs=1e-7)


def test_a_single_step_has_no_deviation(tmp_path: Path) -> None:
    found = of_happy(measured(tmp_path, readings(np.full(1, 0.8)), [(0.0, 0.1)]))
    assert math.isnan(found["sd"])
    assert found["median"] == pytest.approx(0.8)
    assert found["onset_s"] == 0


def test_valence_has_no_episodes_and_is_never_dominant(tmp_path: Path) -> None:
    found = measured(tmp_path, readings(np.full(10, 0.9), baseline=0.5), [(0.0, 1.0)])
    missing = {name for name, values in found.items() if np.isnan(values[0, VALENCE])}
    assert missing == {m.name for m in MEASURES if m.expressions_only}


def test_the_first_of_equal_maxima_counts(tmp_path: Path) -> None:
    happy = np.full(5000, 0.3)
    happy[[123, 124, 2000, 4999]] = 0.8
    assert of_happy(measured(tmp_path, readings(happy), [(0, 500)]))["max_time_s"] == 12.3


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7])
def test_a_reading_at_the_threshold_reaches_it(tmp_path: Path, threshold: float) -> None:
    settings = StudySettings(episode_threshold=threshold, episode_min_s=0.3)
    found = of_happy(measured(tmp_path, readings(np.full(3, threshold)), [(0, 0.3)], settings))
    assert (found["episodes"], found["onset_s"]) == (1, 0)


def test_a_missing_step_ends_an_episode_and_so_does_the_event(tmp_path: Path) -> None:
    happy = np.full(40, 0.9)
    happy[20] = np.nan
    found = measured(tmp_path, readings(happy), [(0, 4), (1, 2), (1.8, 2.9), (2.0, 2.1)])
    assert found["episodes"][:, HAPPY].tolist() == pytest.approx([2, 1, 1, NAN], nan_ok=True)
    lengths = found["episode_mean_s"][:, HAPPY].tolist()
    assert lengths == pytest.approx([1.95, 1.0, 0.8, NAN], nan_ok=True)
    assert found["onset_s"][:3, HAPPY].tolist() == [0, 0, 0]


def test_of_two_equal_expressions_the_first_is_dominant(tmp_path: Path) -> None:
    found = measured(tmp_path, readings(np.full(4, 1 / 7)), [(0, 0.4)])
    assert found["dominant_share"][0, :7].tolist() == [1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("rate", [5.0, 10.0, 25.0, 60.0])
def test_the_rate_does_not_matter(tmp_path: Path, rate: float) -> None:
    """A constant, then a step: the same at any rate, in seconds."""
    times = np.arange(int(8 * rate)) / rate
    rows = readings(np.where((times >= 2) & (times < 6), 0.8, 0.1), rate, baseline=0.1)
    found = of_happy(measured(tmp_path, rows, [(1.0, 7.0)]))
    expected = {"mean": 3.4 / 6, "max_time_s": 1, "area": 2.8, "dominant_share": 4 / 6}
    expected |= {"episodes": 1, "episode_mean_s": 4, "onset_s": 1, "valid_share": 1, "valid_s": 6}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def loops(rows: Readings, first: int, last: int, settings: StudySettings) -> list[dict[str, Any]]:
    """The measures of every signal of the steps [first, last), without a data base."""
    rate, steps = settings.rate_hz, range(max(first, 0), min(last, rows.grid.steps))
    valid = [k for k in steps if rows.valid[k]]
    usable = [k for k in steps if (rows.seen[k] or rows.held[k]) and not rows.excluded[k]]
    values = rows.values.astype(np.float32).astype(float)
    corrected = rows.corrected.astype(np.float32).astype(float)
    threshold = float(np.float32(settings.episode_threshold))
    result = []
    for i, name in enumerate(SIGNALS):
        x = [values[k, i] for k in valid]
        c = [corrected[k, i] for k in valid]
        found: dict[str, Any] = dict.fromkeys((m.name for m in MEASURES), NAN)
        found |= {"valid_s": len(valid) / rate, "valid_share": len(valid) / (last - first)}
        if usable:
            found["unsure_share"] = sum(bool(rows.unsure[k]) for k in usable) / len(usable)
        if valid:
            found |= {"mean": np.mean(x), "median": np.median(x), "max": max(x)}
            found["max_time_s"] = (valid[x.index(max(x))] - first) / rate
            found |= {"mean_corrected": np.mean(c), "area": sum(max(0, v) for v in c) / rate}
            found["sd"] = np.std(x, ddof=1) if len(x) > 1 else NAN
        if valid and name in EXPRESSIONS:
            found["dominant_share"] = np.mean([values[k, :7].argmax() == i for k in valid])
            lengths, length = [], 0
            for k in (*steps, -1):
                if k >= 0 and rows.valid[k] and values[k, i] >= threshold:
                    length += 1
                else:
                    lengths += [length / rate] if length else []
                    length = 0
            long = [s for s in lengths if s >= settings.episode_min_s - 1e-9]
            found["episodes"] = len(long)
            found["episodes_per_min"] = len(long) / (len(valid) / rate / 60)
            found["episode_mean_s"] = np.mean(long) if long else NAN
            above = [k for k in valid if values[k, i] >= threshold]
            found["onset_s"] = (above[0] - first) / rate if above else NAN
        result.append(found)
    return result


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 60),
    rate=st.sampled_from([1.0, 4.0, 10.0]),
    threshold=st.floats(0.05, 0.95),
    least=st.sampled_from([0.0, 0.5, 1.0]),
    events=st.lists(st.tuples(st.integers(-5, 60), st.integers(1, 30)), min_size=1, max_size=5),
)
def test_the_query_agrees_with_plain_loops(
    tmp_path: Path,
    seed: int,
    count: int,
    rate: float,
    threshold: float,
    least: float,
    events: list[tuple[int, int]],
) -> None:
    rng = np.random.default_rng(seed)
    absent, unsure, excluded = (rng.uniform(size=count) < share for share in (0.2, 0.3, 0.1))
    happy = np.where(absent, np.nan, rng.choice([0.05, 0.3, 0.5, 0.9], count))
    rows = readings(
        happy, rate, ~excluded & ~unsure, baseline=0.4, unsure=unsure & ~absent, excluded=excluded
    )
    chosen = StudySettings(rate_hz=rate, episode_threshold=threshold, episode_min_s=least)
    spans = [(first / rate, (first + length) / rate) for first, length in events]
    found = measured(tmp_path, rows, spans, chosen)
    for event, (first, length) in enumerate(events):
        expected = loops(rows, first, first + length, chosen)
        for name, values in found.items():
            wanted = [signal[name] for signal in expected]
            np.testing.assert_allclose(values[event], wanted, atol=1e-6, err_msg=name)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(duckdb.Error):
        measure([tmp_path / "a.parquet"], Spans(one, one, one + 1, np.zeros(1)), StudySettings())
    nothing = Spans(one[:0], one[:0], one[:0], np.empty(0))
    assert measure([], nothing, StudySettings())["mean"].shape == (0, 9)


def test_every_measure_says_what_it_is() -> None:
    assert len({m.name for m in MEASURES}) == len(MEASURES) == 15
    for one in MEASURES:
        assert one.formula.endswith(".")
        assert one.label
        assert one.unit
    assert [m.name for m in MEASURES if m.rows is Rows.EVENT] == [
        "valid_share",
        "valid_s",
        "unsure_share",
    ]
