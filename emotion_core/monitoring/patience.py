"""Questions to other machines, whose answers are waited for only so long."""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

# Those who probe servers wait for four or five seconds.
PATIENCE_S: Final = 3.0
T = TypeVar("T")


class Question(Generic[T]):
    """A question that may hang; it is not asked again while it does. Any thread.

    Args:
        ask: answers, sooner or later, and raises nothing.
        late: the answer for those who waited long enough.
        patience_s: how long that is.
    """

    def __init__(self, ask: Callable[[], T], late: T, patience_s: float = PATIENCE_S) -> None:
        self._ask, self._late, self._patience_s = ask, late, patience_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._until_s = 0.0
        self._answers: list[T] = []

    def begin(self) -> None:
        """Ask; `answer` waits from this moment."""
        with self._lock:
            self._until_s = time.monotonic() + self._patience_s
            if self._thread is None or not self._thread.is_alive():
                answers: list[T] = []
                self._answers = answers
                self._thread = threading.Thread(
                    target=lambda: answers.append(self._ask()), name="question", daemon=True
                )
                self._thread.start()

    def answer(self) -> T:
        """The answer to what `begin` asked."""
        with self._lock:
            thread, answers = self._thread, self._answers
        if thread is not None:
            thread.join(max(0.0, self._until_s - time.monotonic()))
        return answers[0] if answers else self._late
