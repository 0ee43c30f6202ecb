"""Readings out and markers in over the Lab Streaming Layer, both ends here, on 127.0.0.1."""

import csv
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_processor_stubs import FakePipeline, draw_red, video_frame, wait_until

from emotion_core import cli
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession
from emotion_core.media.write import sample_video

_WHY = "mne-lsl is not installed: pip install 'emotion-lab[lsl]'"
lsl = pytest.importorskip("mne_lsl.lsl", reason=_WHY)
bridge_module = pytest.importorskip("emotion_core.lsl.bridge", reason=_WHY)
MOST_ERROR_S = 0.02


@pytest.fixture
def processor() -> Iterator[LiveProcessor]:
    made = LiveProcessor(FakePipeline(), draw_red, send_back=False)
    yield made
    made.on_ended()


@pytest.fixture
def running() -> list[LiveSession]:
    """The recording that runs, if any."""
    return []


@pytest.fixture
def bridge(
    processor: LiveProcessor,
    running: list[LiveSession],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    monkeypatch.setattr("emotion_core.lsl.marker_streams.SEARCH_EVERY_S", 0.1)
    monkeypatch.setattr("emotion_core.lsl.marker_streams.SEARCH_S", 0.2)
    monkeypatch.setattr("emotion_core.lsl.marker_streams.MISSES", 2)
    made = bridge_module.LslBridge(
        processor,
        {"network": "tiny", "version": "1"},
        lambda: running[-1] if running else None,
        name=request.node.name,
        marker_name=request.node.name,
    )
    yield made
    made.close()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LiveSession]:
    made = LiveSession(tmp_path / "recording", "tiny")
    yield made
    made.stop()


