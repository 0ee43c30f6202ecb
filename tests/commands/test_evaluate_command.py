import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made_networks import write_tflite
from numpy.typing import NDArray

from emotion_core.cli import main
from emotion_core.datasets.loading import load_dataset
from emotion_core.evaluation import corruptions
from emotion_core.evaluation import evaluate as evaluate_module
from emotion_core.evaluation.model_record import read_record
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import load_classifier
from emotion_core.model.likeness import Likeness
from emotion_core.video.options import described_network


def evaluate(models: Path, data: Path, *more: str) -> int:
    return main(["evaluate", "--data", str(data), "--models-dir", str(models), *more])


def state(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The float network is not timed: it would be converted for that at each evaluation."""
    monkeypatch.setattr(evaluate_module, "float_milliseconds_per_face", lambda *_: 1.0)


def test_the_shipped_data_set_fills_the_model_folder(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    assert evaluate(models, made_data, "--json", str(file), "--note", "first look") == 0
    printed = capsys.readouterr().out
    assert "FER+ 7-class (37 of 42 images count)" in printed
    assert "without near-duplicates" in printed
    assert all(e in printed for e in EXPRESSIONS)
    report = json.loads(file.read_text())
    assert report["headline"]["label_set"] == "ferplus"
    folder = models / "tiny"
    rows = pd.read_csv(folder / "predictions_ferplus_test.csv")
    kept = rows.dropna(subset="ferplus_label")
    served = kept[[f"served_{e}" for e in EXPRESSIONS]].to_numpy().argmax(1)
    accuracy = (np.array(EXPRESSIONS)[served] == kept["ferplus_label"]).mean()
    assert report["headline"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert f"{100 * accuracy:.1f}" in printed
    kept_reports = json.loads((folder / "evaluation.json").read_text())["evaluations"]
    assert set(kept_reports) == {"ferplus_validation", "ferplus_test"}
    assert set(pd.read_csv(folder / "robustness.csv")["split"]) == {"test"}
    assert (models / "near_duplicates.csv").exists()
    log = pd.read_csv(models / "runs.csv")
    assert log[["event", "split"]].values.tolist() == [
        ["train", "validation"],
        ["evaluate", "test"],
    ]
    assert log["note"].iloc[1] == "first look"


@pytest.mark.usefixtures("untimed")
def test_only_the_test_split_is_logged(models: Path, made_data: Path) -> None:
    before = (models / "runs.csv").read_text()
    assert evaluate(models, made_data, "--split", "validation", "--no-robustness") == 0
    assert (models / "runs.csv").read_text() == before
    assert not (models / "tiny" / "robustness.csv").exists()
    assert evaluate(models, made_data, "--labels", "fer2013", "--no-robustness") == 0
    assert (models / "runs.csv").read_text().splitlines()[-1].count("fer2013") == 1


def test_a_network_made_elsewhere_is_compared_on_the_same_images(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tflite(models / "theirs")
    asked = ("--model", "theirs", "--split", "validation", "--no-robustness")
    assert evaluate(models, made_data, *asked) == 0
    assert "wrote predictions and evaluation.json" in capsys.readouterr().out
    ours, theirs = read_record(models / "tiny"), read_record(models / "theirs")
    names = [record.predictions["ferplus_validation"].names.tolist() for record in (ours, theirs)]
    assert names[0] == names[1]
    assert theirs.problems == []
    assert theirs.learnt == "labels of its own, elsewhere"
    before = state(models)
    assert evaluate(models, own_faces(tmp_path / "mine", "happy"), *asked[:2]) == 0
    assert "is left as it was" in capsys.readouterr().out
    assert state(models) == before


def own_faces(place: Path, *folders: str) -> Path:
    for folder in folders:
        (place / folder).mkdir(parents=True)
        for i in range(3):
            image = np.random.default_rng(i).integers(0, 255, (60, 50, 3)).astype(np.uint8)
            cv2.imwrite(str(place / folder / f"{i}.jpg"), image)
    return place


@pytest.mark.parametrize(
    ("folders", "split", "images"),
    [
        (("happy", "sad"), "test", 6),
        (("test/happy", "test/sad", "train/sad"), "test", 6),
        (("train/happy", "val/sad"), "all", 6),
    ],
)
def test_own_faces_go_into_a_folder_of_their_own(
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[str, ...],
    split: str,
    images: int,
) -> None:
    before = state(models)
    mine = own_faces(tmp_path / "mine", *folders)
    out = tmp_path / "out"
    options = ["--out", str(out), "--no-robustness", "--progress", "json"]
    assert evaluate(models, mine, *options) == 0
    assert state(models) == before
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in lines} == {"start", "progress", "file_end", "end"}
    shares = [line["fraction"] for line in lines if line["event"] == "progress"]
    assert shares == sorted(shares)
    assert lines[-2]["folder"] == str(out / "tiny")
    record = read_record(out / "tiny")
    report = record.evaluations[f"folder_{split}"]
    assert report["images"] == images
    assert sum(report["splits"].values()) == 3 * len(folders)
    assert len(report["notes"]) == 3
    assert len(record.predictions[f"folder_{split}"].names) == images
    assert record.near_duplicates is not None
    assert len(set(record.predictions[f"folder_{split}"].names)) == images


def test_all_images_of_the_training_data_are_refused(
    models: Path, made_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(models, made_data, "--split", "all") == 2
    assert "learnt from these faces" in capsys.readouterr().err


def as_folders(data: Path, split: str, place: Path) -> Path:
    """Faces of the made data in another layout: JPEGs by expression."""
    faces = load_dataset(data).split(split)
    for name, image, label in zip(faces.names, faces.images, faces.ferplus, strict=True):
        if label >= 0:
            (place / EXPRESSIONS[label]).mkdir(parents=True, exist_ok=True)
            file = place / EXPRESSIONS[label] / f"{Path(str(name)).stem}.jpg"
            cv2.imwrite(str(file), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return place


def test_the_test_faces_are_known_in_another_layout(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = as_folders(made_data, "test", tmp_path / "mine")
    assert evaluate(models, mine, "--no-robustness", "--note", "why") == 0
    assert "of the models' own test split" in capsys.readouterr().out
    row = pd.read_csv(models / "runs.csv").iloc[-1]
    assert (row["event"], row["dataset"], row["split"]) == ("evaluate", "folder", "test")
    assert row["note"].startswith("why; about ")


def test_training_faces_in_another_layout_are_refused(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = as_folders(made_data, "train", tmp_path / "mine")
    assert evaluate(models, mine, "--no-robustness") == 2
    assert "learnt from these faces" in capsys.readouterr().err


def test_a_look_that_cannot_be_noted_is_told_and_not_lost(
    models: Path, made_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "runs.csv").unlink()
    (models / "runs.csv").mkdir()
    mine = as_folders(made_data, "test", tmp_path / "mine")
    assert evaluate(models, mine, "--no-robustness", "--out", str(tmp_path / "out")) == 0
    assert "could not be noted" in capsys.readouterr().out
    assert (tmp_path / "out" / "tiny" / "evaluation.json").is_file()


@pytest.mark.usefixtures("untimed")
def test_the_test_splits_robustness_stays(
    models: Path, made_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corruptions, "DAMAGES", corruptions.DAMAGES[:1])
    assert evaluate(models, made_data, "--split", "validation") == 0
    file = models / "tiny" / "robustness.csv"
    assert set(pd.read_csv(file)["split"]) == {"validation"}
    assert evaluate(models, made_data) == 0
    kept = file.read_bytes()
    assert set(pd.read_csv(file)["split"]) == {"test"}
    assert evaluate(models, made_data, "--split", "validation") == 0
    assert file.read_bytes() == kept


def test_label_sets_are_no_choice_for_folders(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = own_faces(tmp_path / "mine", "happy", "sad")
    assert evaluate(models, mine, "--labels", "fer2013", "--no-robustness") == 1
    assert "leave --labels out" in capsys.readouterr().err


def test_a_model_of_other_data_leaves_the_shared_near_duplicates_alone(
    models: Path, made_data: Path
) -> None:
    shared = models / "near_duplicates.csv"
    shared.write_text("split,image,other_split,other_image,correlation,mirrored\n")
    table = read_record(models / "tiny").near_duplicates
    assert table is not None
    assert table.empty
    (models / "other").mkdir()
    for name in ("model.tflite", "model.keras"):
        shutil.copy(models / "tiny" / name, models / "other" / name)
    values = json.loads((models / "tiny" / "model.json").read_text()) | {"name": "other"}
    (models / "other" / "model.json").write_text(json.dumps(values))
    values["dataset"]["fingerprint"] = "another"
    (models / "tiny" / "model.json").write_text(json.dumps(values | {"name": "tiny"}))
    kept = shared.read_bytes()
    options = ("--model", "other", "--no-robustness", "--split", "validation")
    assert evaluate(models, made_data, *options) == 0
    assert shared.read_bytes() == kept
    assert (models / "other" / "near_duplicates.csv").is_file()
    assert read_record(models / "other").near_duplicates is not None


@pytest.mark.usefixtures("untimed")
def test_somebodys_own_faces_leave_the_models_alone(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_faces(tmp_path / "mine", "happy", "sad")
    before = state(models)
    file = tmp_path / "mine.json"
    assert evaluate(models, tmp_path / "mine", "--json", str(file)) == 0
    assert state(models) == before
    assert "left as it was" in capsys.readouterr().out
    report = json.loads(file.read_text())
    assert report["dataset"] == "folder"
    assert report["headline"]["images"] == 6
    assert len(report["robustness"]) > 20


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (["--split", "nonsense"], 2, "invalid choice"),
        (["--model", "nobody"], 1, "nobody"),
        (["--model", "../tiny"], 1, "no model"),
        (["--json", "/nowhere/at/all.json"], 2, "a folder that exists"),
    ],
)
def test_wrong_usage_and_missing_things_are_named(
    models: Path,
    made_data: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    status: int,
    message: str,
) -> None:
    try:
        code: str | int | None = evaluate(
            models, made_data, "--split", "validation", "--no-robustness", *change
        )
    except SystemExit as end:
        code = end.code
    assert code == status
    assert message in capsys.readouterr().err


def test_missing_data_is_named(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(models, tmp_path / "absent.zip") == 1
    assert "does not exist" in capsys.readouterr().err


@pytest.fixture
def adapted(models: Path, adaptations: Path) -> Adaptation:
    """Everything is sad, for the network `tiny`."""
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 30
    sadder = Adaptation("sadder", described_network(load_bundle("tiny", models)), offsets)
    save_adaptation(sadder, adaptations)
    return sadder


@pytest.mark.usefixtures("untimed")
def test_faces_unlike_those_of_an_adaptation_are_scored_as_without_it(
    models: Path,
    made_data: Path,
    adapted: Adaptation,
    adaptations: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(corruptions, "DAMAGES", corruptions.DAMAGES[:1])
    crop = np.zeros((1, 48, 48, 1), np.float32)
    count = load_classifier("tiny", models).read(crop).features.size
    unlike = Likeness(np.zeros((1, count)), np.array([50.0]))
    save_adaptation(replace(adapted, name="elsewhere", likeness=unlike), adaptations)
    reports = []
    for more in ((), ("--adaptation", "elsewhere")):
        file = tmp_path / f"{len(more)}.json"
        assert evaluate(models, made_data, *more, "--json", str(file)) == 0
        reports.append(json.loads(file.read_text()))
    plain, found = reports
    assert found["adaptation"]["like_faces_only"]
    assert all(found[part] == plain[part] for part in ("headline", "robustness"))


@pytest.mark.usefixtures("untimed")
def test_an_adaptation_is_scored_named_and_kept_apart(
    models: Path,
    made_data: Path,
    adapted: Adaptation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(corruptions, "DAMAGES", corruptions.DAMAGES[:1])
    before = state(models / "tiny")
    file, out = tmp_path / "report.json", tmp_path / "out"
    more = ("--adaptation", "sadder", "--json", str(file))
    assert evaluate(models, made_data, *more) == 0
    printed = capsys.readouterr().out
    assert f"sadder, strength 1.0, fingerprint {adapted.fingerprint}" in printed
    assert "holds the network's own scores" in printed
    report = json.loads(file.read_text())
    assert report["adaptation"] == adapted.described()
    full = report["scores"]["ferplus"]["full"]
    assert full["per_class"]["sad"]["recall"]["value"] == 1
    assert full["accuracy"]["value"] == pytest.approx(full["per_class"]["sad"]["images"] / 37)
    same = {round(row["accuracy"], 4) for row in report["robustness"]}
    assert len(same) == 1, "every damaged face is sad, too"
    assert "sadder" in pd.read_csv(models / "runs.csv")["note"].iloc[-1]
    assert state(models / "tiny") == before
    assert evaluate(models, made_data, *more, "--no-robustness", "--out", str(out)) == 0
    kept = read_record(out / "tiny")
    assert kept.evaluations["ferplus_test"]["adaptation"]["name"] == "sadder"
    sad = kept.predictions["ferplus_test"].served_probs[:, EXPRESSIONS.index("sad")]
    assert sad.min() > 0.99
    assert state(models / "tiny") == before


@pytest.mark.usefixtures("untimed")
def test_a_weaker_strength_leaves_the_networks_answers(
    models: Path, made_data: Path, adapted: Adaptation, tmp_path: Path
) -> None:
    def answers(*more: str) -> NDArray[np.float64]:
        given = (*more, "--no-robustness", "--split", "validation", "--out", str(tmp_path / "out"))
        assert evaluate(models, made_data, *given) == 0
        record = read_record(tmp_path / "out" / "tiny")
        return record.predictions["ferplus_validation"].served_probs

    plain = answers()
    assert np.allclose(answers("--adaptation", "sadder", "--strength", "0"), plain, atol=1e-3)
    assert not np.allclose(answers("--adaptation", "sadder", "--strength", "0.1"), plain, atol=0.1)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        (("--adaptation", "none"), 1, "There is no adaptation"),
        (("--adaptation", "damaged"), 1, "is no usable adaptation"),
        (("--adaptation", "foreign"), 1, "made for 'another'"),
        (("--strength", "0.5"), 2, "--strength needs an --adaptation"),
        (("--adaptation", "sadder", "--out", "{models}"), 2, "name another folder"),
    ],
)
def test_an_adaptation_that_cannot_be_used_is_told_before_anything_is_measured(
    models: Path,
    made_data: Path,
    adapted: Adaptation,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    folder = tmp_path / "adaptations"
    (folder / "damaged.json").write_text("{")
    model = {"name": "another", "sha256": "0"}
    save_adaptation(replace(adapted, name="foreign", model=model), folder)
    before = state(models)
    given = [word.format(models=models) for word in more]
    assert evaluate(models, made_data, *given) == status
    assert words in capsys.readouterr().err
    assert state(models) == before
