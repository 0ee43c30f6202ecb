"""check-model: what it tells of a network made elsewhere, and what it refuses."""

import json
from pathlib import Path

import pytest
from made_networks import describe, write_onnx, write_tflite

from emotion_core.cli import main
from emotion_core.labels import EXPRESSIONS


def test_a_network_made_elsewhere_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tflite(tmp_path / "theirs")
    told = tmp_path / "told.json"
    words = ["check-model", "theirs", "--models-dir", str(tmp_path), "--json", str(told)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "theirs: network.tflite" in printed
    assert "input: 64×64 gray, (grey value - 0) / 255" in printed
    assert "  happiness → happy" in printed
    assert "  contempt → left out" in printed
    assert "It was not measured here" in printed
    assert "temperature 1, unsure below 0.5" in printed
    values = json.loads(told.read_text())
    assert list(values["portrait"]) == list(EXPRESSIONS)
    assert sum(values["portrait"].values()) == pytest.approx(1, abs=1e-3)
    assert values["never_answered"] == []


def test_a_folder_elsewhere_is_checked_before_it_is_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, names = ["smile", "calm", "grin"], {"smile": "happy", "grin": "happy", "calm": "sad"}
    write_onnx(tmp_path / "download" / "theirs")
    describe(tmp_path / "download" / "theirs", "network.onnx", labels=labels, names=names)
    assert main(["check-model", str(tmp_path / "download" / "theirs")]) == 1
    assert "answers with (1, 8), and model.json lists 3 labels" in capsys.readouterr().err
    describe(tmp_path / "download" / "theirs", "network.onnx")
    assert main(["check-model", str(tmp_path / "download" / "theirs")]) == 0


def test_the_own_network_is_checked_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-model", "ferplus"]) == 0
    printed = capsys.readouterr().out
    assert "trained with this program" in printed
    assert "made elsewhere" not in printed
