"""Faces of other origin while training: measured, part of the choice, never learnt from."""

import argparse
import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.commands import train, train_run
from emotion_core.commands.train_text import epoch_text
from emotion_core.datasets.dataset import Dataset
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import OtherFaces, check_apart, open_other_faces
from emotion_core.errors import CheckpointError, DatasetError, SettingsError
from emotion_core.evaluation.experiment_log import CROSS_SCORES, Run, log_run, read_runs
from emotion_core.evaluation.model_record import read_record
from emotion_core.training.chain import ChainState, write_state
from emotion_core.training.checkpoint import HISTORY_COLUMNS, RunFolder, RunState, write_history
from emotion_core.training.fit import fit, training_batches
from emotion_core.training.judge import Judge, total_score
from emotion_core.training.recipes import best
from emotion_core.training.settings import TrainingSettings

WORDS = ("happy", "neutral", "surprise", "angry")


@pytest.fixture(scope="module")
def dataset(made_data: Path) -> Dataset:
    return load_dataset(made_data)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> OtherFaces:
    return open_other_faces(write_others(tmp_path_factory.mktemp("others") / "other_faces.npz"))


def write_others(path: Path, **changes: Any) -> Path:
    rng = np.random.default_rng(3)
    arrays = {
        "lfw_images": rng.integers(0, 256, (12, 48, 48), np.uint8),
        "lfw_labels": np.array(WORDS * 3),
        "lfw_person": np.arange(12),
        "lfw_is_validation": np.arange(12) < 8,
        "london_images": rng.integers(0, 256, (2, 48, 48), np.uint8),
        "london_labels": np.array(["happy", "neutral"]),
        "london_person": np.arange(2),
    }
    np.savez(path, **(arrays | changes))
    return path


def test_the_pool_holds_no_measured_face(others: OtherFaces) -> None:
    assert len(others.pool) == 4
    check_apart(others.pool, others.sets)
    measured = others.sets[0].images[:2]
    with pytest.raises(DatasetError, match="2 of the training faces"):
        check_apart(np.concatenate([others.pool, measured]), others.sets)


@pytest.mark.parametrize("pool_share", [0.0, 0.4])
def test_no_measured_face_is_in_a_batch(
    dataset: Dataset, others: OtherFaces, pool_share: float
) -> None:
    settings = TrainingSettings(
        batch_size=12, teacher="t", same_view=True, pool_share=pool_share, second_head=0.4
    )
    pool = others.pool if pool_share else None
    batches = training_batches(dataset.split("train"), settings, 0, [], pool)
    drawn = [batches[i] for i in range(len(batches))]
    images = np.concatenate([images for images, _ in drawn])[..., 0]
    said = np.concatenate([said for _, said in drawn])
    check_apart(images, others.sets)
    assert said.shape[1] == 14
    unlabelled = said.sum(axis=1) == 0
    assert unlabelled.mean() == pytest.approx(pool_share, abs=0.05)
    known = {image.tobytes() for image in others.pool}
    assert {image.tobytes() in known for image in images[unlabelled]} <= {True}
    assert len(images) <= len(dataset.split("train")), "an epoch is as long as without a pool"


