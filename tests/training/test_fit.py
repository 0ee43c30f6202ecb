"""Training: draws, schedule, best weights, and a run that can be killed at any moment."""

import csv
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.datasets.dataset import Dataset, Split
from emotion_core.errors import CheckpointError, DatasetError, OutputError, SettingsError
from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.labels import EXPRESSIONS
from emotion_core.model import tflite_export
from emotion_core.model.network import NetworkSettings
from emotion_core.training import checkpoint
from emotion_core.training.augment import AugmentSettings
from emotion_core.training.batch_norm import BatchNormalization
from emotion_core.training.fit import TrainingProgress, fit
from emotion_core.training.judge import Judge
from emotion_core.training.sampler import BalancedBatches, draw_probabilities
from emotion_core.training.settings import TrainingSettings

TINY = TrainingSettings(
    label_set="fer2013",
    label_mix=0.0,
    epochs=3,
    batch_size=16,
    ema_momentum=0.5,
    network=NetworkSettings(channels=(4, 4, 8, 8), dense=(8, 8)),
    augment=None,
)


# With `large`, enough for the running means of batch normalisation to settle.
EPOCHS = 9


def striped(label: int, random: np.random.Generator) -> np.ndarray:
    """A picture that gives its class away: stripes of a width and direction of its own."""
    width, across = 1 + label // 2 * 2, label % 2
    stripes = np.where(np.arange(48) // width % 2, 30, 200) + random.integers(0, 20, (48, 48))
    return (stripes if across else stripes.T).astype(np.uint8)


def made_split(name: str, per_class: int, seed: int = 0) -> Split:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(7), per_class).astype(np.int8)
    images = np.stack([striped(int(label), random) for label in labels])
    names = np.array([f"{name}{i}.png" for i in range(len(labels))])
    return Split(name, names, images, np.zeros((len(labels), 10), np.int16), labels)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    splits = {"train": made_split("train", 16), "validation": made_split("validation", 4, 1)}
    return Dataset(Path("made in code"), splits)


@pytest.fixture(scope="module")
def large() -> Dataset:
    """More steps an epoch: it is the end of an epoch that takes time."""
    splits = {"train": made_split("train", 64), "validation": made_split("validation", 4, 1)}
    return Dataset(Path("made in code"), splits)


