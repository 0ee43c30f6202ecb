"""The folders that commands read and write: copies of the made models, and adaptations."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def models(made_models: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made_models, tmp_path / "models")


@pytest.fixture
def adaptations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "adaptations"
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(folder))
    return folder
