import gc
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Never

import pytest

from emotion_core.media.background import ROOM, WriteBehind, import_aside, read_ahead

NAMES = {"read-ahead", "write-behind"}


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not NAMES & {thread.name for thread in threading.enumerate()}


def counting(
    end: int, closed: list[str] | None = None, fail_at: int | None = None
) -> Iterator[int]:
    try:
        for i in range(end):
            if i == fail_at:
                raise ValueError(f"broken at {i}")
            yield i
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def test_the_same_items_in_the_same_order() -> None:
    assert list(read_ahead(counting(0))) == []
    assert list(read_ahead(counting(500))) == list(range(500))
    assert list(read_ahead(iter([3, 1]))) == [3, 1]


def test_items_are_made_ahead_but_only_a_few() -> None:
    made = []

    def slow() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    ahead = read_ahead(slow())
    assert next(ahead) == 0
    deadline = time.monotonic() + 10
    while len(made) < ROOM + 1:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(made) <= ROOM + 2
    ahead.close()
    assert len(made) <= ROOM + 3


def test_an_error_comes_after_the_items_before_it() -> None:
    closed: list[str] = []
    ahead = read_ahead(counting(9, closed, fail_at=3))
    assert [next(ahead), next(ahead), next(ahead)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken at 3"):
        next(ahead)
    assert closed == ["read-ahead"]


def test_leaving_early_closes_the_source_in_its_own_thread() -> None:
    closed: list[str] = []
    ahead = read_ahead(counting(10**9, closed))
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
    assert closed == ["read-ahead"]


def test_behind_handles_everything_in_order_and_in_another_thread() -> None:
    got, where = [], set()

    def handle(item: int) -> None:
        got.append(item)
        where.add(threading.current_thread().name)

    with WriteBehind(handle) as behind:
        for i in range(200):
            behind.put(i)
    assert got == list(range(200))
    assert where == {"write-behind"}


def full_at_three(item: int) -> None:
    if item == 3:
        raise OSError(28, "No space left on device")


def put_all(behind: WriteBehind[int], count: int) -> None:
    with behind:
        for i in range(count):
            behind.put(i)


@pytest.mark.parametrize("count", [4, 100])
def test_an_error_behind_is_raised_once_by_the_next_put_or_at_the_end(count: int) -> None:
    with pytest.raises(OSError, match="No space"):
        put_all(WriteBehind(full_at_three), count)


def test_an_error_in_the_block_drops_what_waits() -> None:
    begun, go, got = threading.Event(), threading.Event(), []

    def handle(item: int) -> None:
        begun.set()
        go.wait(10)
        got.append(item)

    def block() -> Never:
        with WriteBehind(handle) as behind:
            for i in range(ROOM):
                behind.put(i)
            begun.wait(10)
            threading.Timer(0.05, go.set).start()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        block()
    assert got == [0]


def test_memory_does_not_grow_with_the_number_of_items() -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(400):
            yield bytes(100_000)

    def forget(item: bytes) -> None:
        del item

    tracemalloc.start()
    with WriteBehind(forget) as behind:
        for item in read_ahead(blocks()):
            behind.put(item)
    gc.collect()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * (ROOM + 2) * 100_000


def test_modules_are_imported_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    import_aside("no_such_module_anywhere", "wave")
    deadline = time.monotonic() + 10
    while "wave" not in sys.modules and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "wave" in sys.modules
