"""What a run takes over from earlier models: weights to begin with, answers to learn from."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import ModelError
from emotion_core.model.bundle import load_bundle
from emotion_core.model.network import NetworkSettings, build_network
from emotion_core.training.fit import fit
from emotion_core.training.settings import TrainingSettings
from emotion_core.training.transfer import begin_with, earlier_network, teach


@pytest.fixture(scope="module")
def earlier(made_models: Path) -> keras.Model:
    return earlier_network("tiny", made_models)


def test_missing_weights_are_named(made_models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model named 'nobody'"):
        earlier_network("nobody", made_models)
    folder = tmp_path / "scores"
    folder.mkdir()
    for name in ("model.json", "model.tflite"):
        (folder / name).write_bytes((made_models / "tiny" / name).read_bytes())
    with pytest.raises(ModelError, match="is missing"):
        earlier_network("scores", tmp_path)
    (folder / "model.keras").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="is damaged"):
        earlier_network("scores", tmp_path)


def test_a_network_of_another_shape_is_refused(earlier: keras.Model) -> None:
    other = build_network(NetworkSettings(channels=(4, 4, 4, 4), dense=(4, 4)))
    with pytest.raises(ModelError, match="another shape"):
        begin_with(other, earlier, "tiny")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_teachers_have_their_share_of_the_target(earlier: keras.Model, share: float) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), np.uint8)
    said = np.eye(7, dtype=np.float32)[[0, 1, 2, 3, 4]]
    other = build_network(NetworkSettings(channels=(4, 4, 4, 4), dense=(4, 4)))
    mixed = teach(said, faces, [earlier, other], share)
    views = (faces, faces[:, :, ::-1])
    answers = [teacher.predict(x, verbose=0) for teacher in (earlier, other) for x in views]
    expected = (1 - share) * said + share * np.mean(answers, axis=0)
    np.testing.assert_allclose(mixed, expected, atol=1e-5)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-5)


def test_a_run_begins_with_the_weights_of_the_earlier_model(
    earlier: keras.Model,
    made_models: Path,
    made_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = TrainingSettings.from_dict(load_bundle("tiny", made_models).metadata["settings"])
    settings = dataclasses.replace(
        told,
        start_from="tiny",
        teacher="tiny, tiny",
        epochs=1,
        learning_rate=1e-8,
        ema_momentum=0.0,
    )
    run = fit(load_dataset(made_data), settings, tmp_path, models_dir=made_models)
    kernels = [w for w in earlier.trainable_weights if "kernel" in w.path]
    trained = [w for w in run.network.trainable_weights if "kernel" in w.path]
    for before, after in zip(kernels, trained, strict=True):
        np.testing.assert_allclose(before.numpy(), after.numpy(), atol=1e-5)
    # Once begun, the run's own weights count.
    longer = dataclasses.replace(settings, epochs=2)
    monkeypatch.setattr("emotion_core.training.fit.begin_with", lambda *_: pytest.fail("again"))
    fit(load_dataset(made_data), longer, tmp_path, resume=True, models_dir=made_models)
