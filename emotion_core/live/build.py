"""Builds the processor of a live stream with everything it needs."""

from typing import Any

from emotion_core.live.capacity import Seat
from emotion_core.live.heap import few_heaps
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.settings import LiveSettings
from emotion_core.media.background import import_aside
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision.overlay import draw_overlay


def build_processor(
    classifier: Any,
    settings: LiveSettings,
    send_back: bool = True,
    seat: Seat | None = None,
    kind: type[LiveProcessor] = LiveProcessor,
) -> LiveProcessor:
    """A processor with a pipeline of its own around the shared network: built in one place."""
    few_heaps()
    # A second face must not hold up the stream while the tracker fetches what it matches them with.
    import_aside("scipy.optimize")
    pipeline = Pipeline(classifier, settings.pipeline, adaptation=settings.adaptation)
    return kind(pipeline, draw_overlay, settings, send_back=send_back, seat=seat)
