"""Memory of ended streams goes back to the system, once for all of them."""

import ctypes
import sys
import threading
import time

import pytest

from emotion_core.live import heap


def waiting() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "give-memory-back"]


def test_streams_that_end_together_cost_one_timer() -> None:
    for _ in range(5):
        heap.give_memory_back_soon(after_s=0.2)
    assert len(waiting()) <= 1
    deadline = time.monotonic() + 10
    while waiting():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_linux_can_do_both() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library is not glibc")
    assert heap.few_heaps()
    assert heap.give_memory_back()


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: object) -> object:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", none)
    assert not heap.few_heaps()
    assert not heap.give_memory_back()
