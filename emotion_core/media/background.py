"""Work handed over between threads, a few items at a time: memory does not grow with the length.

Decoders and encoders leave Python's lock while they work, so a thread before and a thread after the
analysis use the cores that it leaves idle.
"""

import contextlib
import importlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

Item = TypeVar("Item")
# Enough to even out frames that take longer than others; a 4K picture takes 28 MB.
ROOM: Final = 3


def read_ahead(items: Iterator[Item], room: int = ROOM) -> Generator[Item, None, None]:
    """The same items in the same order, made in a thread of their own.

    The thread starts with the first item asked for. When this generator is closed (wrap it in
    `contextlib.closing` where the loop may be left early), the thread has ended and `items`, where
    it is a generator, is closed in it.

    Args:
        items: used only by the other thread once this has begun.
        room: items that may wait.

    Raises:
        Exception: whatever `items` raises, after the items before it.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(room)
    enough = threading.Event()

    def fill() -> None:
        last: tuple[str, Any] = ("end", None)
        try:
            with contextlib.closing(_closable(items)) as source:
                for item in source:
                    ready.put(("item", item))
                    if enough.is_set():
                        return
        except BaseException as error:  # raised again where it is waited for
            last = ("error", error)
        if not enough.is_set():
            ready.put(last)

    thread = threading.Thread(target=fill, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (entry := ready.get())[0] == "item":
            yield entry[1]
        if entry[0] == "error":
            raise entry[1]
    finally:
        enough.set()
        while thread.is_alive():
            # A producer waiting for space gets it, notices the end, and stops.
            with contextlib.suppress(queue.Empty):
                ready.get(timeout=0.01)
        thread.join()


def import_aside(*modules: str) -> None:
    """Begin to import modules in a thread: the next one to need an item waits less, or not at all.

    Modules that cannot be imported raise where they are needed, not here.
    """

    def load() -> None:
        for name in modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    # No daemon: a process that ends in the midst of an import may crash.
    threading.Thread(target=load, name="import-aside").start()


def _closable(items: Iterator[Item]) -> Any:
    """A generator is closed by the thread that ran it; what cannot be closed need not be."""
    return items if hasattr(items, "close") else (item for item in items)


class WriteBehind(Generic[Item]):
    """A context manager whose thread handles what `put` is given, in order.

    Leaving the block waits until everything is handled; after an exception in the block, what still
    waits is dropped. An error of `handle` is raised by the next `put`, or at the block's end.

    Args:
        handle: called in the other thread, never after the block.
        room: items that may wait; `put` waits for room.
    """

    def __init__(self, handle: Callable[[Item], None], room: int = ROOM) -> None:
        self._handle = handle
        self._waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(room)
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._work, name="write-behind", daemon=True)

    def put(self, item: Item) -> None:
        """Hand an item over; raises what went wrong with an earlier one."""
        self._raise()
        self._waiting.put((True, item))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dropping = error is not None
        self._waiting.put((False, None))
        self._thread.join()
        if error is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            # Told once: the block ends with it.
            error, self._error, self._dropping = self._error, None, True
            raise error

    def _work(self) -> None:
        while (entry := self._waiting.get())[0]:
            # After an error the queue is still emptied: no producer waits for space for ever.
            if self._dropping or self._error is not None:
                continue
            try:
                self._handle(entry[1])
            except BaseException as error:  # raised again by put or at the end
                self._error = error
