"""How many streams one machine carries: a new visitor is told so instead of slowing all down."""

import os

from emotion_core.live.processor import live_threads


def default_max_streams(cores: int | None = None) -> int:
    """Two streams a core, at least four: what analysis and encoding leave room for."""
    return max(4, 2 * (cores or os.cpu_count() or 1))


def busy_words(limit: int, running: int | None = None) -> str:
    """A sentence when no further stream fits; "" while one does."""
    running = len(live_threads()) if running is None else running
    if running < limit:
        return ""
    return (
        f"This computer already reads {running} live streams, as many as it carries. Yours would "
        "slow all of them down: please try again in a while. Videos and photos can be read now."
    )
