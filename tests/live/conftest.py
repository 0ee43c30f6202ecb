"""The live processors of the tests: each ends with its test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_processor_stubs import PLAIN, FakePipeline, draw_red, wait_until
from made_recordings import Clock

from emotion_core.errors import OutputError
from emotion_core.live import recording
from emotion_core.live.processor import LiveProcessor, live_threads
from emotion_core.live.recording import LiveSession
from emotion_core.results.faces_writer import FacesWriter


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


@pytest.fixture
def close_abandoned_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test leaves open on purpose, as a killed server does."""
    opened: list[FacesWriter] = []

    class Remembered(FacesWriter):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            opened.append(self)

    monkeypatch.setattr(recording, "FacesWriter", Remembered)
    yield
    for writer in opened:
        # The disk of some of the tests is full.
        with contextlib.suppress(OutputError):
            writer.__exit__(None, None, None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(tmp_path: Path, clock: Clock, close_abandoned_tables: None) -> LiveSession:
    return LiveSession(tmp_path / "s", "tiny", clock=clock)
