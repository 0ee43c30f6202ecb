"""Starts what waits for its turn, whether anybody looks at a page or not. Draws nothing."""

import logging
import threading
import time
import weakref
from typing import Final

from emotion_core.jobs.store import JobStore

_log = logging.getLogger(__name__)
# Between two rounds, while jobs wait and while none does (another server may leave some behind).
_BUSY_S: Final = 0.5
_IDLE_S: Final = 3.0
_threads: "weakref.WeakKeyDictionary[JobStore, threading.Thread]" = weakref.WeakKeyDictionary()
_lock: Final = threading.Lock()


def keep_starting(store: JobStore) -> threading.Thread:
    """Start the store's waiting jobs, now and later; one thread a store, which ends with it."""
    with _lock:
        if store not in _threads:
            # A reference would keep a store alive that is used no more.
            args = (weakref.ref(store),)
            thread = threading.Thread(target=_work, args=args, name="start-jobs", daemon=True)
            _threads[store] = thread
            thread.start()
        return _threads[store]


def _work(known: "weakref.ref[JobStore]") -> None:
    while True:
        store = known()
        if store is None:
            return
        waits = False
        try:
            waits = store.start_waiting()
        except Exception:
            _log.exception("Waiting jobs could not be started")
        del store
        time.sleep(_BUSY_S if waits else _IDLE_S)