def test_training_on_measured_faces_is_refused(
    dataset: Dataset, others: OtherFaces, tmp_path: Path
) -> None:
    train_split = dataset.split("train")
    images = train_split.images.copy()
    images[5] = others.sets[1].images[0]
    mixed = dataclasses.replace(train_split, images=images)
    spoilt = Dataset(dataset.source, {**dataset.splits, "train": mixed})
    with pytest.raises(DatasetError, match="1 of the training faces"):
        fit(spoilt, TrainingSettings(), tmp_path / "run", other_faces=others)
    with pytest.raises(SettingsError, match="--other-faces"):
        fit(dataset, best().network, tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Network:
    """Answers `happy` to everything, the surer the brighter."""

    def predict(self, images: np.ndarray, *_: object, **__: object) -> list[np.ndarray]:
        sure = 0.3 + images.mean(axis=(1, 2, 3)) / 510
        probs = np.tile(((1 - sure) / 6)[:, None], (1, 7))
        probs[:, 3] = sure
        return [probs.astype(np.float32), np.zeros_like(probs)]


def test_an_epoch_is_judged_by_both(others: OtherFaces) -> None:
    faces = np.full((8, 48, 48, 1), 100, np.float32)
    labels = np.array([3, 3, 3, 3, 3, 3, 0, -1], np.int8)
    judge = Judge(faces, labels, others.sets)
    scores = judge(Network())
    # `happy` is one of four in LFW and one of two in London; each counts the same.
    assert scores["cross_score"] == pytest.approx((1 + 1) / 6)
    assert 0 < scores["cross_ece"] < 1
    own = (scores["val_accuracy"] + scores["val_macro_f1"]) / 2
    expected = 0.75 * own + 0.25 * scores["cross_score"]
    assert total_score(scores, 0.25) == pytest.approx(expected)
    assert total_score(scores, 0.0) == own
    without = judge(Network(), with_others=False)
    assert "cross_score" not in without
    assert total_score(without, 0.25) == own
    row = scores | {"loss": 1.0, "seconds": 2.0}
    assert "other faces 0.3333 (ECE " in epoch_text("epoch 1/2", row)
    assert "other faces" not in epoch_text("epoch 1/2", without | {"loss": 1.0, "seconds": 2.0})


def test_what_earlier_versions_wrote_is_still_read(tmp_path: Path) -> None:
    """A run, a history and a table of runs without these columns."""
    new = {"other_faces_weight", "other_faces_every", "same_view", "second_head", "pool_share"}
    settings = TrainingSettings().to_dict()
    old = {k: v for k, v in settings.items() if k not in new | {"prior_removed"}}
    assert TrainingSettings.from_dict(old) == TrainingSettings()
    state = {"settings": old, "fingerprint": "x", "history": [{"epoch": 1, "loss": 0.5}]}
    (tmp_path / "state.json").write_text(json.dumps(state | {"best_epoch": 1, "best_score": 0.4}))
    folder = RunFolder(tmp_path)
    for file in (folder.state_weights(1), folder.best_weights(1)):
        file.write_text("")
    read = folder.load()
    assert read is not None
    assert (read.other_faces, read.best_score) == ("", 0.4)
    write_history(tmp_path / "history.csv", read.history)
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert tuple(rows[0]) == HISTORY_COLUMNS
    assert rows[0]["cross_score"] == ""
    old_columns = "epoch,loss,accuracy,val_loss,val_accuracy\n1,1,0.5,1,0.5\n"
    (tmp_path / "history.csv").write_text(old_columns)
    assert read_record(tmp_path).history is not None


def test_the_table_of_runs_gets_the_new_columns(tmp_path: Path) -> None:
    run = Run("a", "train", "ferplus", "validation", "ferplus", 9, {"accuracy": 0.5}, "one, two")
    log_run(tmp_path, run)
    file = tmp_path / "runs.csv"
    rows = csv.DictReader(file.read_text().splitlines())
    old = [{k: v for k, v in row.items() if k not in CROSS_SCORES} for row in rows]
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(old[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(old)
    assert read_runs(tmp_path)["cross_score"].isna().all()
    scores = {"accuracy": 0.6, "cross_score": 0.7, "cross_ece": 0.1}
    log_run(tmp_path, dataclasses.replace(run, model="b", scores=scores))
    table = read_runs(tmp_path)
    assert table["model"].tolist() == ["a", "b"]
    assert table["note"].tolist() == ["one, two"] * 2
    assert table["accuracy"].tolist() == [0.5, 0.6]
    assert table["cross_score"].tolist()[1] == 0.7
    assert np.isnan(table["cross_score"].tolist()[0])


def options_of(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(["--name", "x", *words])


def test_the_file_next_to_the_data_is_found(made_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "ferplus.zip"
    here = options_of("--data", str(data))
    assert train_run._other_faces(here, None) is None
    file = write_others(tmp_path / "other_faces.npz")
    found = train_run._other_faces(here, None)
    assert found is not None
    assert found.path == file
    state = ChainState("quick", "ferplus", "", "", "float32")
    assert train_run._other_faces(here, state) is None, "a run begun without goes on without"
    state.other_faces = found.sha256
    assert train_run._other_faces(here, state) is not None
    none = options_of("--data", str(data), "--other-faces", "none")
    assert train_run._other_faces(none, None) is None


def test_a_run_that_was_begun_is_recognised(tmp_path: Path) -> None:
    """Also one of an earlier version, which has no chain.json."""
    go_on = options_of("--data", "x", "--resume")
    assert train_run._begun(tmp_path, go_on) is None
    settings = TrainingSettings(label_set="fer2013", precision="mixed_bfloat16")
    folder = RunFolder(tmp_path)
    folder.state_weights(0).write_text("")
    folder.save(RunState(settings.to_dict(), "abc"))
    expected = ChainState("quick", "fer2013", "abc", "", "mixed_bfloat16")
    assert train_run._begun(tmp_path, go_on) == expected
    with pytest.raises(CheckpointError, match="Add --resume"):
        train_run._begun(tmp_path, options_of("--data", "x"))
    write_state(tmp_path, dataclasses.replace(expected, recipe="best"))
    begun = train_run._begun(tmp_path, go_on)
    assert begun is not None
    assert begun.recipe == "best"


def test_a_run_that_failed_before_its_first_epoch_is_begun_anew(tmp_path: Path) -> None:
    """Under the options that it was begun with, where it is resumed and none others are given."""
    write_state(tmp_path, ChainState("best", "fer2013", "abc", "", "float32", epochs=50))
    go_on = options_of("--data", "x", "--resume")
    assert train_run._begun(tmp_path, go_on) is None
    assert (go_on.recipe, go_on.labels, go_on.epochs) == ("best", "fer2013", 50)
    other = options_of("--data", "x", "--resume", "--recipe", "quick", "--epochs", "5")
    assert train_run._begun(tmp_path, other) is None
    assert (other.recipe, other.labels, other.epochs) == ("quick", "fer2013", 5)
    anew = options_of("--data", "x")
    assert train_run._begun(tmp_path, anew) is None
    assert (anew.recipe, anew.labels, anew.epochs) == (None, None, None)


def test_epochs_of_a_chain_are_remembered_and_its_teachers_follow(tmp_path: Path) -> None:
    """Also while its own network has not begun: its first trainings are those of its teachers."""
    words = ["--data", "x", "--recipe", "best"]
    shorter = train_run._recipe(options_of(*words, "--epochs", "50"), None)
    assert shorter.network.epochs == 50
    assert {teacher.epochs for teacher in shorter.teachers.values()} == {20}
    # An average over a thousand steps would be one over half of a shorter training.
    for trained in (shorter.network, *shorter.teachers.values()):
        assert 1 - trained.ema_momentum == pytest.approx(0.001 * 203 / 50)
    quick = train_run._recipe(options_of("--data", "x", "--epochs", "5"), None)
    assert (quick.network.epochs, quick.network.ema_momentum) == (5, 0.999)
    state = ChainState("best", "ferplus", "abc", "", "float32", epochs=50)
    whole, go_on = best(), options_of(*words, "--resume")
    assert train_run._resumed(whole, go_on, tmp_path, state) == whole.lasting(50)
    assert train_run._resumed(whole, go_on, tmp_path, None) == whole
    other = options_of(*words, "--resume", "--epochs", "60")
    assert train_run._resumed(whole.lasting(60), other, tmp_path, state) == whole.lasting(60)
    assert whole.lasting(1).teachers["teacher_1"].epochs == 1


def test_resuming_with_other_faces_than_before_is_refused(
    dataset: Dataset, others: OtherFaces, tmp_path: Path
) -> None:
    settings = TrainingSettings(epochs=1)
    folder = RunFolder(tmp_path)
    state = RunState(settings.to_dict(), dataset.fingerprint, other_faces="abc")
    folder.state_weights(0).write_text("")
    folder.save(state)
    with pytest.raises(CheckpointError, match="with another file of other faces"):
        fit(dataset, settings, tmp_path, resume=True, other_faces=others)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--recipe", "best", "--epochs", "0"), "epochs"),
        (("--recipe", "best", "--teacher", "a"), "decides --teacher itself"),
        (("--other-faces", "bad.npz"), "does not hold the arrays of such a file"),
        (("--other-faces", "gone.npz"), "gone.npz does not exist"),
        (("--other-faces", "shape.npz"), "not uint8 (N, 48, 48)"),
        (("--other-faces", "good.npz", "--other-faces-weight", "2"), "other_faces_weight"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    made_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", faces=np.zeros((2, 48, 48), np.uint8))
    write_others(Path("shape.npz"), london_images=np.zeros((2, 64, 64), np.uint8))
    write_others(Path("good.npz"))
    folders = ["--models-dir", "models", "--runs-dir", "runs"]
    assert main(["train", "--data", str(made_data), "--name", "mine", *folders, *words]) != 0
    assert told in capsys.readouterr().err
    assert not Path("runs").exists()
