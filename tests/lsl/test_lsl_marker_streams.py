"""Which streams are received, without a network."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from live_processor_stubs import wait_until

_WHY = "mne-lsl is not installed: pip install 'emotion-lab[lsl]'"
marker_streams = pytest.importorskip("emotion_core.lsl.marker_streams", reason=_WHY)
CUES = SimpleNamespace(
    uid="u",
    name="cues",
    stype="Markers",
    hostname="here",
    source_id="",
    n_channels=1,
    dtype="string",
    sfreq=0,
)


class Inlet:
    """One whose connection breaks, where it is the first."""

    made: list["Inlet"] = []  # noqa: RUF012

    def __init__(self, info: Any) -> None:
        self.kind, self.uid = marker_streams.StreamKind.of(info), info.uid
        self.made.append(self)

    def pull(self) -> Iterator[Any]:
        if self is self.made[0]:
            raise RuntimeError("lost")
        return iter(())

    def open(self) -> None: ...

    def measure(self) -> None: ...

    def close(self) -> None: ...


def test_a_stream_without_a_source_is_received_again_after_its_connection_broke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marker_streams, "resolve_streams", lambda *_, **__: [CUES])
    monkeypatch.setattr(marker_streams, "MarkerInlet", Inlet)
    monkeypatch.setattr(marker_streams, "SEARCH_EVERY_S", 0.01)
    monkeypatch.setattr(Inlet, "made", [])
    notes: list[str] = []
    streams = marker_streams.MarkerStreams(lambda _: None, notes.append)
    try:
        wait_until(lambda: len(Inlet.made) == 2 and bool(streams.streams), "the second connection")
    finally:
        streams.close()
        for thread in streams._threads:
            thread.join(5)
    assert "has disappeared" in " ".join(notes)
