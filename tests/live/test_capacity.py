import threading

import pytest

from emotion_core.live.capacity import CONNECT_S, Seat, Seats, busy_words, default_max_streams


@pytest.mark.parametrize(("cores", "streams"), [(1, 4), (2, 4), (8, 16)])
def test_the_limit_follows_the_cores(cores: int, streams: int) -> None:
    assert default_max_streams(cores) == streams


@pytest.mark.parametrize(("limit", "running", "busy"), [(1, 0, False), (4, 4, True), (4, 5, True)])
def test_only_a_full_machine_is_busy(limit: int, running: int, busy: bool) -> None:
    assert bool(busy_words(limit, running)) is busy


def test_however_many_come_at_once_no_more_than_the_limit_get_a_seat() -> None:
    seats, start, got = Seats(), threading.Barrier(20), list[Seat | None]()

    def come() -> None:
        start.wait()
        got.append(seats.take(3))

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(seat is not None for seat in got) == seats.taken() == 3


def test_a_seat_is_free_again_when_its_stream_ends_or_never_begins() -> None:
    now = [0.0]
    seats = Seats(lambda: now[0])
    runs, fails = seats.take(2), seats.take(2)
    assert runs is not None
    assert fails is not None
    runs.use()
    assert seats.take(2) is None
    now[0] = CONNECT_S
    assert seats.taken() == 1
    runs.release()
    runs.release()
    assert seats.taken() == 0