@pytest.fixture(scope="module")
def trained_for_one_epoch(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `TINY` that ended after its first epoch; only for `begun_run`."""
    folder = tmp_path_factory.mktemp("runs") / "one_epoch"
    fit(dataset, dataclasses.replace(TINY, epochs=1), folder)
    return folder


@pytest.fixture
def begun_run(trained_for_one_epoch: Path, tmp_path: Path) -> Path:
    """A copy of that run for one test to resume or damage."""
    return Path(shutil.copytree(trained_for_one_epoch, tmp_path / "run"))


def weights_differ(a: keras.Model, b: keras.Model) -> float:
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return max(float(np.abs(x - y).max()) for x, y in pairs)


def test_draw_probabilities() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    assert draw_probabilities(labels, 0.0) == pytest.approx(np.full(100, 0.01))
    equal = draw_probabilities(labels, 1.0)
    assert equal[:90].sum() == pytest.approx(0.5)
    root = draw_probabilities(labels, 0.5)
    assert root[90] / root[0] == pytest.approx(3.0)


def test_batches_are_decided_by_seed_and_epoch_alone() -> None:
    images = np.arange(70, dtype=np.uint8).reshape(70, 1, 1, 1)
    labels = np.eye(7, dtype=np.float32)[np.repeat(np.arange(7), 10)]

    def order(seed: int, first_epoch: int, steps: int = 0) -> list[int]:
        batches = BalancedBatches(images, labels, labels.argmax(1), 7, 0.5, seed, first_epoch)
        for _ in range(steps):
            batches.on_epoch_end()
        return [int(v) for i in range(len(batches)) for v in batches[i][0].ravel()]

    assert order(0, 2) == order(0, 0, steps=2)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert sorted(order(0, 0)) == list(range(70)), "equal classes: every image once an epoch"


def test_rare_classes_are_drawn_more_often() -> None:
    labels = np.eye(7, dtype=np.float32)[[0] * 900 + [1] * 100]
    batches = BalancedBatches(
        np.zeros((1000, 1, 1, 1), np.uint8), labels, labels.argmax(1), 50, 0.5, 0
    )
    rare = sum(float(batches[i][1][:, 1].sum()) for i in range(len(batches))) / 1000
    assert rare == pytest.approx(0.25, abs=0.01)


def test_what_is_trained_is_the_faster_form_of_the_network(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(learner: keras.Model, *_: object) -> None:
        norms = [at for at in learner.layers if isinstance(at, keras.layers.BatchNormalization)]
        raise RuntimeError({type(at) for at in norms} == {BatchNormalization})

    monkeypatch.setattr("emotion_core.training.fit.make_trainer", stop)
    with pytest.raises(RuntimeError, match="True"):
        fit(dataset, TINY, tmp_path)


def test_learns_reports_and_keeps_the_best(large: Dataset, tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    settings = dataclasses.replace(TINY, epochs=EPOCHS, learning_rate=1e-2)
    result = fit(large, settings, tmp_path / "run", on_progress=seen.append)
    rows = result.state.history
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    assert max(row["val_accuracy"] for row in rows) > 0.6
    assert rows[-1]["learning_rate"] < rows[1]["learning_rate"]
    scores = [(row["val_accuracy"] + row["val_macro_f1"]) / 2 for row in rows]
    assert result.state.best_epoch == int(np.argmax(scores)) + 1
    best = rows[result.state.best_epoch - 1]
    validation = large.split("validation")
    guess = result.network.predict(validation.inputs(), verbose=0).argmax(axis=1)
    assert (guess == validation.fer2013).mean() == pytest.approx(best["val_accuracy"])
    assert sum(progress.row is not None for progress in seen) == EPOCHS
    assert seen[0].batches == len(large.split("train")) // TINY.batch_size
    with (tmp_path / "run" / "history.csv").open() as stream:
        assert tuple(next(csv.reader(stream))) == checkpoint.HISTORY_COLUMNS


def test_a_stopped_run_ends_as_one_that_never_stopped(dataset: Dataset, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_in_epoch_2(progress: TrainingProgress) -> None:
        if progress.epoch == 2 and progress.batch == 2 and progress.row is None:
            raise StopError

    # The schedule is the same for both, and all that is drawn follows from seed and epoch.
    settings = dataclasses.replace(TINY, epochs=2, augment=AugmentSettings())
    whole = fit(dataset, settings, tmp_path / "whole")
    with pytest.raises(StopError):
        fit(dataset, settings, tmp_path / "run", on_progress=stop_in_epoch_2)
    resumed = fit(dataset, settings, tmp_path / "run", resume=True)
    assert [row["epoch"] for row in resumed.state.history] == [1, 2]
    # Sums over threads are not repeatable to the last digit, and training amplifies that a little;
    # the rate follows the optimizer's step count and must be exact.
    for name, tolerance in (("learning_rate", 1e-6), ("loss", 0.02), ("val_loss", 0.02)):
        left, right = ([r[name] for r in x.state.history] for x in (whole, resumed))
        assert left == pytest.approx(right, rel=tolerance), name
    assert weights_differ(whole.network, resumed.network) < 0.05


def test_lower_precision_trains_and_keeps_float32(large: Dataset, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=5, learning_rate=2e-2, precision="mixed_bfloat16")
    fit(large, dataclasses.replace(settings, epochs=1), tmp_path)
    result = fit(large, settings, tmp_path, resume=True)
    assert result.state.epochs_done == 5, "a run may be resumed with more epochs"
    assert max(row["val_accuracy"] for row in result.state.history) > 0.3, "chance is 0.14"
    assert {str(w.dtype) for w in result.network.weights} == {"float32"}
    assert {layer.compute_dtype for layer in result.network.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32", "left as it was found"
    # The scores of history.csv are those of the float32 network that is kept.
    validation = large.split("validation")
    guess = result.network.predict(validation.inputs(), verbose=0).argmax(axis=1)
    best = result.state.history[result.state.best_epoch - 1]
    assert (guess == validation.fer2013).mean() == pytest.approx(best["val_accuracy"])


def test_a_run_is_never_overwritten_or_mixed(dataset: Dataset, begun_run: Path) -> None:
    settings = dataclasses.replace(TINY, epochs=1)
    state = (begun_run / "state.json").read_bytes()
    with pytest.raises(CheckpointError, match="--resume"):
        fit(dataset, settings, begun_run)
    with pytest.raises(CheckpointError, match=r"other settings \(batch_size\)"):
        fit(dataset, dataclasses.replace(settings, batch_size=8), begun_run, resume=True)
    other = Dataset(dataset.source, {**dataset.splits, "train": made_split("train", 9)})
    with pytest.raises(CheckpointError, match="other data"):
        fit(other, settings, begun_run, resume=True)
    assert (begun_run / "state.json").read_bytes() == state
    for file in begun_run.glob("state_*.weights.h5"):
        file.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="damaged"):
        fit(dataset, dataclasses.replace(settings, epochs=2), begun_run, resume=True)
    changes: list[dict[str, Any]] = [{"history": None}, {"settings": []}, {"best_epoch": "x"}]
    for change in changes:
        (begun_run / "state.json").write_text(json.dumps(json.loads(state) | change))
        with pytest.raises(CheckpointError, match=r"state\.json is damaged"):
            fit(dataset, settings, begun_run, resume=True)
    (begun_run / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"state\.json is damaged"):
        fit(dataset, settings, begun_run, resume=True)


def test_flipped_bytes_in_a_checkpoint_are_named(dataset: Dataset, begun_run: Path) -> None:
    (file,) = begun_run.glob("state_*.weights.h5")
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    longer = dataclasses.replace(TINY, epochs=2)
    for _ in range(3):
        damaged = bytearray(whole)
        # Where HDF5 keeps its tables: a flipped weight cannot be noticed.
        for place in rng.integers(0, 2000, 60):
            damaged[place] = rng.integers(256)
        file.write_bytes(bytes(damaged))
        with pytest.raises(CheckpointError, match="damaged"):
            fit(dataset, longer, begun_run, resume=True)


def test_a_full_disk_keeps_the_last_complete_epoch(
    dataset: Dataset, begun_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = keras.Model.save_weights

    def full(self: keras.Model, path: Path, **options: object) -> None:
        if "state_0002" in str(path):
            raise OSError(28, "No space left on device")
        write(self, path, **options)

    longer = dataclasses.replace(TINY, epochs=2)
    kept = [begun_run / "state.json", *begun_run.glob("state_*.weights.h5")]
    before = [file.read_bytes() for file in kept]
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save_weights", full)
        with pytest.raises(OutputError, match="Make room and add --resume"):
            fit(dataset, longer, begun_run, resume=True)
    # Told before HDF5 writes, by a run that could be resumed after the first.
    left = shutil.disk_usage(begun_run)._replace(free=10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: left)
    with pytest.raises(OutputError, match="Make room and add --resume"):
        fit(dataset, longer, begun_run, resume=True)
    assert [file.read_bytes() for file in kept] == before


def test_data_without_a_label_of_the_set_is_refused_before_any_work(
    dataset: Dataset, tmp_path: Path
) -> None:
    votes = dataclasses.replace(TINY, label_set="ferplus")
    with pytest.raises(DatasetError, match="train split has no image with a ferplus label"):
        fit(dataset, votes, tmp_path / "run")
    unlabelled = dataclasses.replace(dataset.splits["validation"], fer2013=np.full(28, -1, np.int8))
    half = Dataset(dataset.source, {**dataset.splits, "validation": unlabelled})
    with pytest.raises(DatasetError, match="validation split has no image with a fer2013"):
        fit(half, TINY, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_splits_are_named(dataset: Dataset, tmp_path: Path) -> None:
    alone = Dataset(dataset.source, {"train": dataset.split("train")})
    with pytest.raises(DatasetError, match="validation split"):
        fit(alone, TINY, tmp_path)


def test_settings_survive_json_and_refuse_nonsense() -> None:
    for settings in (TrainingSettings(), TrainingSettings.classic(epochs=3), TINY):
        again = TrainingSettings.from_dict(json.loads(json.dumps(settings.to_dict())))
        assert again.to_dict() == settings.to_dict()
        assert again.network == settings.network
    with pytest.raises(SettingsError, match="cannot be read"):
        TrainingSettings.from_dict({"colour": "red"})
    for bad in (
        {"label_set": "x"},
        {"precision": "float8"},
        {"epochs": 0},
        {"balance": 2.0},
        {"learning_rate": 0.0},
    ):
        with pytest.raises(SettingsError, match=next(iter(bad))):
            TrainingSettings(**bad)


def write_pictures(folder: Path) -> None:
    for name, per_class in (("train", 24), ("validation", 4)):
        split = made_split(name, per_class)
        for i, image in enumerate(split.images):
            file = folder / name / EXPRESSIONS[split.fer2013[i]] / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), image)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_command_resumes_into_one_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL in the middle of a run: at most one epoch is lost, the model folder is complete."""
    write_pictures(tmp_path / "data")
    command = ["train", "--data", str(tmp_path / "data")]
    command += ["--name", "made", "--labels", "fer2013", "--epochs", "4", "--batch-size", "24"]
    command += ["--models-dir", str(tmp_path / "models"), "--runs-dir", str(tmp_path / "runs")]
    command += ["--channels", "6,6,8,8", "--augment", "none"]
    history = tmp_path / "runs" / "made" / "history.csv"
    killed = subprocess.Popen(
        [sys.executable, "-m", "emotion_core", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 300
    while not history.exists() or len(history.read_text().splitlines()) < 3:
        assert killed.poll() is None, killed.stdout and killed.stdout.read()
        assert time.monotonic() < deadline, "no second epoch in 300 s"
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = history.read_text().splitlines()
    # Without --epochs the run's own number holds.
    again = [word for word in command if word not in ("--epochs", "4")]
    monkeypatch.setattr(tflite_export, "DRAWS", 1)
    assert main([*again, "--resume"]) == 0
    folder = tmp_path / "models" / "made"
    rows = (folder / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4"]
    assert rows[:3] == before[:3]
    for name in ("model.keras", "model.tflite", "model.json"):
        assert (folder / name).stat().st_size > 0
    assert json.loads((folder / "model.json").read_text())["label_set"] == "fer2013"


def test_training_counts_macro_f1_as_the_evaluation_does() -> None:
    labels = np.array([0, 0, 1, 1], np.int8)
    # The last answer names a class without examples, which must cost the same in both places.
    guess = np.array([0, 0, 1, 2])

    class Network:
        def predict(self, *_: object, **__: object) -> np.ndarray:
            return np.eye(len(EXPRESSIONS), dtype=np.float32)[guess]

    scores = Judge(np.zeros((4, 48, 48, 1), np.float32), labels)(Network())
    assert scores["val_macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    same = macro_f1(confusion_matrix(labels, guess, len(EXPRESSIONS)))
    assert scores["val_macro_f1"] == pytest.approx(float(same))
