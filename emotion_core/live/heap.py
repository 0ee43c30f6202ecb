"""Keeps what the C library holds of ended streams small (glibc; elsewhere nothing is done).

Decoders and encoders run in threads of their own, and glibc gives each thread a heap that it keeps
for a thread that may never come again: after fifty streams some ten unused megabytes.
"""

import ctypes
import threading
from typing import Any, Final

# malloc.h: the parameter that limits the heaps.
_M_ARENA_MAX: Final = -8
_HEAPS: Final = 2
# By then the connection has freed its codecs.
_AFTER_S: Final = 2.0
_lock = threading.Lock()
_waiting: threading.Timer | None = None


def _function(name: str, *kinds: Any) -> Any:
    """A function of the C library; None where it has no such thing (macOS, Windows, musl)."""
    try:
        found = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return None
    found.argtypes, found.restype = kinds, ctypes.c_int
    return found


def few_heaps() -> bool:
    """Let the threads to come share two heaps; False where that is not possible."""
    mallopt = _function("mallopt", ctypes.c_int, ctypes.c_int)
    return mallopt is not None and mallopt(_M_ARENA_MAX, _HEAPS) == 1


def give_memory_back() -> bool:
    """Return freed memory to the system, in some milliseconds; False where that is not possible."""
    trim = _function("malloc_trim", ctypes.c_size_t)
    if trim is None:
        return False
    trim(0)
    return True


def give_memory_back_soon(after_s: float = _AFTER_S) -> None:
    """`give_memory_back` in a moment, once for all streams that end until then."""
    global _waiting
    with _lock:
        if _waiting is not None and _waiting.is_alive():
            return
        _waiting = threading.Timer(after_s, give_memory_back)
        _waiting.name, _waiting.daemon = "give-memory-back", True
        _waiting.start()
