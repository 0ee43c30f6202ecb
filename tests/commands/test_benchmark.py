"""`benchmark` answers with every stage; how fast it must be, no test says."""

import json
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.commands import benchmark as command
from emotion_core.datatypes import FloatArray, Frame
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.read import read_frames
from emotion_core.media.write import sample_video
from emotion_core.pipeline.profiling import ALL_STAGES


class Uniform:
    """A network without an opinion: what it answers does not matter here."""

    labels = EXPRESSIONS
    unsure_threshold = 0.4

    def logits(self, crops: FloatArray, /) -> FloatArray:
        return np.zeros((len(crops), 7), np.float32)

    def probabilities(self, logits: FloatArray, /) -> FloatArray:
        return np.full_like(logits, 1 / 7)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion_core.pipeline.pipeline.load_classifier", lambda *_: Uniform())


def benchmark(*arguments: object) -> int:
    return main(["benchmark", *map(str, arguments)])


@pytest.mark.parametrize("given", [False, True])
def test_every_stage_is_measured(
    network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: bool
) -> None:
    video = ["--video", sample_video(tmp_path / "clip.mp4", 2, 15)] if given else []
    file = tmp_path / "speed.json"
    status = benchmark(*video, "--frames", 25, "--json", file)
    assert status == 0
    report = json.loads(file.read_text(encoding="utf-8"))
    assert set(report["ms"]) == {*ALL_STAGES, "pipeline", "total"}
    assert report["frames"] == 20
    assert report["faces_mean"] == pytest.approx(1, abs=0.2)
    for figures in report["ms"].values():
        assert 0 < figures["p50"] <= figures["p95"]
    parts = sum(report["ms"][stage]["mean"] for stage in ALL_STAGES)
    assert parts == pytest.approx(report["ms"]["total"]["mean"], rel=0.1)
    assert report["fps"] == pytest.approx(1000 / report["ms"]["total"]["mean"], rel=0.01)
    assert report["memory_mb"]["after"] > 10
    assert report["machine"]["cores"] >= 1
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in ALL_STAGES)


@pytest.mark.parametrize("content", [None, b"no video"])
def test_a_video_that_is_none_is_an_error(
    network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    assert benchmark("--video", path) == 1
    assert "clip.mp4" in capsys.readouterr().err


def test_a_video_of_five_frames_is_too_short(
    network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sample_video(tmp_path / "short.mp4", 0.5, 10)
    assert benchmark("--video", path) == 1
    assert "too short" in capsys.readouterr().err


def test_too_few_frames_are_wrong_usage(network: None) -> None:
    assert benchmark("--frames", 1) == 2


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    assert benchmark("--models-dir", tmp_path) == 1


def test_the_video_is_closed_before_its_folder_is_removed(
    network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, seen = sample_video(tmp_path / "clip.mp4", 2, 20), []

    def read(path: Path) -> Generator[Frame, None, None]:
        try:
            yield from read_frames(path)
        finally:
            seen.append("closed")

    class Folder(tempfile.TemporaryDirectory[str]):
        def cleanup(self) -> None:
            seen.append("removed")
            super().cleanup()

        def __exit__(self, *error: object) -> None:
            self.cleanup()

    monkeypatch.setattr(command, "_read", read)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", Folder)
    assert benchmark("--video", video, "--frames", 20) == 0
    assert seen == ["closed", "removed"]
