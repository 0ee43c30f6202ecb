"""Live streams as other programs see them."""

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live_processor_stubs import FakePipeline, draw_red, video_frame, wait_until

from emotion_core.errors import InputError
from emotion_core.live.listeners import Listeners
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.registry import LiveRegistry


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path)


def test_streams_are_found_while_they_run(
    make: Callable[..., LiveProcessor], store: SessionStore
) -> None:
    registry = LiveRegistry()
    first, second = (registry.add(make(FakePipeline()), store, "tiny") for _ in range(2))
    assert registry.running() == [first, second]
    assert first.processor is not None
    assert registry.add(first.processor, store, "tiny") is first
    assert registry.of(first.processor) is first
    first.processor.on_ended()
    assert registry.running() == [second]
    assert registry.find(first.id) is first
    with pytest.raises(InputError, match="has ended"):
        first.start_recording()


def test_nothing_is_remembered_of_a_stream_that_has_ended(store: SessionStore) -> None:
    registry = LiveRegistry()
    processor = LiveProcessor(FakePipeline(), draw_red)
    stream = registry.add(processor, store, "tiny")
    processor.on_ended()
    del processor
    gc.collect()
    assert stream.processor is None
    assert stream.ended
    assert stream.reading() is None
    assert registry.running() == []
    ended = [registry.add(LiveProcessor(FakePipeline(), draw_red), store, "x") for _ in range(40)]
    gc.collect()
    assert len([s for s in (stream, *ended) if registry.find(s.id)]) <= 17


def test_a_recording_started_elsewhere_records_and_may_be_repeated(
    make: Callable[..., LiveProcessor], store: SessionStore
) -> None:
    processor = make(FakePipeline())
    stream = LiveRegistry().add(processor, store, "tiny")
    tokens = []
    for frames in (1, 2):
        session = stream.start_recording()
        tokens.append(stream.token)
        assert stream.session() is session
        for _ in range(frames):
            before = session.frames
            processor.recv(video_frame())
            wait_until(lambda s=session, b=before: s.frames > b, "a row")  # type: ignore[misc]
        assert stream.stop_recording()["source"]["kind"] == "live"
        assert session.frames == frames
        assert stream.session() is None
        folder = stream.folder(stream.token)
        assert folder is not None
        assert (folder / "faces.csv").is_file()
    assert len(set(tokens)) == 2
    assert stream.folder("a-visitors-own-recording") is None


def test_who_looks_does_not_wait_for_a_recording_that_begins(
    make: Callable[..., LiveProcessor], store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = LiveRegistry().add(make(FakePipeline()), store, "tiny")
    begins, may_begin = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begins.set()
        assert may_begin.wait(10)

    monkeypatch.setattr(store, "forget_old", slow)
    with ThreadPoolExecutor(2) as pool:
        started = pool.submit(stream.start_recording)
        try:
            assert begins.wait(10)
            assert pool.submit(stream.session).result(5) is None
        finally:
            may_begin.set()
        assert started.result(10) is stream.session()
    stream.stop_recording()


def test_a_page_that_has_not_seen_a_recording_started_elsewhere_does_not_lose_it(
    make: Callable[..., LiveProcessor], store: SessionStore
) -> None:
    stream = LiveRegistry().add(make(FakePipeline()), store, "tiny")
    stream.show("a-visitors-own-recording")
    stream.show("")
    assert stream.token == ""
    session = stream.start_recording()
    stream.show("")
    assert stream.session() is session
    stream.stop_recording()


def test_one_listener_that_fails_does_not_keep_the_result_from_another(
    make: Callable[..., LiveProcessor], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def failing(*_: object) -> None:
        raise RuntimeError("full")

    processor = make(FakePipeline())
    processor.listen(failing, "lsl")
    processor.listen(lambda *_: heard.append("recording"))
    for count in (1, 2):
        processor.recv(video_frame())
        wait_until(lambda c=count: len(heard) == c, "the other one")  # type: ignore[misc]
    assert len([r for r in caplog.records if "listener" in r.message]) == 1


def test_a_listener_is_replaced_and_taken_away_by_its_purpose() -> None:
    heard: list[str] = []
    listeners = Listeners()
    listeners.set(lambda *_: heard.append("a"), "one")
    listeners.set(lambda *_: heard.append("b"), "one")
    listeners.set(lambda *_: heard.append("c"), "two")
    listeners.tell(None, 0.0, None, (1, 1))  # type: ignore[arg-type]
    listeners.set(None, "one")
    listeners.tell(None, 0.0, None, (1, 1))  # type: ignore[arg-type]
    assert heard == ["b", "c", "c"]
