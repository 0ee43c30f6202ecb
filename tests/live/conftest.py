"""The live processors of the tests: each ends with its test."""

from collections.abc import Callable, Iterator

import pytest
from live_processor_stubs import PLAIN, FakePipeline, draw_red, wait_until

from emotion_core.live.processor import LiveProcessor, live_threads


@pytest.fixture
def make() -> Iterator[Callable[..., LiveProcessor]]:
    """Builds processors and ends them after the test."""
    made: list[LiveProcessor] = []

    def build(pipeline: FakePipeline, **options: object) -> LiveProcessor:
        options.setdefault("settings", PLAIN)
        options.setdefault("draw", draw_red)
        made.append(LiveProcessor(pipeline, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for processor in made:
        processor._pipeline.go.set()  # type: ignore[attr-defined]
        processor.on_ended()
    wait_until(lambda: not live_threads(), "all workers to end")
