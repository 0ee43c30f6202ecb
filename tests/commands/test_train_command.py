"""The command `train`, above all beginning with a trained network and one's own faces."""

import argparse
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from emotion_core.cli import main
from emotion_core.commands import train, train_run
from emotion_core.datasets.loading import load_dataset
from emotion_core.evaluation.model_record import read_record
from emotion_core.labels import EXPRESSIONS
from emotion_core.model import tflite_export
from emotion_core.model.bundle import load_bundle
from emotion_core.model.network import NetworkSettings
from emotion_core.training.chain import ChainState, Step, Work, steps_of
from emotion_core.training.fine_tuning import change_on, shape_of
from emotion_core.training.recipes import RECIPES
from emotion_core.training.settings import TrainingSettings
from emotion_core.ui.evaluate.training import training_command

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "fine-tuning.md"


def settings(models: Path, *words: str) -> TrainingSettings:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    options = parser.parse_args(["--data", "x", "--name", "x", *words])
    start = load_bundle(options.start_from, models) if options.start_from else None
    return train_run._recipe(options, start).network


def test_a_network_to_begin_with_gives_shape_and_recipe(models: Path) -> None:
    assert settings(models) == TrainingSettings()
    found = settings(models, "--start-from", "tiny")
    assert found.network == NetworkSettings(channels=(4, 4, 8, 8), dense=(16, 16))
    assert found.learning_rate == TrainingSettings.fine_tuning().learning_rate < 1e-3
    assert found.start_from == "tiny"
    other = settings(models, "--start-from", "tiny", "--recipe", "quick", "--epochs", "3")
    assert other.learning_rate == TrainingSettings().learning_rate
    assert (other.epochs, other.network) == (3, found.network)
    wide = settings(models, "--start-from", "tiny", "--channels", "8,8,8,8").network
    assert (wide.channels, wide.dense) == ((8, 8, 8, 8), (16, 16))


def test_a_folder_that_does_not_tell_its_shape_has_the_usual_one(models: Path) -> None:
    file = models / "tiny" / "model.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"settings": {}}))
    assert shape_of(load_bundle("tiny", models)) == NetworkSettings()


def test_the_change_on_the_original_data_is_paired(models: Path, made_data: Path) -> None:
    bundle, original = load_bundle("tiny", models), load_dataset(made_data)
    same = change_on(original, bundle, bundle)
    assert same["images"] == (original.split("validation").ferplus >= 0).sum()
    told = bundle.metadata["metrics"]["validation"]["accuracy"]
    assert same["before"] == same["after"] == pytest.approx(told, abs=1e-5)
    assert same["difference"] == {"value": 0, "low": 0, "high": 0}


