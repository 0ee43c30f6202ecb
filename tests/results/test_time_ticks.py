import pytest

from emotion_core.results.time_ticks import counts_minutes, tick_words, time_ticks


@pytest.mark.parametrize("length", [0.04, 1.0, 1.5, 7.0, 59.0, 61.0, 3_600.0, 36_000.0, 400_000.0])
@pytest.mark.parametrize("start", [0.0, 3.3, 7_000.0])
def test_ticks_lie_in_the_span_and_are_few(start: float, length: float) -> None:
    ticks = time_ticks((start, start + length))
    assert len(ticks) <= 16
    assert all(start - 1e-6 <= tick <= start + length + 1e-6 for tick in ticks)
    assert ticks == sorted(set(ticks))


def test_minutes_are_counted_where_there_are_any() -> None:
    assert [tick_words((0, 90))(t) for t in (0, 60, 90)] == ["0:00", "1:00", "1:30"]
    assert tick_words((0, 50))(5.0) == "5"
    assert not counts_minutes((100.0, 101.5)), "a fraction of a second is no minute and second"
    assert tick_words((100.0, 101.5))(100.2) == "100.2"
