"""Finishing a model: complete, and an older one of the same name stays until the new one is."""

import json
import shutil
import zipfile
from pathlib import Path

import keras
import pytest

from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import OutputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model import tflite_export
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import Classifier
from emotion_core.training import export_model
from emotion_core.training.checkpoint import RunState
from emotion_core.training.fit import FitResult
from emotion_core.training.settings import TrainingSettings


def test_the_folder_is_complete_and_says_how_it_came_about(made_models: Path) -> None:
    bundle = load_bundle("tiny", made_models)
    names = {file.name for file in bundle.path.iterdir()}
    assert {"model.keras", "model.tflite", "model.json", "history.csv"} <= names
    assert {"evaluation.json", "predictions_ferplus_validation.csv"} <= names
    assert not any("test" in name for name in names), "training never looks at the test split"
    metadata = bundle.metadata
    assert metadata["labels"] == list(EXPRESSIONS)
    assert len(metadata["dataset"]["fingerprint"]) == 64
    assert TrainingSettings.from_dict(metadata["settings"]).epochs == 2
    assert 0 <= metadata["metrics"]["validation"]["accuracy"] <= 1
    assert "tensorflow" in metadata["packages"]
    Classifier(bundle)
    assert bundle.keras_file is not None
    with zipfile.ZipFile(bundle.keras_file) as file:
        kept, whole = (
            sum(getattr(part, size) for part in file.infolist())
            for size in ("compress_size", "file_size")
        )
        assert kept < 0.97 * whole


def test_a_failure_leaves_the_older_model_as_it_was(
    made_models: Path, made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(made_models / "tiny", folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tflite_export, "write_quantised", full)
    network = keras.saving.load_model(folder / "model.keras", compile=False)
    settings = TrainingSettings.from_dict(json.loads(before["model.json"])["settings"])
    result = FitResult(network, RunState(settings.to_dict(), "x"))
    with pytest.raises(OutputError, match="the training is kept"):
        export_model.finish_model(folder, "tiny", result, settings, load_dataset(made_data))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_the_draw_nearest_to_the_float_network_is_served(
    made_models: Path, made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset(made_data)
    network = keras.saving.load_model(made_models / "tiny" / "model.keras", compile=False)
    good = (made_models / "tiny" / "model.tflite").read_bytes()
    other = keras.models.clone_model(network)
    bad = tflite_export.quantise_network(other, dataset.split("train").inputs()[:7])
    written = iter([bad, good, bad])
    monkeypatch.setattr(tflite_export, "DRAWS", 3)
    monkeypatch.setattr(
        tflite_export, "write_quantised", lambda _, __, path: path.write_bytes(next(written))
    )
    export_model._quantise(tmp_path, network, dataset, "ferplus", lambda *_: None)
    assert (tmp_path / "model.tflite").read_bytes() == good