@pytest.fixture
def sender(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Begins an event stream; ended by the test, or with its last reference."""
    name = request.node.name

    def begin(channels: int = 1, kind: str = "string", rate: float = 0) -> Any:
        info = lsl.StreamInfo(name, "Markers", channels, rate, kind, f"source of {name}")
        return lsl.StreamOutlet(info)

    return begin


def kept(session: LiveSession) -> list[dict[str, str]]:
    """The rows of lsl_markers.csv so far."""
    if not (session.folder / "lsl_markers.csv").is_file():
        return []
    with (session.folder / "lsl_markers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels(session: LiveSession) -> Callable[[], list[str]]:
    return lambda: [marker.label for marker in session.edits.markers]


def test_readings_reach_another_program_with_their_meaning_and_time(
    processor: LiveProcessor, bridge: Any, request: pytest.FixtureRequest
) -> None:
    found = lsl.resolve_streams(timeout=5, name=request.node.name)
    assert [(info.stype, info.sfreq, info.n_channels) for info in found] == [("Expression", 0, 12)]
    inlet = lsl.StreamInlet(found[0])
    inlet.open_stream(timeout=5)
    full = inlet.get_sinfo(timeout=5)
    names = full.get_channel_names()
    assert names[3] == "happy"
    assert names[7:11] == ["valence", "arousal", "face_found", "unsure"]
    assert full.get_channel_units()[3] == "probability"
    assert full.desc.child("acquisition").child_value("network") == "tiny"
    wait_until(lambda: bridge.status().has_consumers, "the connection")
    before_s = lsl.local_clock()
    processor.recv(video_frame())
    arrived_s = lsl.local_clock()
    values, stamp = inlet.pull_sample(timeout=5)
    read = dict(zip(names, values.tolist(), strict=True))
    assert read["happy"] == pytest.approx(0.4)
    assert (read["face_found"], read["unsure"], read["person"]) == (1, 0, 1)
    # The moment of the frame, not that of its result.
    assert before_s - MOST_ERROR_S < stamp < arrived_s + MOST_ERROR_S
    wait_until(lambda: bridge.status().sent == 1, "the count")


def test_the_time_stamp_is_the_frames_however_long_the_reading_takes(
    processor: LiveProcessor, bridge: Any, request: pytest.FixtureRequest
) -> None:
    (info,) = lsl.resolve_streams(timeout=5, name=request.node.name)
    inlet = lsl.StreamInlet(info)
    inlet.open_stream(timeout=5)
    pipeline: Any = processor._pipeline
    pipeline.go.clear()
    shown_s = lsl.local_clock()
    processor.recv(video_frame())
    time.sleep(0.3)
    pipeline.go.set()
    _, stamp = inlet.pull_sample(timeout=5)
    assert abs(stamp - shown_s) < 0.1


def test_markers_are_kept_with_both_clocks(
    bridge: Any,
    session: LiveSession,
    sender: Callable[..., Any],
    request: pytest.FixtureRequest,
    running: list[LiveSession],
) -> None:
    running.append(session)
    outlet = sender()
    wait_until(lambda: bool(bridge.status().streams), "the sender to be found")
    sent_s = lsl.local_clock()
    outlet.push_sample(["face\tappears"], sent_s)
    true_s = session.now_s()
    wait_until(lambda: any(row["label"] for row in kept(session)), "the marker")
    (marker,) = session.edits.markers
    assert marker.label == "face appears"
    assert abs(marker.start_s - true_s) < MOST_ERROR_S
    (row,) = [row for row in kept(session) if row["label"]]
    assert float(row["lsl_time_s"]) == pytest.approx(sent_s, abs=1e-5)
    assert abs(float(row["offset_s"])) < MOST_ERROR_S
    assert 0 < float(row["uncertainty_s"]) < MOST_ERROR_S
    assert (row["stream"], row["channels"], row["note"]) == (request.node.name, "1", "")


def test_a_marker_from_before_the_recording_is_told_and_kept_in_the_file(
    bridge: Any, session: LiveSession, sender: Callable[..., Any], running: list[LiveSession]
) -> None:
    outlet = sender()
    wait_until(lambda: bool(bridge.status().streams), "the sender to be found")
    outlet.push_sample(["nobody records"], lsl.local_clock())
    wait_until(lambda: bridge.status().unkept == 1, "the marker")
    running.append(session)
    outlet.push_sample(["early"], lsl.local_clock() - 60)
    outlet.push_sample(["now"], lsl.local_clock())
    wait_until(lambda: labels(session)() == ["now"], "the marker of now")
    wait_until(lambda: any(row["label"] == "now" for row in kept(session)), "its row")
    early = next(row for row in kept(session) if row["label"] == "early")
    assert (round(float(early["time_s"]) / 10), early["note"]) == (-6, "before the recording")
    assert any("older than the recording" in note for note in bridge.status().notes)


def test_a_stream_that_goes_and_returns_with_other_channels_is_told_and_nothing_is_lost(
    bridge: Any,
    session: LiveSession,
    monkeypatch: pytest.MonkeyPatch,
    sender: Callable[..., Any],
    running: list[LiveSession],
) -> None:
    running.append(session)
    outlet = sender()
    wait_until(lambda: bool(bridge.status().streams), "the sender to be found")
    monkeypatch.setattr("emotion_core.lsl.marker_streams.PULL_EVERY_S", 0.4)
    for i in range(3):
        outlet.push_sample([f"before {i}"], lsl.local_clock())
    # Underway; the markers are looked at when their sender is gone.
    time.sleep(0.1)
    del outlet
    wait_until(lambda: len(labels(session)()) == 3, "what was sent at the end")
    wait_until(lambda: not bridge.status().streams, "the loss to be noticed")
    outlet = sender(channels=2)
    wait_until(lambda: bool(bridge.status().streams), "the sender to be found again")
    outlet.push_sample(["trial", "7"], lsl.local_clock())
    wait_until(lambda: "trial; 7" in labels(session)(), "a marker of two channels")
    notes = " ".join(row["note"] for row in kept(session))
    assert "has disappeared" in notes
    assert "2 channels instead of 1" in notes
    assert [kind.channels for kind in bridge.status().streams] == [2]


def test_a_stream_that_goes_and_returns_as_it_was_goes_on(
    bridge: Any, session: LiveSession, sender: Callable[..., Any], running: list[LiveSession]
) -> None:
    running.append(session)
    outlet = sender(kind="int32")
    wait_until(lambda: bool(bridge.status().streams), "the sender to be found")
    del outlet
    wait_until(lambda: not bridge.status().streams, "the loss to be noticed")
    outlet = sender(kind="int32")
    wait_until(lambda: any("is back" in note for note in bridge.status().notes), "its return")
    for value in (5, 6):
        outlet.push_sample(np.array([value], np.int32), lsl.local_clock())
    # Once each, although two connections may have received them.
    wait_until(lambda: labels(session)() == ["5", "6"], "the markers after the return")
    time.sleep(0.3)
    assert labels(session)() == ["5", "6"]


def test_a_stream_of_samples_is_not_taken_for_markers(
    bridge: Any, sender: Callable[..., Any]
) -> None:
    outlet = sender(kind="float32", rate=500)
    wait_until(lambda: any("500 samples" in note for note in bridge.status().notes), "the words")
    assert bridge.status().streams == ()
    del outlet


def test_both_directions_end_with_the_stream(processor: LiveProcessor, bridge: Any) -> None:
    processor.on_ended()
    threads = bridge._streams._threads
    wait_until(lambda: not any(thread.is_alive() for thread in threads), "the threads to end")
    assert not bridge.status().has_consumers


def test_the_command_plays_a_video_and_lists_streams(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    video = sample_video(tmp_path / "made.mp4", 1.0, 10.0)
    name, outcome = request.node.name, tmp_path / "sent.json"
    with ThreadPoolExecutor(1) as pool:
        command = ["lsl", str(video), "--name", name, "--wait", "--json", str(outcome)]
        done = pool.submit(cli.main, command)
        (info,) = lsl.resolve_streams(timeout=10, name=name)
        inlet = lsl.StreamInlet(info)
        inlet.open_stream(timeout=5)
        stamps = []
        while not done.done() or inlet.samples_available:
            _, stamp = inlet.pull_sample(timeout=0.1)
            stamps += [] if stamp is None else [stamp]
        assert done.result() == 0
    sent = json.loads(outcome.read_text())
    assert sent["sent"] == len(stamps)
    assert sent["sent"] + sent["skipped"] == 10
    # In real time, at the video's own times.
    assert 0.5 < stamps[-1] - stamps[0] < 1.5
    assert cli.main(["lsl"]) == 2
    assert "--list" in capsys.readouterr().err
