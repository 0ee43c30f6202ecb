import pytest

from emotion_core.live.rate import RateCounter


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        ([], 0.0, 0.0),
        ([1.0], 1.0, 0.0),
        ([0.0, 0.5, 1.0], 1.0, 2.0),
        ([i / 30 for i in range(61)], 2.0, 30.0),
        # A stream that stopped a second ago is seen to slow down, later to stand still.
        ([0.0, 0.5, 1.0], 2.0, 1.0),
        ([0.0, 0.5, 1.0], 9.0, 0.0),
    ],
)
def test_rate(events: list[float], now: float, expected: float) -> None:
    counter = RateCounter(window_s=2.0)
    for event in events:
        counter.add(event)
    assert counter.per_second(now) == pytest.approx(expected)


def test_median_of_recent_values_only() -> None:
    counter = RateCounter(window_s=1.0)
    assert counter.median_value(0.0) is None
    for time_s, value in ((0.0, 900.0), (1.5, 1.0), (1.6, 2.0), (1.7, 30.0)):
        counter.add(time_s, value)
    assert counter.median_value(1.8) == 2.0
