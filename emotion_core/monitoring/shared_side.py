"""What a replica sees of the database and the object store that all replicas share.

Importing this module needs the extra `replicas`.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emotion_core.errors import EmotionCoreError
from emotion_core.monitoring.health import stuck_words
from emotion_core.monitoring.job_folders import KINDS, SHARED_KINDS, running_in
from emotion_core.monitoring.patience import PATIENCE_S, Question
from emotion_core.sharing.overview import SharedOverview
from emotion_core.sharing.shared import Shared

_log = logging.getLogger(__name__)
_CHECKS: Final = {
    "database": "The database that the replicas share",
    "object store": "The object store that the replicas share",
}


class SharedSide:
    """Questions to the database and the store; all methods may be called from any thread.

    Args:
        shared: of all replicas.
        folder: gives the folder that is this replica's own.
        patience_s: how long an answer is waited for.

    Attributes:
        checks: of health, by name; "" where all is well.
        states: (folder of a store, state) → number of jobs; None without an answer.
    """

    def __init__(
        self, shared: Shared, folder: Callable[[], Path], patience_s: float = PATIENCE_S
    ) -> None:
        self._overview, self._folder = SharedOverview(shared.database), folder
        asked = {"database": shared.database.check, "object store": shared.check_store}
        self.checks = {
            name: Question(
                _checked(name, ask), f"{_CHECKS[name]} does not answer in time.", patience_s
            )
            for name, ask in asked.items()
        }
        # That the database does not answer is another check's to tell.
        self.checks["shared queue"] = Question(self._stuck, "", patience_s)
        self.states: Question[dict[tuple[str, str], int] | None] = Question(
            self._states, None, patience_s
        )

    def running_here(self) -> dict[tuple[str, str], int]:
        """(kind, "running") → number of jobs that run on this replica."""
        try:
            return running_in(self._folder(), SHARED_KINDS)
        except OSError:
            return {}

    def _states(self) -> dict[tuple[str, str], int] | None:
        try:
            return self._overview.states(SHARED_KINDS)
        except EmotionCoreError as error:
            _log.error("The jobs of all replicas cannot be counted: %s", error)
            return None

    def _stuck(self) -> str:
        try:
            name, wait_s = self._overview.longest_wait(SHARED_KINDS)
        except EmotionCoreError:
            return ""
        return stuck_words(KINDS.get(name, name), wait_s)


def _checked(name: str, ask: Callable[[], None]) -> Callable[[], str]:
    """Anyone may ask for health: hosts and buckets stay in the log."""

    def problem() -> str:
        try:
            ask()
        except Exception as error:
            _log.warning("%s: %s", _CHECKS[name], error)
            return f"{_CHECKS[name]} cannot be used; the server's log says why."
        return ""

    return problem
