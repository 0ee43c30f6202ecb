import pytest

from emotion_core.results.time_ticks import counts_minutes, time_ticks, time_words


@pytest.mark.parametrize("length", [0.04, 1.0, 1.5, 7.0, 59.0, 61.0, 3_600.0, 36_000.0, 400_000.0])
@pytest.mark.parametrize("start", [0.0, 3.3, 7_000.0])
def test_ticks_lie_in_the_span_and_are_few(start: float, length: float) -> None:
    ticks = time_ticks((start, start + length))
    assert len(ticks) <= 16
    assert all(start - 1e-6 <= tick <= start + length + 1e-6 for tick in ticks)
    assert ticks == sorted(set(ticks))


def test_minutes_are_counted_where_there_are_any() -> None:
    assert [time_words(t, (0, 90)) for t in (0, 59.96, 89.5)] == ["0:00.0", "1:00.0", "1:29.5"]
    assert time_words(3723.456, (0, 7200), digits=2) == "62:03.46"
    assert time_words(5.04, (0, 50)) == "5.0 s"
    assert not counts_minutes((100.0, 101.5)), "a fraction of a second is no minute and second"
    assert time_words(100.2, (100.0, 101.5)) == "100.2 s"