def own_faces(folder: Path, made_data: Path) -> Path:
    """Six people, each with each expression twice."""
    for i, image in enumerate(load_dataset(made_data).split("train").images):
        place = folder / EXPRESSIONS[i % 7]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{'abcdef'[i // 14]}_{i}.png"), image)
    return folder


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ((), 1, "say with --person who is seen"),
        (("--person", "/(x)_"), 2, "finds nobody"),
        (("--person", "/([a-f])_", "--seed", "-1"), 2, "seed must lie"),
        (("--person", "/([a-f])_", "--original", "x.zip"), 2, "--original needs --start-from"),
        (("--person", "/([a-f])_", "--start-from", "nobody"), 1, "no model named 'nobody'"),
        (
            ("--person", "/([a-f])_", "--start-from", "tiny", "--original", "x.zip"),
            1,
            "x.zip does not exist",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_at_once(
    models: Path,
    made_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    faces = own_faces(tmp_path / "my-faces", made_data)
    folders = ["--models-dir", str(models), "--runs-dir", str(tmp_path / "runs")]
    assert main(["train", "--data", str(faces), "--name", "mine", *folders, *more]) == status
    assert words in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


class PlannedError(Exception):
    """Instead of the training of a chain: its steps, and the state that it begins with."""


@pytest.mark.parametrize("recipe", ["best", "quick"])
def test_folders_take_the_recipe_of_single_labels_and_every_option(
    made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    def stop(_: Work, steps: Sequence[Step], state: ChainState) -> None:
        raise PlannedError(steps, state)

    monkeypatch.setattr(train_run, "run_chain", stop)
    faces = own_faces(tmp_path / "my-faces", made_data)
    words = ["train", "--data", str(faces), "--person", "/([a-f])_", "--name", "mine"]
    words += ["--recipe", recipe, "--epochs", "3", "--other-faces-every", "2"]
    words += ["--models-dir", str(tmp_path / "models"), "--runs-dir", str(tmp_path / "runs")]
    with pytest.raises(PlannedError) as caught:
        main(words)
    steps, state = caught.value.args
    assert (state.recipe, state.label_set, state.epochs) == (recipe, "fer2013", 3)
    expected = RECIPES[recipe]("fer2013").lasting(3)
    expected = expected.changed(second_head=0.0, precision="float32", other_faces_every=2)
    assert steps == steps_of(expected)


def command_of_the_guide() -> list[str]:
    """The words of the guide's first command, after the program."""
    found = re.search(r"```shell\n(emotion-lab train --start-from.*?)```", GUIDE.read_text(), re.S)
    assert found is not None
    return shlex.split(found[1].replace("\\\n", " "))[1:]


def test_the_page_gives_the_guide_s_command() -> None:
    guide = command_of_the_guide()
    page = shlex.split(training_command("my-faces/", "ferplus", divided=False))[3:]
    place = guide.index("--original")
    assert page == guide[:place] + guide[place + 2 :]


@pytest.mark.slow
def test_the_guide_s_command_makes_a_network_of_own_faces(
    models: Path,
    made_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As written, but for the names: a tiny network, made faces, one epoch."""
    monkeypatch.setattr(tflite_export, "DRAWS", 1)
    told = tmp_path / "told.json"
    here = {
        "ferplus": "tiny",
        "my-faces/": str(own_faces(tmp_path / "my-faces", made_data)),
        "ferplus.zip": str(made_data),
    }
    words = [here.get(word, word) for word in command_of_the_guide()]
    words += ["--epochs", "1", "--models-dir", str(models), "--runs-dir", str(tmp_path / "runs")]
    assert main([*words, "--json", str(told)]) == 0
    printed = capsys.readouterr().out
    assert "2 of 6 people, with 28 of 84 images, are kept for validation" in printed
    assert "56 training faces of ferplus are mixed in" in printed
    made = load_bundle("my-network", models)
    assert made.metadata["settings"]["network"]["channels"] == [4, 4, 8, 8]
    assert made.metadata["settings"]["start_from"] == "tiny"
    learnt = "the labels of the folders of my-faces, beginning with the network tiny"
    assert read_record(models / "my-network").learnt == learnt
    change = json.loads(told.read_text())["change_on_original"]
    assert change["after"] - change["before"] == pytest.approx(change["difference"]["value"])
    assert f"accuracy {change['before']:.3f} before, {change['after']:.3f} now" in printed
    assert (models / "my-network" / "predictions_folder_validation.csv").is_file()


def test_a_network_is_not_replaced_by_the_one_that_begins_with_it(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p.name: p.read_bytes() for p in (models / "tiny").iterdir() if p.is_file()}
    words = ["train", "--data", str(made_data), "--start-from", "tiny", "--name", "tiny"]
    words += ["--models-dir", str(models), "--runs-dir", str(tmp_path / "runs")]
    assert main(words) == 2
    assert "would replace the network that --start-from begins with" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in (models / "tiny").iterdir() if p.is_file()} == before


def test_a_run_that_failed_before_its_first_epoch_keeps_no_name(
    models: Path,
    made_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The corrected command begins it, with --resume or without."""
    words = ["train", "--data", str(made_data), "--name", "mine", "--epochs", "1"]
    words += ["--models-dir", str(models), "--runs-dir", str(tmp_path / "runs")]
    assert main([*words, "--teacher", "tyni"]) == 1
    assert "no model named 'tyni'" in capsys.readouterr().err
    assert (tmp_path / "runs" / "mine" / "chain.json").is_file()

    def stop(_: Work, steps: Sequence[Step], state: ChainState) -> None:
        raise PlannedError(steps, state)

    monkeypatch.setattr(train_run, "run_chain", stop)
    for more in ([], ["--resume"]):
        with pytest.raises(PlannedError):
            main([*words, *more])
