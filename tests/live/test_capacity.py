import pytest

from emotion_core.live.capacity import busy_words, default_max_streams


@pytest.mark.parametrize(("cores", "streams"), [(1, 4), (2, 4), (8, 16)])
def test_the_limit_follows_the_cores(cores: int, streams: int) -> None:
    assert default_max_streams(cores) == streams


@pytest.mark.parametrize(("limit", "running", "busy"), [(1, 0, False), (4, 4, True), (4, 5, True)])
def test_only_a_full_machine_is_busy(limit: int, running: int, busy: bool) -> None:
    assert bool(busy_words(limit, running)) is busy
    assert busy_words(10) == ""
